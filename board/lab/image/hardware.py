"""What a board has soldered on: a GPIO chip with buttons and lamps (gpio-sim), and a sound card (snd-aloop).

    hardware.py [GPIO-SIM]      the module's file, where the system that runs has none
"""
import os
import pathlib
import subprocess
import sys

LINES = 32
#: Pressed, a button pulls its line to ground.
BUTTONS = (17, 27)
NAMES = {17: "BUTTON_START", 27: "BUTTON_STOP", 22: "LED_GREEN", 23: "LED_RED"}
CHIP = pathlib.Path("/sys/kernel/config/gpio-sim/panel")


def option(name):
    words = pathlib.Path("/proc/cmdline").read_text().split()
    return next((word.partition("=")[2] for word in words if word.startswith(name + "=")), "")


def main():
    if len(sys.argv) > 1:
        subprocess.run(["modprobe", "configfs"], check=True)
        subprocess.run(["insmod", sys.argv[1]], check=True)
    else:
        subprocess.run(["modprobe", "gpio-sim-lab"], check=True)
    subprocess.run(["modprobe", "snd-aloop", "id=Microphone", "pcm_substreams=1"], check=True)
    if not os.path.ismount("/sys/kernel/config"):
        subprocess.run(["mount", "-t", "configfs", "config", "/sys/kernel/config"], check=True)
    bank = CHIP / "bank0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text(str(LINES))
    for number, name in NAMES.items():
        line = bank / f"line{number}"
        line.mkdir()
        (line / "name").write_text(name)
    (CHIP / "live").write_text("1")
    device = pathlib.Path("/sys/devices/platform") / (CHIP / "dev_name").read_text().strip()
    lines = device / (bank / "chip_name").read_text().strip()
    pathlib.Path("/run/gpio-sim").symlink_to(lines)
    held = option("lab.held").split(",")
    for number in BUTTONS:
        (lines / f"sim_gpio{number}/pull").write_text("pull-down" if str(number) in held else "pull-up")


main()
