"""What must not stop a lesson, under the shipped unit: readers, indexes, full disk, descriptors, signals, panel, sound.

CHALKBOX_EDGES names some of its parts, with commas.
"""
import os
import re
import time

from box import Box, check

INDEX = "/var/lib/chalkbox/index.sqlite"
PANEL = "/sys/kernel/config/gpio-sim/panel"
LIVE = f"{PANEL}/live"
CARD = "snd_aloop.0"
#: A chip that is replugged at once may get another number: its lines are found by their names.
LINES = ("panel.start_line = BUTTON_START\npanel.stop_line = BUTTON_STOP\npanel.green_line = LED_GREEN\n"
         "panel.red_line = LED_RED")
#: The level is judged after half a minute.
QUIET_SECONDS = 30
DARK_SECONDS, WINK_SECONDS = 0.25, 2.0


def run(lab):
    box = Box(lab, settings=LINES, state_disk="ext4")
    box.boot()
    parts = {"reader": reader, "newer": newer, "unreadable": unreadable, "full": full, "descriptors": descriptors,
             "hangup": hangup, "chip": chip, "missing": missing, "muted": muted}
    wanted = [name for name in os.environ.get("CHALKBOX_EDGES", "").split(",") if name] or parts
    figures = []
    for name in wanted:
        first = number(box)
        lab.tell(f"edges: {name}")
        figures.append(parts[name](box))
        check(not box.seen(r"^hung |Watchdog (timeout|request)"), f"{name}: a thread hung")
        if name not in ("newer", "unreadable"):
            check(number(box) == first, f"{name}: the recorder was started anew")
    return figures


def number(box):
    return box.guest.run("systemctl show -P MainPID chalkbox").strip()


def begin(box):
    """A lesson by the button; its name."""
    box.press("start")
    began = box.wait_for_event(r"^start id=(\w+)")
    box.wait_for_event(r"^phase .*to=live")
    return re.search(r"id=(\w+)", began.text)[1]


def end(box):
    """Seconds from the press of STOP until the lesson is saved."""
    at = box.press("stop")
    return box.wait_for_event(r"^stop id=").at - at


def lit(changes, lamp):
    """The spans in which a lamp was lit, as [from, to]; the last one has no end when it was lit to the end."""
    spans = []
    for at, name, value in changes:
        if name != lamp:
            continue
        if value:
            spans.append([at, None])
        elif spans:
            spans[-1][1] = at
    return spans


def look(box, seconds):
    return box.guest.result(box.lamps(seconds))


# MARK: The index

def reader(box):
    """A program that reads the index holds it over STOP, as `recordings verify` under Ctrl-Z does."""
    begin(box)
    alone = end(box)
    begin(box)
    holder = box.guest.call_later(hold_index, path=INDEX, seconds=60)
    box.guest.run("until test -e /run/holding; do sleep 0.1; done")
    held = end(box)
    begin(box)
    again = end(box)
    box.guest.run("touch /run/release")
    box.guest.result(holder)
    check(held < max(1.2 * alone, alone + 0.5), f"STOP took {held:.2f} s under a reader, {alone:.2f} s without")
    return f"STOP {alone:.2f} s, under a reader {held:.2f} s, the next lesson {again:.2f} s"


def hold_index(path, seconds):
    import os
    import pathlib
    import sqlite3
    import time
    index = sqlite3.connect(path, isolation_level=None)
    index.execute("BEGIN")
    index.execute("SELECT count(*) FROM sqlite_master").fetchall()
    pathlib.Path("/run/holding").touch()
    end = time.monotonic() + seconds
    while time.monotonic() < end and not os.path.exists("/run/release"):
        time.sleep(0.1)
    index.execute("COMMIT")
    os.unlink("/run/holding")
    os.unlink("/run/release")


def restarted(box, what, spoil):
    """The recorder is ready and records on whatever its index is, and says what it did with it."""
    box.guest.run("systemctl stop chalkbox")
    box.guest.call(spoil, path=INDEX)
    box.guest.run("systemctl start chalkbox")
    told = box.wait_for_event(r"^index state=")
    box.wait_for_event(r"^ready ")
    begin(box)
    end(box)
    box.chalkbox("recordings verify last")
    count = len(box.chalkbox("recordings").splitlines())
    return f"index {what}: {told.text[:60]}…, recorded; {count} recordings are listed"


def newer(box):
    return restarted(box, "of a newer format", raise_version)


def raise_version(path):
    import sqlite3
    index = sqlite3.connect(path)
    index.execute("PRAGMA user_version = 99")
    index.commit()


def unreadable(box):
    return "; ".join([restarted(box, "of another user", take_away), restarted(box, "that is a directory", bar)])


def take_away(path):
    import os
    os.chown(path, 0, 0)
    os.chmod(path, 0o600)


def bar(path):
    import os
    for end in ("", "-wal", "-shm"):
        if os.path.exists(path + end):
            os.unlink(path + end)
    os.mkdir(path)


# MARK: Resources

def full(box):
    """The disk is full at STOP: it is not said to be saved."""
    begin(box)
    box.guest.run("dd if=/dev/zero of=/var/lib/chalkbox/filler bs=64k status=none; test -s /var/lib/chalkbox/filler",
                  check=False)
    box.guest.run("sleep 4")
    stop = box.guest.start("chalkbox stop 2>&1")
    code = stop.end()
    changes = look(box, 2)
    check(code != 0, f"STOP ended with 0 on a full disk: {stop.lines}")
    check(lit(changes, "red") and not lit(changes, "green"), f"the lamps were {changes}")
    box.guest.run("rm /var/lib/chalkbox/filler")
    begin(box)
    end(box)
    changes = look(box, 2)
    check(not lit(changes, "red"), f"red stayed lit when the disk was back: {changes}")
    return f"full disk: STOP ended with {code} ({stop.lines[-1][:60] if stop.lines else ''}), red; then as before"


def descriptors(box):
    """No descriptor is left and clients wait, as under a low LimitNOFILE: the lesson goes on, and the loop sleeps."""
    id = begin(box)
    process = number(box)
    limit = int(box.guest.run(f"ls /proc/{process}/fd | sort -n | tail -n 1")) + 2
    before = box.guest.run(f"prlimit --pid {process} --nofile --noheadings -o SOFT,HARD --raw").split()
    box.guest.run(f"prlimit --pid {process} --nofile={limit}:{before[1]}")
    clients = box.guest.call_later(wait_in_line, count=6, seconds=12)
    box.guest.run("sleep 2")
    ticks = "cut -d' ' -f14,15 /proc/%s/stat" % process
    first = sum(map(int, box.guest.run(ticks).split()))
    box.guest.run("sleep 8")
    used = (sum(map(int, box.guest.run(ticks).split())) - first) / 100
    box.guest.result(clients)
    status = box.status()
    box.guest.run(f"prlimit --pid {process} --nofile={before[0]}:{before[1]}")
    check(status["recording"]["id"] == id and status["recording"]["durationMs"] > 10_000, f"{status['recording']}")
    check(status["recording"]["savedMs"] > status["recording"]["durationMs"] - 5_000, f"{status['recording']}")
    check(used < 4, f"{used:.1f} s of processor time in 8 s")
    limits = [limit["name"] for limit in status["limits"]]
    check("descriptors" in limits, f"what was reached: {limits}")
    end(box)
    return f"no descriptor for 10 s: {used:.1f} s of processor time in 8 s, recorded, told as {limits}"


def wait_in_line(count, seconds):
    import socket
    import time
    clients = []
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        try:
            client.connect("/run/chalkbox/control.sock")
        except BlockingIOError:
            pass
        clients.append(client)
    time.sleep(seconds)


def hangup(box):
    id = begin(box)
    box.guest.run("systemctl kill -s HUP --kill-who=main chalkbox; sleep 2")
    status = box.status()
    check(status["phase"] == "live" and status["recording"]["id"] == id, f"after SIGHUP: {status['phase']}")
    end(box)
    return "SIGHUP: the lesson went on"


# MARK: Panel

def chip(box):
    """The chip is gone in mid-lesson, and comes back with START held; then for a moment only."""
    begin(box)
    at = float(box.guest.run(f"read -r up _ </proc/uptime; echo 0 >{LIVE}; echo $up"))
    gone = box.wait_for_event(r"^panel state=awaited reason=")
    panel = box.status()["panel"]
    check(panel["state"] == "awaited" and panel["problem"], f"status tells {panel}")
    doctor = box.guest.run("setpriv --reuid=chalkbox --regid=chalkbox --init-groups chalkbox doctor "
                           "--leave-microphone", check=False)
    check("WRONG  panel: panel.start_line: " in doctor, f"doctor says:\n{doctor}")
    before = len(box.seen(r"^button name="))
    # A line of gpio-sim is low at first: a pressed button.
    back = float(box.guest.run(f"read -r up _ </proc/uptime; echo 1 >{LIVE}; echo $up"))
    box.guest.call(find_chip, panel=PANEL)
    ready = box.wait_for_event(r"^panel state=ready")
    check(lit(look(box, 1), "green"), "green is dark when the panel is back")
    box.edges([("start", False, 0.3), ("stop", False, 0.3)])
    box.catch_up()
    check(len(box.seen(r"^button name=")) == before, "buttons that were held when the panel came back counted")
    box.guest.run(f"echo 0 >{LIVE}; echo 1 >{LIVE}")
    box.guest.call(find_chip, panel=PANEL)
    box.edges([("start", False, 0), ("stop", False, 0)])
    box.wait_for_event(r"^panel state=(awaited|partly) reason=", seconds=30)
    box.wait_for_event(r"^panel state=ready", seconds=30)
    changes = look(box, 1)
    check(lit(changes, "green") and not lit(changes, "red"), f"the lamps are {changes}")
    end(box)
    return (f"chip gone: told after {gone.at - at:.1f} s, taken {ready.at - back:.1f} s after it came back, lamps and "
            "buttons as they should be; a short absence likewise")


def find_chip(panel):
    """Where the chip's files are, as the virtual board says at its start: they may have other names now."""
    import os
    import pathlib
    device = pathlib.Path("/sys/devices/platform") / pathlib.Path(panel, "dev_name").read_text().strip()
    os.unlink("/run/gpio-sim")
    os.symlink(device / pathlib.Path(panel, "bank0/chip_name").read_text().strip(), "/run/gpio-sim")
    return os.readlink("/run/gpio-sim")


# MARK: Sound

def missing(box):
    """No microphone at START: red at once, and the lesson begins when it comes."""
    box.guest.run(f"echo {CARD} >/sys/bus/platform/drivers/snd_aloop/unbind")
    lamps = box.lamps(6)
    at = box.press("start")
    box.wait_for_event(r"^start id=")
    changes = box.guest.result(lamps)
    red = [span for span in lit(changes, "red") if span[0] > at]
    check(red and red[0][0] - at < 1.5, f"red came {red[0][0] - at if red else None} s after the press: {changes}")
    flashes = [span[1] - span[0] for span in red[1:] if span[1]]
    check(flashes and max(flashes) < 0.3, f"red did not flash: {flashes}")
    green = [span for span in lit(changes, "green") if span[0] > red[0][0]]
    check(not green, f"green was lit without a microphone: {green}")
    box.guest.run(f"echo {CARD} >/sys/bus/platform/drivers/snd_aloop/bind")
    box.wait_for_event(r"^phase .*to=live")
    check(not lit(look(box, 1), "red"), "red stayed lit when the microphone was back")
    box.guest.run("sleep 2")
    end(box)
    check(box.document()["durationMs"] > 2_000, "the lesson did not begin when the microphone came")
    return f"no microphone at START: red {red[0][0] - at:.2f} s after the press, recorded when it came"


def muted(box):
    """Zeros: green winks after half a minute, until there is sound."""
    at = begin(box) and time.monotonic()
    end_at = at + QUIET_SECONDS + 30
    while box.status()["microphone"].get("level") != "quiet":
        check(time.monotonic() < end_at, f"zeros for {time.monotonic() - at:.0f} s were not told")
        box.guest.run("sleep 1")
    dark = []
    spans = lit(look(box, 9), "green")
    for one, other in zip(spans, spans[1:]):
        dark.append(other[0] - one[1])
    check(len(dark) >= 3, f"green did not wink: {spans}")
    check(all(abs(length - DARK_SECONDS) < 0.1 for length in dark), f"dark for {dark}")
    periods = [later[1] - earlier[1] for earlier, later in zip(spans, spans[1:]) if later[1] and earlier[1]]
    check(all(abs(period - WINK_SECONDS) < 0.2 for period in periods), f"winks {periods} s apart")
    script = box.script(20, seed=3)
    box.load(script)
    player = box.play()
    box.guest.run("sleep 8")
    level = box.status()["microphone"].get("level")
    check(level == "ok", f"with sound the level is {level}")
    spans = lit(look(box, 3), "green")
    check(len(spans) == 1 and spans[0][1] is None, f"with sound green is lit in {spans}")
    player.kill()
    end(box)
    return f"zeros: told, green winks, dark for {1000 * sum(dark) / len(dark):.0f} ms; solid with sound"
