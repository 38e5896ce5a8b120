"""Runs scenarios in the virtual hardware lab and prints a table of them."""
import argparse
import importlib
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import traceback

import image
from box import Box, Lab
from machine import LabError, NotHere

HERE = pathlib.Path(__file__).resolve().parent
#: In the order in which they run; the first three belong to every check of the tree.
SCENARIOS = [
    "button", "lamps", "capture", "boot", "hardening", "watchdog", "edges", "power", "blocks", "wifi", "stick", "arm64",
    "image", "idle", "join", "rpi", "sound",
]
#: The exit code when the machine cannot make the lab, which is no fault of what is tested.
NOT_HERE = 3
PASSED, FAILED, NOT_RUN = "passed", "FAILED", "NOT RUN"
#: What a failed scenario leaves: consoles, journal, the cloud's log.
LEFT = HERE / "artefacts"


def main():
    parser = argparse.ArgumentParser(prog="board/lab/run", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help="those of --list; default: the first three")
    parser.add_argument("--all", action="store_true", help="every scenario, or those that are named, each in full")
    parser.add_argument("--tries", type=int, default=1, metavar="N",
                        help="how often a scenario may be tried: on a machine with other work time runs unevenly")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    parser.add_argument("--shell", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--chalkbox", help=argparse.SUPPRESS)
    parser.add_argument("--cloud", help=argparse.SUPPRESS)
    options = parser.parse_args()
    modules = {name: importlib.import_module(f"scenarios.{name}") for name in SCENARIOS}
    if options.list:
        for name, module in modules.items():
            print(f"{name:<10} {module.__doc__.splitlines()[0]}")
        return 0
    names = options.scenarios or (SCENARIOS if options.all else SCENARIOS[:3])
    if unknown := [name for name in names if name not in modules]:
        parser.error(f"no scenario {unknown[0]}; --list names them")
    try:
        guest = image.ensure()
    except LabError as error:
        print(error, file=sys.stderr)
        return NOT_HERE
    if options.shell:
        return shell(options, guest)
    rows = [attempts(name, modules[name], options, guest) for name in names]
    print_table(rows)
    results = {result for _, result, _, _ in rows}
    return 1 if FAILED in results else NOT_HERE if NOT_RUN in results else 0


def shell(options, guest):
    """A terminal of the guest's on this one."""
    with tempfile.TemporaryDirectory(prefix="chalkbox-lab-") as scratch:
        lab = Lab(guest, options.chalkbox, options.cloud, pathlib.Path(scratch))
        box = Box(lab)
        try:
            box.guest.options += ["-chardev", "stdio,id=terminal,signal=off", "-serial", "chardev:terminal"]
            unit = "/etc/systemd/system/serial-getty@ttyS1.service"
            box.guest.product.link("/etc/systemd/system/multi-user.target.wants/serial-getty@ttyS1.service",
                                   "/usr/lib/systemd/system/serial-getty@.service")
            box.guest.product.add(f"{unit}.d/lab.conf", "[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin "
                                  "root --noclear 115200 ttyS1 linux\n")
            box.guest.boot(terminal=True)
            box.guest.process.wait()
        finally:
            box.close()
    return 0


def attempts(name, module, options, guest):
    """The row of the first try that passed, or of the last one; how many it took is among the figures."""
    for old in LEFT.glob(f"{name}*"):
        shutil.rmtree(old)
    for number in range(1, max(1, options.tries) + 1):
        evidence = LEFT / (name if number == 1 else f"{name}-{number}")
        name, result, figures, seconds = run(name, module, options, guest, evidence)
        if number > 1:
            figures = [f"try {number}: {(figures or [''])[0]}", *(figures or [""])[1:]]
        if result != FAILED:
            break
    return name, result, figures, seconds


def run(name, module, options, guest, evidence):
    """One row of the table; evidence stays when it fails."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chalkbox-lab-") as scratch:
        lab = Lab(guest, options.chalkbox, options.cloud, pathlib.Path(scratch), everything=options.all)
        try:
            figures, result = module.run(lab), PASSED
        except NotHere as error:
            figures, result = [str(error)], NOT_RUN
        except Exception as error:
            print(f"--- {name}\n{error if isinstance(error, LabError) else traceback.format_exc()}", file=sys.stderr)
            figures, result = [str(error).splitlines()[0][:160] if str(error) else repr(error)], FAILED
            for box in lab.boxes:
                box.keep_evidence()
            keep(pathlib.Path(scratch), evidence)
            print(f"--- evidence is in {evidence}", file=sys.stderr)
        finally:
            lab.close()
    seconds = time.monotonic() - began
    print(f"{name}: {result} in {seconds:.0f} s", file=sys.stderr, flush=True)
    return name, result, figures, seconds


def keep(scratch, target):
    for path in scratch.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".out", ".conf", ".json") and path.stat().st_size < 32 << 20:
            place = target / path.relative_to(scratch)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, place)


def print_table(rows):
    print(f"\n{'scenario':<10} {'result':<7} {'s':>5}  figures")
    for name, result, figures, seconds in rows:
        first, *rest = figures or [""]
        print(f"{name:<10} {result:<7} {seconds:>5.0f}  {first}")
        for line in rest:
            print(f"{'':<25}  {line}")
    count = [result for _, result, _, _ in rows].count
    print(f"{count(PASSED)} passed, {count(FAILED)} failed" + (f", {count(NOT_RUN)} not run" if count(NOT_RUN) else ""))


if __name__ == "__main__":
    # Ended from outside, it ends its machines too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    sys.exit(main())
