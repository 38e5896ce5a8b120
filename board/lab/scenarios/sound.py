"""Microphones of every rate, format and number of channels: each sample against an offline reference; a card's mixer."""
import array
import itertools
import math
import random
import subprocess

from box import Box, TREE, check

RATES, FORMATS, CHANNELS = (44_100, 48_000, 96_000), ("S16_LE", "S24_LE", "S32_LE"), (1, 2, 4)
#: Each value of each kind once with each other, where not everything is wanted.
SOME = [(rate, FORMATS[(i + j) % 3], channels) for i, rate in enumerate(RATES) for j, channels in enumerate(CHANNELS)]
OUTPUT = 16_000
CARD = "Microphone"
PLAYBACK, CAPTURE = f"hw:CARD={CARD},DEV=0,SUBDEV=0", f"hw:CARD={CARD},DEV=1"
#: Silence before the sound, so that the recorder is there by then.
LEAD_SECONDS, SOUND_SECONDS = 4, 2
#: The last of 16 bits, for each of two roundings.
TOLERANCE = 2
TOOL = "bench/capture-resample.c"


def run(lab):
    box = Box(lab, settings=f"transcription.enabled = no\naudio.device = {CAPTURE}")
    box.boot()
    tool = compile_tool(lab)
    combinations = list(itertools.product(RATES, FORMATS, CHANNELS)) if lab.everything else SOME
    worst = max(bound(box, tool, *combination) for combination in combinations)
    unbound = free(box, tool)
    box.close()
    lab.boxes.remove(box)
    return [f"{len(combinations)} kinds of microphone: samples within {worst} of the reference",
            f"a device that any rate suits: within {unbound}", *mixer(lab)]


def compile_tool(lab):
    target = lab.scratch / "capture-resample"
    subprocess.run(["cc", "-O2", "-o", target, TREE / TOOL, "-lsoxr", "-lspeexdsp", "-lsamplerate"], check=True)
    return target


def sound(rate):
    """Noise below 7 kHz that begins at once, with its place in no doubt; from -1 to 1."""
    chance = random.Random(19)
    tones = [(chance.uniform(100, 7_000), chance.uniform(0, 2 * math.pi)) for _ in range(24)]
    samples = []
    for n in range(SOUND_SECONDS * rate):
        samples.append(sum(math.sin(2 * math.pi * f * n / rate + phase) for f, phase in tones) / 40)
    return samples


def packed(samples, name, channels):
    """As a device has it; each channel the same."""
    scale, kind = {"S16_LE": (32_767, "h"), "S24_LE": (8_388_607, "i"), "S32_LE": (2_147_483_647, "i")}[name]
    data = array.array(kind)
    for value in samples:
        data.extend([round(value * scale)] * channels)
    return data.tobytes()


def bound(box, tool, rate, name, channels):
    """The device plays before the recorder comes, and has one rate, one format and its channels by then."""
    samples = sound(rate)
    lead = bytes(LEAD_SECONDS * rate * channels * (2 if name == "S16_LE" else 4))
    box.guest.put("/run/sound.raw", lead + packed(samples, name, channels) + lead)
    player = box.guest.start(
        f"exec nice -n -10 aplay -q -D {PLAYBACK} -t raw -f {name} -r {rate} -c {channels} /run/sound.raw")
    box.guest.run(f"until grep -q RUNNING /proc/asound/{CARD}/pcm0p/sub0/status; do sleep 0.1; done")
    return compare(box, tool, player, samples, rate, f"{rate} Hz {name}, {channels} channels")


def free(box, tool):
    """The recorder comes first and chooses; whoever plays has to follow."""
    box.chalkbox("start")
    box.wait_for_event(r"^phase .*to=live")
    text = box.guest.run(f"cat /proc/asound/{CARD}/pcm1c/sub0/hw_params")
    chosen = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    rate, name, channels = int(chosen["rate"].split()[0]), chosen["format"], int(chosen["channels"])
    samples = sound(rate)
    box.guest.put("/run/sound.raw", packed(samples, name, channels) + bytes(rate * channels * 4))
    player = box.guest.start(f"exec aplay -q -D {PLAYBACK} -t raw -f {name} -r {rate} -c {channels} /run/sound.raw")
    return compare(box, tool, player, samples, rate, "unbound", begun=True)


def compare(box, tool, player, samples, rate, what, begun=False):
    if not begun:
        box.chalkbox("start")
        box.wait_for_event(r"^phase .*to=live")
    check(player.end() == 0, f"{what}: aplay failed: " + " ".join(player.lines))
    box.chalkbox("stop")
    check(not box.seen(r"^xrun"), f"{what}: an overrun")
    recorded = array.array("h", box.recorded())
    first = next((n for n, value in enumerate(recorded) if abs(value) > 64), None)
    check(first is not None, f"{what}: nothing was recorded")
    # The recorder came between two samples of 16 kHz: each place of the device's own is one to try.
    step = rate / OUTPUT
    coarse = round(first * step)
    differences = {lead: difference(tool, samples, rate, lead, recorded)
                   for lead in range(max(0, coarse - round(8 * step)), coarse + round(4 * step))}
    best = min(differences.values())
    check(best <= TOLERANCE, f"{what}: {best} beside the reference")
    return best


def difference(tool, samples, rate, lead, recorded):
    """The greatest, when the sound begins `lead` of the device's samples after the recording. A lead is cut off by what
    is a whole number of samples at both rates; silence before it lets the reference settle."""
    common = math.gcd(rate, OUTPUT)
    taken, made = rate // common, OUTPUT // common
    kept = 1_000 // made + 1
    whole = lead // taken
    source = array.array("f", bytes(4 * (kept * taken + lead % taken))) + array.array("f", samples)
    result = subprocess.run([tool, "soxr", "vhq", str(rate)], input=source.tobytes(), stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=True).stdout
    reference = array.array("f", result)
    shift = (whole - kept) * made
    begin, worst = kept * made - 400, 0
    # The end of the sound is heard in the last samples, and a resampler keeps some of them.
    for place in range(begin, min(len(reference), begin + SOUND_SECONDS * OUTPUT - 800)):
        if 0 <= place + shift < len(recorded):
            worst = max(worst, abs(recorded[place + shift] - round(32_768 * reference[place])))
            if worst > 1_000:
                break
    return worst


def mixer(lab):
    """QEMU's sound card has a capture volume and a switch."""
    box = Box(lab, "codec", settings="transcription.enabled = no\naudio.device = hw:CARD=Intel\n"
                                     "audio.capture_volume = 70%")
    box.guest.options += ["-audiodev", "none,id=sound", "-device", "intel-hda", "-device", "hda-micro,audiodev=sound"]
    box.boot()
    box.guest.run("modprobe snd_hda_codec_generic; modprobe snd_hda_intel; udevadm settle")
    box.guest.run("amixer -q -c Intel sset Capture 10% nocap")
    box.chalkbox("start")
    told = box.wait_for_event(r"^mixer ").text
    box.chalkbox("stop")
    state = box.guest.run("amixer -c Intel sget Capture")
    check("[on]" in state and "reason" not in told, f"{told}\n{state}")
    box.guest.run("sed -i 's/^capture_volume.*/capture_volume =/' /etc/chalkbox/chalkbox.conf; "
                  "amixer -q -c Intel sset Capture nocap; systemctl restart chalkbox")
    box.wait_for_event(r"^ready ")
    box.chalkbox("start")
    muted = box.wait_for_event(r"^mixer ").text
    box.chalkbox("stop")
    check("muted" in muted, muted)
    return [f"a codec's mixer: set and read back ({told}); switched off: told"]
