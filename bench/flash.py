"""The measurement that `bench/flash` starts; see there."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import footprint
from footprint import demo

COMMIT_BYTES = 4_096
PAYLOAD_SHARE = 1.05
#: A card of 16 GB whose cells endure 3000 cycles; six hours of lessons a day.
CARD_BYTES, CYCLES, HOURS = 16e9, 3_000, 6
#: A card erases more than it is told to write: its blocks are larger than a commit. Cards do not say how much more; 3 is
#: a cautious guess for small synced appends, not a measurement.
AMPLIFICATION = 3
IMAGE_BYTES = 512 << 20
MAKE = {
    "ext4": ["mkfs.ext4", "-q"],
    # Logs a change of a file's length in one block instead of whole blocks of the journal (kernel.org, ext4/journal).
    "ext4 fast_commit": ["mkfs.ext4", "-q", "-O", "fast_commit"],
    "f2fs": ["mkfs.f2fs", "-q"],
}


def file_systems():
    """Those that can be made and mounted here."""
    known = pathlib.Path("/proc/filesystems").read_text().split()
    return [name for name, make in MAKE.items() if shutil.which(make[0]) and name.split()[0] in known]


class LoopDisk:
    """A file system of its own, whose device counts what is written to it."""

    def __init__(self, kind, directory):
        self.path, image = directory / kind, directory / f"{kind}.image"
        self.path.mkdir()
        with open(image, "wb") as file:
            file.truncate(IMAGE_BYTES)
        subprocess.run([*MAKE[kind], image], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mount", "-o", "loop,noatime", image, self.path], check=True)
        source = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", self.path], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.device = pathlib.Path("/sys/block") / pathlib.Path(source.strip()).name

    def written(self):
        """Sectors of 512 bytes (kernel.org, block/stat)."""
        os.sync()
        return int((self.device / "stat").read_text().split()[6]) * 512

    def close(self):
        subprocess.run(["umount", self.path], check=True)


class Flash(footprint.Bench):
    def put(self, disk):
        """The daemon's state goes to another disk."""
        configuration = self.config.read_text().replace(str(self.state), str(disk / "state"))
        self.state = disk / "state"
        self.config.write_text(configuration)

    def log_tail(self):
        return (self.directory / "daemon.out").read_text()

    def window(self, disk, seconds, *settings):
        """One lesson: what was written in a window of it."""
        self.daemon("--set", "log.level=debug", *settings)
        daemon = self.processes.pop()
        try:
            control = demo.Control(self.control)
            control.ask(do="start")
            live = "transcription.enabled=no" not in settings
            self.wait_for_status(control, lambda status: status["phase"] == "live" or not live)
            footprint.pause(footprint.SETTLE_SECONDS)
            counts = lambda: (
                footprint.written(daemon.pid), disk.written(), self.recorded_bytes(),
                len(re.findall(r"saved samples=", self.log_tail())))
            start, before, log = time.monotonic(), counts(), 0
            while (left := start + seconds - time.monotonic()) > 0:
                footprint.pause(min(0.25, left))
                log = max(log, (self.state / "index.sqlite-wal").stat().st_size)
            result = [after - at for after, at in zip(counts(), before)]
            words = control.ask(do="status")["recording"]["finalWords"]
            if live and not words:
                raise SystemExit("no word came in the window: choose a longer one")
            control.ask(do="stop")
            self.wait_for_status(control, lambda status: status["phase"] == "finished")
        finally:
            daemon.terminate()
            self.reap(daemon)
        return *result, log, words, seconds


def row(name, process, block, payload, commits, log, words, seconds):
    budget = PAYLOAD_SHARE * payload + COMMIT_BYTES * commits
    days = CARD_BYTES * CYCLES / (block / seconds * 3_600 * HOURS * AMPLIFICATION)
    return [
        name, f"{payload:,}", str(commits), str(words), f"{process / payload:.2f}", f"{block / payload:.2f}",
        f"{budget / payload:.2f}", f"{(process - payload) / commits / 1_024:+.1f} KiB", f"{log >> 10} KiB",
        f"{days:,.0f}",
    ], process <= budget, block - budget


def main():
    parser = footprint.arguments("bench/flash")
    parser.add_argument("--seconds", type=int, default=60, help="length of each window")
    options = parser.parse_args()
    if options.seconds < 20:
        parser.error("--seconds takes at least 20")
    if os.geteuid() != 0:
        raise SystemExit("bench/flash: loop devices need root")
    table = [["", "FLAC bytes", "commits", "words", "process / FLAC", "block layer / FLAC", "budget / FLAC",
              "process over FLAC a commit", "log at most", "days of a card"]]
    fine, notes, kinds = True, [], file_systems()
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as name:
        directory = pathlib.Path(name)
        bench = Flash(options, directory, directory)
        disks = []
        try:
            bench.furnish()
            for kind in kinds:
                disk = LoopDisk(kind, directory)
                disks.append(disk)
                bench.put(disk.path)
                for what, settings in (("words", ()), ("audio only", ("--set", "transcription.enabled=no"))):
                    footprint.say(f"{kind}, {what}")
                    cells, within, over = row(f"{kind}, {what}", *bench.window(disk, options.seconds, *settings))
                    table.append(cells)
                    fine = fine and within
                    if over > 0:
                        notes.append(f"{kind}, {what}: the block layer is {over:,.0f} bytes over the budget")
        finally:
            bench.stop()
            for disk in disks:
                disk.close()
    print(footprint.show(table, options.markdown))
    print(f"""
Windows of {options.seconds} s. Process: write_bytes of /proc/PID/io (pages handed over for writing). Block layer: sectors of
the loop device, with the file system's own journal. Budget: {PAYLOAD_SHARE} x FLAC + {COMMIT_BYTES} bytes a commit. Days: {CARD_BYTES / 1e9:.0f} GB,
{CYCLES} cycles, {HOURS} h a day at the block layer's rate, and the card itself writing {AMPLIFICATION} times as much (assumed).""")
    missing = [kind for kind in MAKE if kind not in kinds]
    if missing:
        print(f"not measured, because this machine cannot make or mount it: {', '.join(missing)}")
    print("\n".join(notes))
    print("within budget" if fine else "over budget: the process writes more than it may")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
