"""Lamps read back through GPIO: solid, 2 Hz, red, dark, and red when the recorder is killed."""
import re
import statistics

from box import Box, check

PERIOD_SECONDS = 0.5
#: How far from its log line a lamp may change: the loop does both in one round, but the journal's time is its own.
SLACK_SECONDS = 0.25
LOOK_SECONDS = 35


def run(lab):
    box = Box(lab)
    box.boot()
    box.load(box.script(60))
    look = box.lamps(LOOK_SECONDS)
    player = box.play()
    box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    box.guest.run("sleep 2; ip link set enp0s3 down")
    box.wait_for_event(r"^phase .*to=reconnecting")
    box.guest.run("sleep 5; ip link set enp0s3 up")
    box.wait_for_event(r"^phase .*to=live")
    # The service says that this school has no credit: red, and still recording.
    box.cloud.command("error-code=402", "token-status=402", "--do", "error-code=402")
    box.wait_for_event(r"^phase .*to=failed")
    check(box.status()["recording"]["samples"] > 0, "the recording ended with the red light")
    box.cloud.command("--replace")
    changes = box.guest.result(look)
    figures = compare(box, changes)
    figures.append(killed(box))
    figures.append(stopped(box))
    player.kill()
    return figures


def compare(box, changes):
    """Each phase's lamps against the phase log."""
    phases = []
    for event in box.seen(r"^phase "):
        phases.append((event.at, re.search(r"to=(\w+)", event.text)[1]))
    phases.append((max(at for at, _, _ in changes) + 1, "end"))
    blinks = []
    for (begin, phase), (end, _) in zip(phases, phases[1:]):
        if end - begin < 4 * SLACK_SECONDS:
            continue
        inside = [(at, lamp, lit) for at, lamp, lit in changes if begin + SLACK_SECONDS < at < end - SLACK_SECONDS]
        lit = {lamp: value for at, lamp, value in changes if at <= begin + SLACK_SECONDS}
        if phase in ("starting", "requesting", "connecting", "reconnecting"):
            check(all(lamp == "green" for _, lamp, _ in inside), f"red changed while {phase}")
            blinks += [at for at, _, value in inside if value] if phase == "reconnecting" else []
        elif phase in ("live", "failed"):
            check(not inside, f"a lamp changed while {phase}: {inside[:3]}")
            check(lit["green"] == (phase == "live") and lit["red"] == (phase == "failed"),
                  f"while {phase} the lamps were {lit}")
    periods = [later - earlier for earlier, later in zip(blinks, blinks[1:])]
    check(len(periods) >= 6, f"only {len(periods)} periods of blinking were seen")
    mean, worst = statistics.mean(periods), max(abs(period - PERIOD_SECONDS) for period in periods)
    check(abs(mean / PERIOD_SECONDS - 1) <= 0.05, f"the mean period is {1000 * mean:.0f} ms")
    return [f"live: green; failed: red; reconnecting: {1 / mean:.3f} Hz over {len(periods)} periods, "
            f"worst {1000 * worst:.0f} ms off"]


def killed(box):
    """The unit's ExecStopPost shows red for a second; then the recorder goes on with the lesson."""
    look = box.lamps(15)
    # Before it: a loaded guest may be slow to come back from systemctl.
    at = float(box.guest.run("read -r up _ </proc/uptime; systemctl kill -s KILL --kill-who=main chalkbox; echo $up"))
    box.wait_for_event(r"^recovered ")
    box.wait_for_event(r"^resume id=")
    live = box.wait_for_event(r"^phase .*to=live")
    changes = [change for change in box.guest.result(look) if change[0] > at - 1]
    red = [time for time, lamp, lit in changes if lamp == "red" and lit and time > at - 0.1]
    check(red, f"red was not lit after the kill: {changes}")
    after = [lit for time, lamp, lit in changes if lamp == "red" and time < live.at + 1]
    check(after and not after[-1], "red stayed lit when the lesson was live again")
    return f"SIGKILL: red after {max(0, red[0] - at):.1f} s, live again after {live.at - at:.1f} s"


def stopped(box):
    box.stop()
    box.guest.run("systemctl stop chalkbox")
    changes = box.guest.result(box.lamps(0.2))
    check(not any(lit for _, _, lit in changes), f"after a wanted stop the lamps are {changes}")
    return "systemctl stop: dark"
