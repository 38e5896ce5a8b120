"""The measurement that `bench/capture` starts; see there."""

import argparse
import array
import math
import os
import pathlib
import random
import re
import resource
import subprocess
import sys
import tempfile
import wave

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "board/sim"))
sys.path.insert(0, str(ROOT / "bench"))
import demo  # noqa: E402
from footprint import show  # noqa: E402

RATE, OUTPUT = 48_000, 16_000
MODEL = "/usr/share/pocketsphinx/model/en-us"
#: dB, and what the slowest of one run may cost beside the pipe of arecord and sox.
STOP_BAND_TARGET, PASS_BAND_TARGET, CPU_TARGET = 80, 0.1, 1.3
#: Samples at 16 kHz between where a click is and where it should be.
CLICK_TARGET = 1
#: Word errors in a hundred words, beside those of the clean file.
WORDS_TARGET = 1
PASS_BAND = [100, 300, 1000, 2000, 3000, 4000, 5000, 6000, 6500, 6800, 7000, 7100, 7200]
STOP_BAND = [8100, 8130, 8170, 8200, 8300, 8500, 8800, 9200, 10_000, 11_000, 12_000, 13_000, 14_000, 15_000, 15_900,
             16_300, 17_000, 18_500, 20_000, 22_000, 23_500]
#: Each tone lasts so long, and is measured in the middle of it, where a resampler has settled.
TONE_SECONDS, MEASURED_SECONDS = 0.4, 0.2
#: 1 dB below full scale.
AMPLITUDE = 10 ** (-1 / 20)
CLICK_SECONDS = 0.25
LIBRARIES = [("soxr", "mq"), ("soxr", "hq"), ("soxr", "vhq"), ("speex", "3"), ("speex", "5"), ("speex", "7"),
             ("speex", "10"), ("src", "medium")]
#: ALSA's own, by the names that `rate_converter` takes (alsa-lib, libasound2-plugins).
CONVERTERS = ["linear", "speexrate", "speexrate_medium", "speexrate_best", "samplerate_medium"]


def tones():
    """A click, then each tone; from -1 to 1 at 48 kHz."""
    half = round(CLICK_SECONDS * RATE)
    # A Gauss pulse that is narrow in frequency, so that no resampler changes its shape.
    samples = [0.9 * math.exp(-(((n - half) / 24) ** 2)) for n in range(2 * half)]
    length = round(TONE_SECONDS * RATE)
    for frequency in PASS_BAND + STOP_BAND:
        step = 2 * math.pi * frequency / RATE
        # Faded in and out within 10 ms: the ends of a tone are heard everywhere.
        samples += [AMPLITUDE * min(1, n / 480, (length - n) / 480) * math.sin(step * n) for n in range(length)]
    return samples + [0] * RATE


def children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def decibels(ratio):
    return 20 * math.log10(ratio) if ratio > 0 else -200


def amplitude(samples, frequency):
    """Of one frequency in the samples (the window is a whole number of its periods)."""
    step = 2 * math.pi * frequency / OUTPUT
    real = sum(value * math.cos(step * n) for n, value in enumerate(samples))
    imaginary = sum(value * math.sin(step * n) for n, value in enumerate(samples))
    return 2 * math.hypot(real, imaginary) / len(samples)


class Quality:
    """What became of `tones`: the samples at 16 kHz, from -1 to 1."""

    def __init__(self, samples):
        half = round(CLICK_SECONDS * OUTPUT)
        click = samples[:2 * half]
        weight = sum(value * value for value in click)
        place = sum(n * value * value for n, value in enumerate(click)) / weight if weight else 0
        self.shift = place - half
        self.ripple, self.leak, self.twelve = 0, -200, -200
        offset = round(self.shift)
        length = TONE_SECONDS * OUTPUT
        for number, frequency in enumerate(PASS_BAND + STOP_BAND):
            middle = 2 * half + offset + length * (number + 0.5)
            part = samples[round(middle - MEASURED_SECONDS * OUTPUT / 2):round(middle + MEASURED_SECONDS * OUTPUT / 2)]
            if frequency in PASS_BAND:
                change = decibels(amplitude(part, frequency) / AMPLITUDE)
                self.ripple = max(self.ripple, abs(change))
                continue
            # Whatever is left of a tone that should be gone, at any frequency.
            left = decibels(math.sqrt(2 * sum(value * value for value in part) / len(part)) / AMPLITUDE)
            self.leak = max(self.leak, left)
            if frequency == 12_000:
                self.twelve = left


class Bench:
    def __init__(self, options, directory):
        self.options, self.directory = options, directory
        self.environment = dict(os.environ, ALSA_CONFIG_PATH=str(directory / "asound.conf"))
        samples = tones()
        array.array("f", samples).tofile(open(directory / "tones.f32", "wb"))
        self.save("tones.s16", (round(32_767 * value) for value in samples))
        self.tone_seconds = len(samples) / RATE
        self.load()
        self.devices()

    def save(self, name, values):
        with open(self.directory / name, "wb") as file:
            array.array("h", values).tofile(file)

    def load(self):
        """What the time is measured with: noise, stereo, as a microphone gives it."""
        chance = random.Random(1)
        second = array.array("h", (round(chance.gauss(0, 3_000)) for _ in range(2 * RATE)))
        with open(self.directory / "load.s16", "wb") as file:
            for _ in range(self.options.seconds):
                second.tofile(file)

    def devices(self):
        lines = ["</usr/share/alsa/alsa.conf>", f'pcm_type.chalkmic {{ lib "{self.options.device}" }}']
        for name, file, channels in (("tones", "tones.s16", 1), ("load", "load.s16", 2), ("speech", "speech.s16", 2)):
            lines.append(f'pcm.{name} {{ type chalkmic infile "{self.directory / file}" rate {RATE} '
                         f"format S16_LE channels {channels} }}")
            lines += [f'pcm.{name}-{converter} {{ type plug slave.pcm "{name}" rate_converter "{converter}" }}'
                      for converter in CONVERTERS]
        (self.directory / "asound.conf").write_text("\n".join(lines) + "\n")

    # MARK: Who converts

    def library(self, library, quality):
        """Its own calls only: the samples, and CPU seconds an audio minute, and what it held back."""
        def run(source):
            with open(self.directory / source, "rb") as file:
                return subprocess.run([self.options.resample, library, quality, str(RATE)], stdin=file, check=True,
                                      capture_output=True)
        samples = array.array("f", run("tones.f32").stdout)
        with open(self.directory / "load.s16", "rb") as file, open(self.directory / "load.f32", "wb") as target:
            values = array.array("h", file.read(4 * RATE * min(60, self.options.seconds)))
            array.array("f", (value / 32_768 for value in values[::2])).tofile(target)
        cpu, held = run("load.f32").stderr.split()
        return samples, float(cpu) * 60 / min(60, self.options.seconds), float(held)

    def timed(self, *commands, limit=None):
        """The output of commands joined by pipes, at most `limit` bytes of it, and the CPU seconds of them all."""
        before, processes, source = children_seconds(), [], None
        for command in commands:
            processes.append(subprocess.Popen(
                list(map(str, command)), stdin=source or subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, env=self.environment))
            source = processes[-1].stdout
        output, count = [], 0
        while (limit is None or count < limit) and (part := os.read(source.fileno(), 1 << 16)):
            output.append(part)
            count += len(part)
        source.close()
        for process in processes:
            process.wait(20)
        return b"".join(output)[:limit], children_seconds() - before

    def arecord(self, device, seconds, rate=OUTPUT, channels=1):
        return ["arecord", "-q", "-D", device, "-t", "raw", "-f", "S16_LE", "-r", rate, "-c", channels,
                "-d", math.ceil(seconds)]

    def alsa(self, converter, device, seconds):
        return self.timed(self.arecord(f"{device}-{converter}", seconds))

    def sox(self, device, channels, seconds):
        """What people use who want it good: sox's `rate -h` is soxr's HQ."""
        source = ["-t", "raw", "-r", RATE, "-e", "signed", "-b", 16, "-c", channels, "-"]
        return self.timed(
            self.arecord(device, seconds, RATE, channels),
            ["sox", "-q", *source, "-t", "raw", "-r", OUTPUT, "-b", 16, "-c", 1, "-", "remix", "-", "rate", "-h"])

    def chalkbox(self, device, seconds):
        """The shipped binary: as much as is wanted, behind the header of its WAV file."""
        output, cpu = self.timed(
            [self.options.chalkbox, "microphone", "listen", "--config", "/dev/null", "--set", f"audio.device={device}",
             "--socket", self.directory / "nobody.sock"], limit=44 + 2 * OUTPUT * math.ceil(seconds))
        return output[44:], cpu

    # MARK: Words

    def words(self):
        """Word errors in a hundred, of the clean file, and through each converter with noise that nobody hears."""
        samples, reference = demo.lesson()
        with wave.open(str(self.directory / "speech.wav"), "wb") as file:
            file.setparams((1, 2, OUTPUT, 0, "NONE", ""))
            file.writeframes(samples)
        raw = ["-t", "raw", "-r", str(RATE), "-e", "signed", "-b", "16", "-c", "2"]

        def sox(*arguments):
            subprocess.run(["sox", *arguments], cwd=self.directory, check=True, stderr=subprocess.DEVNULL)
        seconds = len(samples) / 2 / OUTPUT
        # Two steep filters one after the other: the noise itself must not reach below 8 kHz.
        sox("-R", "-n", *raw, "noise.raw", "synth", f"{seconds}", "whitenoise", "sinc", "-n", "4095", "8400",
            "sinc", "-n", "4095", "8400", "gain", "-n", "-30")
        sox("speech.wav", *raw, "clean.raw", "gain", "-6", "rate", "-v", str(RATE))
        sox("-m", *raw, "-v", "1", "clean.raw", *raw, "-v", "1", "noise.raw", *raw, "speech.s16")

        def errors(heard):
            result = subprocess.run([self.options.words, MODEL], input=heard, check=True, stdout=subprocess.PIPE)
            found = re.findall(r"[a-z']+", result.stdout.decode().replace("mr.", "mister"))
            return 100 * demo.word_errors(reference, found) / len(reference)
        quiet = array.array("h", samples)
        quiet = array.array("h", (round(value * 10 ** (-6 / 20)) for value in quiet))
        rows = [("clean 16 kHz file", errors(quiet.tobytes()))]
        if self.options.has_listen:
            rows.append(("chalkbox", errors(self.chalkbox("speech", seconds)[0])))
        rows.append(("ALSA linear", errors(self.alsa("linear", "speech", seconds)[0])))
        return rows

    # MARK: All of it

    def row(self, name, samples, cpu, held=None):
        return name, Quality(samples), cpu, held

    def measure(self):
        seconds, rows = self.options.seconds, []
        for library, quality in LIBRARIES:
            say(f"{library} {quality}")
            rows.append(self.row(f"{NAMES[library]} {quality}", *self.library(library, quality)))
        pipes = [(f"arecord, ALSA {one}", lambda device, channels, time, one=one: self.alsa(one, device, time))
                 for one in CONVERTERS if self.has_converter(one)]
        pipes.append(("arecord \\| sox rate -h", self.sox))
        if self.options.has_listen:
            pipes.append(("chalkbox", lambda device, channels, time: self.chalkbox(device, time)))
        for name, run in pipes:
            say(name)
            samples = array.array("h", run("tones", 1, self.tone_seconds)[0])
            cpu = min(run("load", 2, seconds)[1] for _ in range(3))
            rows.append(self.row(name, [value / 32_767 for value in samples], cpu * 60 / seconds))
        return rows

    def has_converter(self, name):
        directory = subprocess.run(["pkg-config", "--variable=libdir", "alsa"], stdout=subprocess.PIPE, text=True)
        plug_in = pathlib.Path(directory.stdout.strip()) / "alsa-lib" / f"libasound_module_rate_{name}.so"
        return name == "linear" or plug_in.exists()


NAMES = {"soxr": "libsoxr", "speex": "libspeexdsp", "src": "libsamplerate sinc"}


def say(text):
    print(f"measuring {text}", file=sys.stderr, flush=True)


def report(options, rows, words):
    sox = next(cpu for name, _, cpu, _ in rows if "sox rate" in name)
    table = [["48 to 16 kHz", "above 8.1 kHz", "12 kHz", "to 7.2 kHz", "CPU s per audio minute", "click", "held back"]]
    for name, quality, cpu, held in rows:
        ratio = f" ({cpu / sox:.2f} ×)" if held is None else ""
        table.append([
            name, f"{quality.leak:.0f} dB", f"{quality.twelve:.0f} dB", f"± {quality.ripple:.2f} dB",
            f"{cpu:.3f}{ratio}", f"{quality.shift:+.1f}", "–" if held is None else f"{held:.0f}"])
    print(show(table, options.markdown))
    print("""
Above 8.1 kHz: what is left of the worst of 21 tones; 16 bits end near -95 dB. A library's CPU is that of its own calls,
with one channel; others are whole processes with two channels, and N × is their share of arecord | sox. Click: samples at
16 kHz by which it comes late; held back: those that a library still has when it was given all.
""")
    table = [["speech, noise above 8 kHz", "word errors"]] + [[name, f"{share:.1f} %"] for name, share in words]
    print(show(table, options.markdown))
    missed = []
    if options.has_listen:
        name, quality, cpu, _ = next(row for row in rows if row[0] == "chalkbox")
        if quality.leak > -STOP_BAND_TARGET:
            missed.append(f"{quality.leak:.0f} dB above 8.1 kHz, target -{STOP_BAND_TARGET}")
        if quality.ripple > PASS_BAND_TARGET:
            missed.append(f"± {quality.ripple:.2f} dB to 7.2 kHz, target ± {PASS_BAND_TARGET}")
        if abs(quality.shift) > CLICK_TARGET:
            missed.append(f"a click is {quality.shift:+.1f} samples late, target ± {CLICK_TARGET}")
        if cpu > CPU_TARGET * sox:
            missed.append(f"CPU {cpu / sox:.2f} × arecord | sox, target {CPU_TARGET}")
        if words and words[1][1] > words[0][1] + WORDS_TARGET:
            missed.append(f"{words[1][1]:.1f} % word errors, clean {words[0][1]:.1f} %")
    print("missed: " + "; ".join(missed) if missed else "all targets are met")
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(prog="bench/capture")
    parser.add_argument("--chalkbox", required=True, help="the shipped binary")
    parser.add_argument("--resample", required=True, help="bench/capture-resample.c, compiled")
    parser.add_argument("--words", required=True, help="bench/capture-words.c, compiled")
    parser.add_argument("--device", required=True, help="bench/capture-device.c, compiled")
    parser.add_argument("--markdown", action="store_true", help="the table as docs/BENCHMARKS.md has it")
    parser.add_argument("--seconds", type=int, default=int(os.environ.get("CHALKBOX_CAPTURE_SECONDS", 300)),
                        help="length of what the time is measured with, at least 20")
    options = parser.parse_args()
    options.has_listen = options.chalkbox != "none"
    if options.seconds < 20:
        parser.error("--seconds takes at least 20: a process has to start, too")
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as directory:
        bench = Bench(options, pathlib.Path(directory))
        words = bench.words()
        return report(options, bench.measure(), words)


if __name__ == "__main__":
    sys.exit(main())
