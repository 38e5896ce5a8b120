"""The kinds of machine that a guest may be: all that differs from processor to processor."""
import dataclasses
import pathlib
import subprocess

BOARD = pathlib.Path(__file__).resolve().parent.parent


class LabError(Exception):
    """Why the lab cannot go on, in words for whom it may concern."""


class NotHere(LabError):
    """What this machine lacks for the lab: no fault of what is tested."""


@dataclasses.dataclass(frozen=True)
class Machine:
    #: As Debian names it.
    architecture: str
    #: The group of board/packages that is needed on this machine, and programs that tell that it is here.
    group: str
    tools: tuple
    emulator: tuple
    console: str
    #: Where its libraries are, and the program that starts others with them (ld.so(8)).
    libraries: str
    loader: str
    #: A kernel that has to unpack itself takes that time at each boot; QEMU starts the unpacked one where it is an ELF
    #: file with a PVH note.
    unpacks_kernel: bool = False
    #: What `make` is told to build modules for it.
    cross: tuple = ()
    #: What its chalkbox.conf says otherwise than the example.
    settings: str = ""


#: Two processors, and code that is translated once for both.
TRANSLATION = ("-accel", "tcg,thread=multi,tb-size=256", "-smp", "2")
AMD64 = Machine(
    "amd64", "lab", ("qemu-system-x86_64", "gcc"),
    ("qemu-system-x86_64", "-M", "q35", "-cpu", "max", *TRANSLATION), "ttyS0",
    "usr/lib/x86_64-linux-gnu", "lib64/ld-linux-x86-64.so.2", unpacks_kernel=True)
#: The processor of a Raspberry Pi 4: QEMU's `max` has pointer authentication besides, which is slow in software.
ARM64 = Machine(
    "arm64", "lab-arm64", ("qemu-system-aarch64", "aarch64-linux-gnu-gcc", "arch-test"),
    ("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", *TRANSLATION), "ttyAMA0",
    "usr/lib/aarch64-linux-gnu", "lib/ld-linux-aarch64.so.1", cross=("CROSS_COMPILE=aarch64-linux-gnu-",),
    # It has a GPIO chip of its own, so the panel's has another number: lines go by their names.
    settings="panel.start_line = BUTTON_START\npanel.stop_line = BUTTON_STOP\n"
             "panel.green_line = LED_GREEN\npanel.red_line = LED_RED\n")
MACHINES = (AMD64, ARM64)


def run_foreign_programs(machine):
    """The other processor's programs run here, which Debian's own installation in the guest's root takes."""
    result = subprocess.run([BOARD / "foreign", machine.architecture], stderr=subprocess.PIPE, text=True, check=False)
    if result.returncode != 0:
        raise NotHere(result.stderr.strip())
