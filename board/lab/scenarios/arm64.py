"""The binary that was built for arm64, on an arm64 kernel: buttons, lamps and capture once more."""
import os
import subprocess

import image
from machine import ARM64, BOARD, LabError
from scenarios import button, capture, lamps


def run(lab):
    guest = image.ensure(ARM64)
    figures = []
    for name, scenario in (("button", button), ("lamps", lamps), ("capture", capture)):
        part = lab.part(name, guest, chalkbox())
        figures += [f"{name}: {figure}" for figure in scenario.run(part)]
        part.close()
    return figures


def chalkbox():
    """$CHALKBOX_ARM64_BINARY, else what the tree builds."""
    if path := os.environ.get("CHALKBOX_ARM64_BINARY"):
        return path
    built = subprocess.run([BOARD / "build", "--arch", "arm64"], stdout=subprocess.PIPE, text=True, check=False)
    if built.returncode != 0:
        raise LabError("board/build --arch arm64 failed")
    return built.stdout.strip()
