"""The Raspberry Pi's card: its files, U-Boot on an emulated Pi 3, its root up to a lesson, an update, slot B."""
import pathlib
import re
import subprocess
import threading

import image
from box import check, word_texts
from cloud import FileServer
from flashed import MBR, TREE, FlashedBox, FlashedGuest, built, hands
from kernel import call
from machine import ARM64, LabError

BOARD = TREE / "board/rpi-arm64"
ARCHIVE = "chalkbox-rpi-arm64.img.zst"
#: Emulated, beside other work.
START_SECONDS = 900
LESSON_SECONDS = 10


def run(lab):
    call(TREE / "board/install", "image-arm64")
    directory = built("rpi-arm64", "CHALKBOX_RPI_IMAGE")
    checked = subprocess.run([BOARD / "check", directory], capture_output=True, text=True, check=False)
    check(checked.returncode == 0, checked.stderr.strip())
    figures = checked.stdout.splitlines()
    box = RpiBox(lab.part("card", image.ensure(ARM64), lab.chalkbox), directory)
    box.technician_fills_in()
    figures += [u_boot(box, "A"), first_start(box), lesson(box), update(box)]
    recordings = box.chalkbox("recordings verify all")
    box.guest.shut_down()
    return [*figures, u_boot(box, "B"), updated_start(box, recordings)]


def u_boot(box, slot):
    """QEMU's Raspberry Pi 3 has a card, GPIO lines and a serial line, but neither the firmware's program nor a network:
    it begins with U-Boot and the device tree that the firmware would have made, and is followed up to the kernel."""
    directory = box.directory / f"pi3-{slot}"
    directory.mkdir()
    card = box.card.copy(directory / "card.raw")
    (directory / "boot.cmd").write_text(boot_script(card).replace("quiet loglevel=4 ", ""))
    for name in ("u-boot.bin", "bcm2837-rpi-3-b.dtb", "overlays/chalkbox-panel.dtbo"):
        (directory / pathlib.Path(name).name).write_bytes(card.mtools("mtype", "boot", f"::{name}"))
    for command in (["mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", "boot.cmd", "boot.scr"],
                    ["fdtoverlay", "-i", "bcm2837-rpi-3-b.dtb", "-o", "pi3.dtb", "chalkbox-panel.dtbo"]):
        subprocess.run(command, check=True, capture_output=True, cwd=directory)
    card.write("boot", "boot.scr", (directory / "boot.scr").read_bytes())
    console = Console(directory, [
        "qemu-system-aarch64", "-M", "raspi3b", "-display", "none", "-monitor", "none", "-kernel", "u-boot.bin",
        "-dtb", "pi3.dtb", "-drive", "file=card.raw,if=sd,format=raw", "-serial", "null", "-serial", "stdio"])
    try:
        console.wait_for(r"Found U-Boot script")
        model = console.wait_for(r"Machine model: (.*)")[1].strip()
        line = console.wait_for(r"Kernel command line: (.*)")[1]
        check(f"rauc.slot={slot}" in line, f"it was started by {line}")
    finally:
        console.close()
    states = card.read("boot", "slots.txt")
    check(f"{slot}_TRY=1" in states, f"U-Boot did not count the try: {states}")
    # The system that starts next is to take the count back.
    box.card.write("boot", "slots.txt", states)
    return f"U-Boot on {model}: slot {slot}, its try counted, Debian's kernel started with the board's device tree"


def boot_script(card):
    """The text of boot.scr, without what mkimage(1) puts before it."""
    return card.mtools("mtype", "boot", "::boot.scr")[72:].decode()


class Console:
    """What a machine says on its serial line, kept in a file; it ends with the last wait."""

    def __init__(self, directory, command):
        self.log = open(directory / "console.log", "w")
        self.process = subprocess.Popen(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors="replace")
        self.timer = threading.Timer(START_SECONDS, self.process.kill)
        self.timer.start()

    def wait_for(self, pattern):
        for line in self.process.stdout:
            self.log.write(line)
            self.log.flush()
            if match := re.search(pattern, line):
                return match
        raise LabError(f"within {START_SECONDS} s the serial line did not say {pattern}")

    def close(self):
        self.timer.cancel()
        self.process.kill()
        self.process.wait()
        self.log.close()


class RpiGuest(FlashedGuest):
    """The card in an arm64 machine with a network, which starts the kernel as U-Boot does, by the same command line."""
    slot = "A"

    def firmware(self):
        part, folder = self.directory / "slot.img", self.directory / f"kernel-{self.slot}"
        folder.mkdir()
        starts = list(self.card.starts.values())
        index = MBR.index(f"root-{self.slot.lower()}")
        start, end = starts[index] >> 20, starts[index + 1] >> 20
        subprocess.run(["dd", "status=none", f"if={self.card.path}", f"of={part}", "bs=1M", "conv=sparse",
                        f"skip={start}", f"count={end - start}"], check=True)
        subprocess.run([BOARD / "behind-root", "--take", part, folder], check=True)
        part.unlink()
        ramdisk = (folder / "initrd.img").read_bytes()
        # An archive may follow another, at a multiple of four bytes.
        (folder / "initrd.img").write_bytes(ramdisk + bytes(-len(ramdisk) % 4) + hands(folder, self.image.machine))
        script = boot_script(self.card)
        line = re.search(r'setenv bootargs "(.*)"', script)[1]
        uuid = re.search(rf"setenv number {index + 1}\s+setenv uuid (\S+)", script)[1]
        line = line.replace("${uuid}", uuid).replace("${slot}", self.slot).replace("${last}", "")
        return ["-kernel", folder / "vmlinuz", "-initrd", folder / "initrd.img",
                "-append", f"{line} console={self.image.machine.console}"]


class RpiBox(FlashedBox):
    def __init__(self, lab, directory):
        self.built = directory
        self.insert_card(lab, "box", directory / ARCHIVE, RpiGuest)


def first_start(box):
    ready = box.boot()
    userspace = int(box.guest.run("systemctl show -P UserspaceTimestampMonotonic")) / 1e6
    failed = box.guest.run("systemctl --failed --no-legend --plain")
    check(not failed, f"failed units: {failed}")
    marked_good(box, "A")
    free = int(box.guest.run("df --output=size -BM /var/lib/chalkbox | tail -n 1").strip().rstrip("M"))
    check(free > 2000, f"the data partition has {free} MB of a card of 4096")
    release = box.guest.run("uname -rm").strip()
    return (f"first start on {release}: ready after {ready.at:.1f} s, kernel to user space {userspace:.1f} s; slot A "
            f"marked good in slots.txt; data grown to {free} MB")


def marked_good(box, slot):
    box.wait_until("test -e /run/chalkbox-boot/good", "the slot was not marked good", START_SECONDS)
    states = box.guest.run("cat /boot/slots.txt; rauc status --output-format=shell")
    check(f"{slot}_OK=1" in states and f"{slot}_TRY=0" in states, f"the slot was not marked good: {states}")
    check(re.search(rf"RAUC_SYSTEM_BOOTED_BOOTNAME='?{slot}", states), f"RAUC does not know what was booted: {states}")


def lesson(box):
    """With the panel's lines by the names that the card's chalkbox.conf has."""
    script = box.script(LESSON_SECONDS, seed=21)
    box.say(script)
    box.stop()
    heard = word_texts(box.document())
    check(heard == script.texts, f"{len(heard)} of {len(script.words)} words")
    return f"lesson by the card's own settings: {len(heard)} words by buttons that go by name"


def update(box):
    with FileServer(box.cloud, box.built) as address:
        box.guest.run(f"chalkbox update {address}/chalkbox-rpi-arm64.raucb 2>&1", START_SECONDS)
    states = box.guest.run("cat /boot/slots.txt; sync")
    check("ORDER=B A" in states and "B_OK=1" in states and "B_TRY=0" in states, f"RAUC left {states}")
    return "update: loaded by https, installed in slot B, which is first in slots.txt"


def updated_start(box, recordings):
    box.guest.slot = "B"
    box.boot()
    marked_good(box, "B")
    check(box.chalkbox("recordings verify all") == recordings, "recordings changed with the update")
    return f"slot B: ready, marked good, recordings as before ({recordings.splitlines()[-1]})"
