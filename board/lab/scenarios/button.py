"""Buttons on GPIO lines: pressed, bouncing, held, stuck at boot, two at once."""
from box import LINES, Box, check

PRESS = r"^button name=(start|stop)$"
STUCK_SECONDS = 30


def run(lab):
    box = Box(lab)
    ready = box.boot(arguments=f"lab.held={LINES['start']}")
    return [stuck_at_boot(box, ready), *pressed(box), bouncing_and_held(box), both_at_once(box), late(box)]


def stuck_at_boot(box, ready):
    stuck = box.wait_for_event(r"^button name=start state=stuck")
    check(not box.seen(PRESS), "a button that was held at boot counted as pressed")
    check(box.status()["phase"] == "idle", "a button that was held at boot began a recording")
    box.edges([("start", False, 0.2)])
    box.catch_up()
    check(not box.seen(PRESS), "the release of a button that was held at boot counted")
    return f"held at boot: ignored, reported {stuck.at - ready.at:.1f} s after ready"


def pressed(box):
    at = box.press("start")
    button = box.wait_for_event(PRESS)
    live = box.wait_for_event(r"^phase .*to=live")
    box.edges([("stop", True, 0.15), ("stop", False, 0)])
    stop = box.wait_for_event(r"^button name=stop$")
    box.wait_for_event(r"^stop id=")
    # STOP ends the recording with the sample of its moment: so its length says when the first one was captured.
    first = stop.at - box.document()["durationMs"] / 1000
    check(0 < button.at - at < 2, f"the press was told {button.at - at:.3f} s after it")
    check(first - at < 3, f"the first sample came {first - at:.3f} s after the press")
    return [f"press to log {1000 * (button.at - at):.0f} ms, to first sample {1000 * (first - at):.0f} ms, "
            f"to live {live.at - at:.2f} s"]


def bouncing_and_held(box):
    before = len(box.seen(PRESS))
    bounce = [("start", step % 2 == 0, 0.002) for step in range(10)]
    at = box.edges(bounce + [("start", True, 0)])
    stuck = box.wait_for_event(r"^button name=start state=stuck")
    box.edges([("start", False, 0.3)])
    box.catch_up()
    count = len(box.seen(PRESS)) - before
    check(count == 1, f"a bouncing and held button counted {count} times")
    check(STUCK_SECONDS - 1 < stuck.at - at < STUCK_SECONDS + 5, f"stuck was told after {stuck.at - at:.1f} s")
    check(box.status()["phase"] not in ("idle", "finished"), "the bouncing press began no recording")
    box.stop()
    return "10 edges in 20 ms, then held: one press, reported as stuck"


def both_at_once(box):
    before = len(box.seen(PRESS))
    box.edges([("start", True, 0), ("stop", True, 0.3), ("start", False, 0), ("stop", False, 0.3)])
    box.wait_for_event(r"^button name=\w+ state=ignored")
    box.catch_up()
    check(len(box.seen(PRESS)) == before, "two buttons at once counted")
    # And the next press counts.
    box.press("start")
    box.wait_for_event(PRESS)
    box.stop()
    return "both at once: ignored and reported"


def late(box):
    """The chip comes after the daemon, and udev gives it to the daemon's group later still."""
    live = "/sys/kernel/config/gpio-sim/panel/live"
    box.guest.run(f"systemctl stop chalkbox; echo 0 >{live}; systemctl start chalkbox")
    box.wait_for_event(r"^panel state=awaited reason=")
    box.wait_for_event(r"^ready ")
    box.guest.run(f"udevadm control --stop-exec-queue; echo 1 >{live}")
    box.edges([("start", False, 0), ("stop", False, 0)])
    refused = box.wait_for_event(r"^panel state=awaited reason=")
    box.guest.run("udevadm control --start-exec-queue")
    there = box.wait_for_event(r"^panel state=ready late_ms=")
    box.press("start")
    box.wait_for_event(PRESS)
    box.stop()
    seconds = there.at - refused.at
    return f"chip and permissions after the daemon: each told, taken over {seconds:.1f} s after the refusal"
