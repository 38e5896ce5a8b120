"""The measurement that `bench/footprint` starts; see there."""

import argparse
import collections
import json
import os
import pathlib
import re
import select
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "board/sim"))
import demo  # noqa: E402

SIZE_BUDGET = 960_000
RSS_BUDGET = 16_000_000
#: After the start: imports, connections and first buffers are not what a lesson costs.
SETTLE_SECONDS = 5
PIPE_SECONDS = 20
FRAME = 3_200  # 100 ms


def pause(seconds):
    select.select([], [], [], seconds)


def read(pid, name):
    return pathlib.Path(f"/proc/{pid}/{name}").read_text()


def cpu_seconds(pid):
    """Nanoseconds on a processor of every living thread (proc(5), schedstat): stat's ticks are 10 ms each."""
    return sum(int(path.read_text().split()[0]) for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9


def written(pid):
    """Bytes in the pages that the process gave to the kernel for the medium; a page synced twice counts twice."""
    return int(re.search(r"^write_bytes: (\d+)", read(pid, "io"), re.M)[1])


def memory(pid):
    fields = dict(re.findall(r"^(\w+): +(\d+) kB", read(pid, "smaps_rollup"), re.M))
    return int(fields["Rss"]) * 1024, int(fields["Pss"]) * 1024


def libraries(binary):
    """What the loader brings in for the program itself."""
    output = subprocess.run(["ldd", binary], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {os.path.realpath(path) for path in re.findall(r"(/\S+) \(0x", output)}


def breakdown(pid, binary):
    """RSS and PSS by what the memory is for."""
    own, parts, group = libraries(binary), collections.defaultdict(lambda: [0, 0]), ""
    for line in read(pid, "smaps").splitlines():
        if mapping := re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ *(.*)", line):
            path = mapping[1]
            if path == str(binary):
                group = "the program"
            elif path in own:
                group = "libraries that it links"
            elif "pulse" in path or re.search(r"\.so[.\d]*$", path):
                group = "the sound server's client library"
            elif path in ("", "[heap]", "[stack]"):
                group = "heap, stacks and 2 MiB of audio"
            else:
                group = "other"
        elif field := re.match(r"(Rss|Pss): +(\d+) kB", line):
            parts[group][field[1] == "Pss"] += int(field[2]) * 1024
    return dict(parts)


def program_bytes(pids):
    """The files that the processes execute from: programs and shared libraries, each once."""
    paths = set()
    for pid in pids:
        paths |= set(re.findall(r"(/\S+)$", read(pid, "maps"), re.M))
    return sum(os.path.getsize(path) for path in paths if os.access(path, os.X_OK) or ".so" in path)


class Usage:
    """What a row of processes needs during a window of time."""

    def __init__(self, pids, seconds, payload=None):
        payload = payload or (lambda: 0)
        self.files = program_bytes(pids)
        self.rss = self.pss = 0
        start, cpu, flash, size = time.monotonic(), *self.totals(pids), payload()
        while (left := start + seconds - time.monotonic()) > 0:
            pause(min(1, left))
            rss, pss = (sum(values) for values in zip(*map(memory, pids)))
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)
        minutes = (time.monotonic() - start) / 60
        cpu_end, flash_end = self.totals(pids)
        self.cpu = (cpu_end - cpu) / minutes
        self.payload = payload() - size
        self.flash = flash_end - flash

    @staticmethod
    def totals(pids):
        return sum(map(cpu_seconds, pids)), sum(map(written, pids))


class Bench(demo.Room):
    """The demonstration's room, with a lesson that is long enough and one job at a time."""

    def __init__(self, options, directory, disk):
        super().__init__(options, directory)
        self.disk = disk
        self.state = disk / "state"

    def lesson(self):
        samples, words = super().lesson()
        length = (self.options.seconds + 120) * demo.RATE * 2
        times = length // len(samples) + 1
        return (samples * times)[:length], words * times

    def furnish(self):
        super().furnish()
        self.fifo = self.directory / "samples"
        os.mkfifo(self.fifo)
        # The second file stands alone: the system's would load the sound server's library to see whether it runs.
        self.pipe = self.directory / "pipe.conf"
        self.pipe.write_text(
            f'pcm.pipe {{ type file slave.pcm {{ type null }} file "/dev/null" format "raw" infile "{self.fifo}" }}\n')
        self.environment["SSL_CERT_FILE"] = str(self.directory / "ca.pem")

    @staticmethod
    def reap(process):
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def feed(self, stop):
        """The lesson in real time, into the pipe that the ALSA device `pipe` reads."""
        descriptor = os.open(self.fifo, os.O_RDWR | os.O_NONBLOCK)
        start = time.monotonic()
        for number, offset in enumerate(range(0, len(self.samples), FRAME)):
            late = start + number * FRAME / 32_000 - time.monotonic()
            if stop.wait(max(0, late)):
                break
            try:
                os.write(descriptor, self.samples[offset:offset + FRAME])
            except BlockingIOError:
                pass  # nobody reads yet
        os.close(descriptor)

    def recorder(self, device, seconds):
        """One lesson in the shipped daemon: what it needs, and what its memory is for."""
        self.daemon("--set", f"audio.device={device}")
        daemon = self.processes.pop()
        try:
            control = demo.Control(self.control)
            control.ask(do="start")
            self.wait_for_status(control, lambda status: status["phase"] == "live")
            pause(SETTLE_SECONDS)
            usage = Usage([daemon.pid], seconds, self.recorded_bytes)
            parts = breakdown(daemon.pid, self.options.chalkbox)
            status = control.ask(do="status")
            if status["phase"] != "live" or status["uplink"]["sessions"] != 1 or status["recording"]["xruns"]:
                raise SystemExit(f"the lesson was not an undisturbed one: {json.dumps(status)}")
            if not status["recording"]["finalWords"]:
                raise SystemExit("no word came in the window: choose a longer one")
            control.ask(do="stop")
            self.wait_for_status(control, lambda status: status["phase"] == "finished")
        finally:
            daemon.terminate()
            self.reap(daemon)
        return usage, parts

    def recorded_bytes(self):
        return sum(path.stat().st_size for path in self.state.glob("recordings/*/*.flac"))

    def pipeline(self, *commands, output=None):
        """Commands joined by pipes, measured together; stopped by the end of the first."""
        processes, source = [], None
        with open(self.directory / "pipeline.err", "wb") as errors, open(self.directory / "text", "wb") as text:
            for number, command in enumerate(commands):
                last = number == len(commands) - 1
                process = subprocess.Popen(
                    list(map(str, command)), stdin=source or subprocess.DEVNULL, stderr=errors,
                    stdout=text if last else subprocess.PIPE, env=self.environment)
                if source:
                    source.close()
                source = process.stdout
                processes.append(process)
        try:
            pause(SETTLE_SECONDS)
            size = (lambda: output.stat().st_size) if output else None
            usage = Usage([process.pid for process in processes], self.options.seconds, size)
        finally:
            codes = [process.poll() for process in processes]
            processes[0].terminate()
            for process in processes:
                self.reap(process)
        if any(code is not None for code in codes):
            raise SystemExit(f"{commands} ended: {codes}\n{(self.directory / 'pipeline.err').read_text()}")
        return usage

    def key(self):
        addresses = json.loads(self.ready.read_text())
        request = urllib.request.Request(
            addresses["tokenURL"], method="POST", headers={"Authorization": "Bearer room-12-secret"})
        context = ssl.create_default_context(cafile=self.directory / "ca.pem")
        with urllib.request.urlopen(request, context=context) as answer:
            return addresses["webSocketURL"], json.load(answer)["apiKey"]

    def measure(self):
        arecord = ["arecord", "-q", "-D", "lesson", "-t", "raw", "-f", "S16_LE", "-r", demo.RATE, "-c", 1]
        say("chalkbox: records, transcribes, TLS, synced journal")
        chalkbox, parts = self.recorder("lesson", self.options.seconds)
        say("chalkbox once more, samples from a pipe instead of the sound server")
        stop = threading.Event()
        feeder = threading.Thread(target=self.feed, args=(stop,))
        feeder.start()
        virtual = self.environment["ALSA_CONFIG_PATH"]
        self.environment["ALSA_CONFIG_PATH"] = str(self.pipe)
        try:
            plain, _ = self.recorder("pipe", min(PIPE_SECONDS, self.options.seconds))
        finally:
            self.environment["ALSA_CONFIG_PATH"] = virtual
            stop.set()
            feeder.join()
        say("arecord | flac -5")
        target = self.disk / "arecord.flac"
        flac = self.pipeline(arecord, [
            "flac", "-5", "-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "--channels=1",
            "--bps=16", f"--sample-rate={demo.RATE}", "-o", target, "-"], output=target)
        say("ffmpeg -f alsa")
        target = self.disk / "ffmpeg.flac"
        ffmpeg = self.pipeline([
            "ffmpeg", "-nostdin", "-loglevel", "error", "-f", "alsa", "-channels", 1, "-sample_rate", demo.RATE,
            "-i", "lesson", "-y", target], output=target)
        say("arecord | the official Python client")
        url, key = self.key()
        client = self.pipeline(
            arecord, [self.options.python, ROOT / "bench/stream.py", "--url", url, "--key", key])
        if not (self.directory / "text").read_text().strip():
            raise SystemExit("the official client heard nothing")
        return chalkbox, parts, plain, {"arecord \\| flac -5": flac, "ffmpeg": ffmpeg, "arecord \\| soniox": client}


def say(text):
    print(f"measuring {text}", file=sys.stderr, flush=True)


def megabytes(value):
    return f"{value / 1e6:.1f} MB"


def rows(size, chalkbox, plain, peers):
    """Name, then a text for Chalkbox and each peer; a peer's ends with Chalkbox's share of it."""
    def row(name, form, value):
        own = value(chalkbox)
        cells = [form(own)]
        for peer in peers.values():
            other = value(peer)
            cells.append(f"{form(other)} ({own / other:.2f} ×)" if other else "–")
        return [name, *cells]
    none = ["–"] * len(peers)
    table = [["stripped size", f"{size:,} bytes (budget {SIZE_BUDGET:,})", *none]]
    table.append(["RSS, plain ALSA", f"{megabytes(plain.rss)} (budget {megabytes(RSS_BUDGET)})", *none])
    table.append(["PSS, plain ALSA", megabytes(plain.pss), *none])
    table.append(row("program and its libraries", megabytes, lambda usage: usage.files))
    table.append(row("RSS", megabytes, lambda usage: usage.rss))
    table.append(row("PSS", megabytes, lambda usage: usage.pss))
    table.append(row("CPU s per audio minute", lambda value: f"{value:.2f}", lambda usage: usage.cpu))
    table.append(row("flash bytes / FLAC bytes", lambda value: f"{value:.2f}",
                     lambda usage: usage.flash / usage.payload if usage.payload else 0))
    return table


def show(table, markdown):
    """A table whose first row is its head."""
    if markdown:
        table.insert(1, ["---"] * len(table[0]))
        return "\n".join("| " + " | ".join(row) + " |" for row in table)
    table = [[cell.replace("\\", "") for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table)


def report(options, chalkbox, parts, plain, peers):
    size = options.chalkbox.stat().st_size
    print(show([["", "chalkbox", *peers], *rows(size, chalkbox, plain, peers)], options.markdown))
    print(f"""
Windows of {options.seconds} s, the largest RSS and PSS of each; N × is Chalkbox's share of the other. All hear the virtual
microphone, whose sound server brings a client library of its own into every program; plain ALSA is Chalkbox with its
samples from a pipe instead. Flash bytes are write_bytes of /proc/PID/io: a page that is synced twice counts twice.
Chalkbox's memory with the sound server's library:""")
    for name, (rss, pss) in sorted(parts.items(), key=lambda part: -part[1][0]):
        print(f"  {name:<36} {megabytes(rss):>8} RSS  {megabytes(pss):>8} PSS")
    if chalkbox.flash == 0:
        print(f"{options.disk} is no disk: flash bytes were not measured")
    exceeded = []
    if size > SIZE_BUDGET:
        exceeded.append(f"stripped size {size:,} bytes > {SIZE_BUDGET:,}")
    if plain.rss > RSS_BUDGET:
        exceeded.append(f"RSS {megabytes(plain.rss)} > {megabytes(RSS_BUDGET)}")
    print("over budget: " + "; ".join(exceeded) if exceeded else "within budget")
    return 1 if exceeded else 0


def arguments(program):
    """What every measurement is told."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--chalkbox", required=True, type=pathlib.Path, help="the shipped binary")
    parser.add_argument("--cloud", required=True, help="the stand-in cloud's binary")
    parser.add_argument("--markdown", action="store_true", help="the table as docs/BENCHMARKS.md has it")
    return parser


def main():
    parser = arguments("bench/footprint")
    parser.add_argument("--python", required=True, help="an interpreter with the official client")
    parser.add_argument("--seconds", type=int, default=45, help="length of each window")
    options = parser.parse_args()
    if options.seconds < 10:
        parser.error("--seconds takes at least 10: the journal is written every 2 s")
    options.disk = ROOT / "bench/.cache"
    options.disk.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as directory:
        disk = pathlib.Path(tempfile.mkdtemp(dir=options.disk))
        bench = Bench(options, pathlib.Path(directory), disk)
        try:
            bench.furnish()
            result = bench.measure()
        finally:
            bench.stop()
            shutil.rmtree(disk)
    return report(options, *result)


if __name__ == "__main__":
    sys.exit(main())
