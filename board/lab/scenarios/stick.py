"""USB sticks (usb-storage): lessons are copied, a full one is told, others left alone; logs, report and bundle."""
import hashlib
import io
import json
import re
import subprocess
import tarfile

from cloud import BEARER
from box import Box, check, word_texts

FOLDER = "chalkbox-export"
LAMPS_SECONDS = 45


class Stick:
    """A stick that can be plugged in and pulled, and again, with an empty file system."""

    def __init__(self, box, name, megabytes, *mkfs):
        self.box, self.name = box, name
        self.path = box.directory / f"{name}.raw"
        with open(self.path, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run([*mkfs, self.path], check=True, capture_output=True)
        box.guest.options += ["-blockdev", f"driver=raw,node-name={name},file.driver=file,file.filename={self.path}"]

    def plug(self):
        self.box.guest.monitor.send("device_add", driver="usb-storage", bus="usb.0", id=self.name, drive=self.name)

    def pull(self):
        self.box.guest.monitor.send("device_del", id=self.name)
        self.box.guest.run("for i in $(seq 300); do ls /dev/sd? 2>/dev/null || exit 0; sleep 0.1; done; exit 1")


class FatStick(Stick):
    """Without a partition table, as some are sold."""

    def __init__(self, box, name, megabytes, folder=FOLDER):
        super().__init__(box, name, megabytes, "mkfs.vfat", "-n", "STICK")
        self.tool("mmd", f"::{folder}")

    def tool(self, name, *words):
        """One of mtools(1)."""
        return subprocess.run([name, "-i", self.path, *words], check=True, capture_output=True).stdout


class ExfatStick(Stick):
    """With a partition table, as most are sold. There is no mtools(1) for it: the guest's kernel reads and writes it."""

    def __init__(self, box, name, megabytes):
        super().__init__(box, name, megabytes, "mkfs.exfat")
        content = self.path.read_bytes()
        start = 1 << 20
        self.path.write_bytes(bytes(start) + content)
        subprocess.run(["sfdisk", self.path], input=f"start={start // 512}, type=7\n", text=True, check=True,
                       capture_output=True)

    def shell(self, script):
        """In its first directory, while it is plugged in."""
        return self.box.guest.run("set -e; until test -b /dev/sda1; do sleep 0.1; done; mkdir -p /run/stick; "
                                  f"mount /dev/sda1 /run/stick; cd /run/stick; {script}; cd /; umount /run/stick")


def run(lab):
    box = Box(lab)
    box.guest.options += ["-device", "qemu-xhci,id=usb"]
    stick, full = FatStick(box, "stick", 64), FatStick(box, "full", 1)
    other, exfat = FatStick(box, "other", 8, folder="holiday"), ExfatStick(box, "exfat", 64)
    ntfs = Stick(box, "ntfs", 8, "mkfs.ntfs", "-F", "-q")
    full.tool("mcopy", "-o", filler(box, full), "::filler")
    box.boot()
    script = lesson(box)
    journal = box.guest.start("exec journalctl -b -f -n all -o cat -t export-stick")
    figures = [for_technicians(box), copied(box, stick, journal, script)]
    other.plug()
    journal.wait_for(lambda line: "no folder chalkbox-export" in line, what="word of the other stick")
    other.pull()
    check(other.tool("mdir", "-b", "::/holiday").strip() == b"", "something was copied into holiday")
    figures.append("without the folder: nothing is copied")
    figures += [copied_to_exfat(exfat, journal, stick), told_of_ntfs(ntfs, journal)]
    figures.append(told(box, full, journal))
    check(box.guest.run("grep -c /dev/sd /proc/mounts", check=False).strip() == "0", "a stick is still mounted")
    return figures


def filler(box, full):
    """All but some clusters of the stick."""
    path = box.directory / "filler"
    free = int(re.search(r"([\d ]+) bytes free", full.tool("mdir", "::").decode())[1].replace(" ", ""))
    path.write_bytes(bytes(free - 20_480))
    return path


def lesson(box):
    script = box.script(8, seed=12)
    box.load(script)
    box.chalkbox("start --label '7B maths'")
    box.wait_for_event(r"^phase .*to=live")
    box.play().end()
    box.wait_for_words(len(script.words))
    box.chalkbox("stop")
    return script


def for_technicians(box):
    """The commands that read systemd's journal, before any helper of the recorder's has written there."""
    logs = box.chalkbox("logs --lines 100000")
    check(re.search(r"start id=01", logs) and "ready name=" in logs, f"the logs are {logs[-300:]}")
    report = box.chalkbox("report")
    check("a lesson" not in report and "1 on this box, 0 of them uploaded" in report, f"the report is {report}")
    box.chalkbox("support-bundle -o /run/bundle.tar.gz --force")
    with tarfile.open(fileobj=io.BytesIO(box.guest.get("/run/bundle.tar.gz"))) as bundle:
        texts = {entry.name.split("/")[-1]: bundle.extractfile(entry).read().decode(errors="replace")
                 for entry in bundle if entry.isfile()}
    for name, text in texts.items():
        check(BEARER not in text and "7B maths" not in text, f"a secret or a label is in {name}")
    check("ready name=" in texts["journal.txt"] and "Linux version" in texts["kernel.txt"], "the journals are missing")
    size = sum(map(len, texts.values())) >> 10
    return f"logs, report and a bundle of {len(texts)} files, {size} KiB, no secret in it"


def copied_folder(journal):
    """The lesson's, when nothing is left to copy."""
    line = journal.wait_for(lambda line: line.startswith("copied "), what="a copied lesson")
    journal.wait_for(lambda line: "1 copied, 0 were there already" in line, what="the end of the copying")
    return line.split("/")[-1]


def copied(box, stick, journal, script):
    lamps = box.lamps(LAMPS_SECONDS)
    stick.plug()
    folder = copied_folder(journal)
    changes = box.guest.result(lamps, LAMPS_SECONDS + 60)
    blinks = sum(1 for _, name, lit in changes if name == "green" and lit)
    check(blinks > 0, "the green light did not blink")
    check(changes and not [lit for _, name, lit in changes if name == "green"][-1], "the green light stayed on")
    stick.pull()
    check(re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d_7B-maths_01[0-9A-Z]{24}", folder), f"the folder is called {folder}")
    place = f"::/{FOLDER}/{folder}"
    document = json.loads(stick.tool("mtype", f"{place}/transcript.json"))
    check(word_texts(document) == script.texts, f"{word_texts(document)} are on the stick")
    audio = box.directory / "stick.flac"
    audio.write_bytes(stick.tool("mtype", f"{place}/lesson.flac"))
    subprocess.run(["flac", "-t", "-s", audio], check=True)
    size = audio.stat().st_size >> 10
    return f"a lesson with {len(script.words)} words and {size} KiB copied; green blinked {blinks} times"


def copied_to_exfat(exfat, journal, stick):
    """The same files as on the other stick."""
    exfat.plug()
    # It has no folder yet.
    journal.wait_for(lambda line: "no folder chalkbox-export" in line, what="word of the empty stick")
    exfat.shell(f"mkdir {FOLDER}")
    exfat.pull()
    exfat.plug()
    folder = copied_folder(journal)
    # Its unit may still be taking its mount away, which the kernel then shares.
    sums = exfat.shell(f"cd {FOLDER}/{folder}; sha256sum *; cd ../..")
    exfat.pull()
    files = dict(reversed(line.split("  ", 1)) for line in sums.splitlines())
    names = {"lesson.flac", "transcript.txt", "transcript.vtt", "transcript.json", "transcript.html"}
    check(set(files) == names, f"on the stick are {sorted(files)}")
    for name, digest in files.items():
        same = hashlib.sha256(stick.tool("mtype", f"::/{FOLDER}/{folder}/{name}")).hexdigest()
        check(digest == same, f"{name} differs from the one on the FAT stick")
    return f"exFAT, with a partition table: {len(files)} files, as on FAT"


def told_of_ntfs(ntfs, journal):
    ntfs.plug()
    journal.wait_for(lambda line: "ntfs is not taken: format the stick with FAT32 or exFAT" in line,
                     what="word of the NTFS stick")
    ntfs.pull()
    return "NTFS: told how to format it"


def told(box, full, journal):
    lamps = box.lamps(LAMPS_SECONDS)
    full.plug()
    line = journal.wait_for(lambda line: "were not copied" in line, what="word of a full stick")
    changes = box.guest.result(lamps, LAMPS_SECONDS + 60)
    check(any(name == "red" and lit for _, name, lit in changes), "the red light did not blink")
    full.pull()
    left = full.tool("mdir", "-b", "-/", f"::/{FOLDER}").decode()
    check(".part" not in left and "lesson.flac" not in left, f"on the full stick is {left}")
    return f"full: told ({line.split(': ')[-1]}), red blinked, nothing that is cut off"
