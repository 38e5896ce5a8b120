"""A classroom box in the virtual machine: the shipped files, a panel to press, a microphone to play into."""
import collections
import json
import pathlib
import re
import subprocess
import sys
import time

from cloud import BEARER, Cloud, Script
from guest import PATIENCE_SECONDS, Guest, GuestError

BOARD = pathlib.Path(__file__).resolve().parent.parent
TREE = BOARD.parent
UNITS = "/usr/lib/systemd/system"
#: Where the shipped files go, as a package would install them.
INSTALLED = {
    "board/systemd/chalkbox.service": f"{UNITS}/chalkbox.service",
    "board/systemd/chalkbox-export@.service": f"{UNITS}/chalkbox-export@.service",
    "udev/60-chalkbox.rules": "/usr/lib/udev/rules.d/60-chalkbox.rules",
    "udev/70-chalkbox-stick.rules": "/usr/lib/udev/rules.d/70-chalkbox-stick.rules",
    "board/sysusers.d/chalkbox.conf": "/usr/lib/sysusers.d/chalkbox.conf",
    "board/tmpfiles.d/chalkbox.conf": "/usr/lib/tmpfiles.d/chalkbox.conf",
    "board/sysctl.conf": "/usr/lib/sysctl.d/60-chalkbox.conf",
    "board/transcript.html": "/usr/share/chalkbox/transcript.html",
}
MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "f2fs": ["mkfs.f2fs", "-q", "-f"]}
STATE_MEGABYTES = 256
LINES = {"start": 17, "stop": 27, "green": 22, "red": 23}

Event = collections.namedtuple("Event", "at text")


def filled_in(text, settings):
    """The lines of a chalkbox.conf, each setting with its new value."""
    section, lines, wanted = "", [], dict(settings)
    for line in text.splitlines():
        if heading := re.match(r"\[(\w+)\]", line):
            section = heading[1]
        if setting := re.match(r"(\w+) =", line):
            value = wanted.pop(f"{section}.{setting[1]}", None)
            line = line if value is None else f"{setting[1]} = {value}"
        lines.append(line)
    assert not wanted, f"unknown settings: {wanted}"
    return "\n".join(lines) + "\n"


class Lab:
    """What all scenarios share: the image, the programs, and a place for what they leave."""

    def __init__(self, image, chalkbox, cloud, scratch, everything=False):
        self.image, self.scratch, self.everything = image, scratch, everything
        self.chalkbox, self.cloud = pathlib.Path(chalkbox), pathlib.Path(cloud)
        self.boxes = []

    def part(self, name, image, chalkbox):
        """A lab on another machine, whose boxes are this one's, too."""
        part = Lab(image, chalkbox, self.cloud, self.scratch / name, self.everything)
        part.boxes = self.boxes
        return part

    @staticmethod
    def tell(text):
        """Where a scenario that takes long has come to."""
        print(text, file=sys.stderr, flush=True)

    def close(self):
        """Switches all boxes off."""
        for box in self.boxes:
            box.close()
        self.boxes.clear()


class Box:
    def __init__(self, lab, name="box", settings="", state_disk=None):
        self.lab = lab
        self.directory = lab.scratch / name
        self.directory.mkdir(parents=True)
        lab.boxes.append(self)
        self.cloud = Cloud(lab.cloud, self.directory)
        self.cloud.start()
        self.guest = Guest(lab.image, self.directory)
        self.journal, self.events, self.presses = None, [], 0
        if state_disk:
            self.add_state_disk(state_disk)
        product = self.guest.product
        product.add("/usr/bin/chalkbox", lab.chalkbox, 0o755)
        for source, target in INSTALLED.items():
            product.add(target, TREE / source)
        for command in (BOARD / "commands").iterdir():
            product.add(f"/usr/libexec/chalkbox/{command.name}", command, 0o755)
        product.link("/etc/systemd/system/multi-user.target.wants/chalkbox.service", f"{UNITS}/chalkbox.service")
        product.add("/etc/chalkbox/chalkbox.conf", self.configuration(settings))
        product.add("/etc/chalkbox/token.secret", BEARER + "\n", 0o600)
        product.add("/etc/chalkbox/ca.pem", self.cloud.authority)

    def add_state_disk(self, filesystem):
        """The recordings on a disk of their own, which outlives power cuts; the root is then as new at each boot, as a
        board's is that is mounted read-only."""
        disk = self.guest.add_disk("state", STATE_MEGABYTES)
        subprocess.run(MAKE[filesystem] + [disk], check=True, capture_output=True)
        self.guest.keeps_root = False
        unit = "var-lib-chalkbox.mount"
        self.guest.product.add(
            f"{UNITS}/{unit}",
            "[Unit]\nDefaultDependencies=no\nBefore=local-fs.target\n"
            f"[Mount]\nWhat=/dev/disk/by-id/virtio-state\nWhere=/var/lib/chalkbox\nType={filesystem}\n"
            "Options=noatime\n")
        self.guest.product.link(f"/etc/systemd/system/local-fs.target.wants/{unit}", f"{UNITS}/{unit}")

    def configuration(self, more):
        """The shipped example, with what a technician fills in."""
        text = (BOARD / "chalkbox.conf").read_text()
        wanted = {
            "box.reserve_mb": "16", "audio.device": "plughw:CARD=Microphone,DEV=1",
            "transcription.token_url": self.cloud.token_url,
            "transcription.websocket_url": self.cloud.web_socket_url,
            "transcription.token_bearer_file": "/etc/chalkbox/token.secret", "tls.ca_file": "/etc/chalkbox/ca.pem",
            "log.level": "debug",
        }
        for line in (self.lab.image.machine.settings + more).splitlines():
            key, value = line.split(" = ", 1)
            wanted[key] = value
        return filled_in(text, wanted)

    # MARK: Its life

    def boot(self, arguments=""):
        """Switches it on; its `ready`."""
        self.guest.boot(arguments)
        self.follow_journal()
        return self.wait_for_event(r"^ready ")

    def follow_journal(self):
        self.events = []
        self.journal = self.guest.start(
            "exec journalctl -b -f -n all -o json --output-fields=MESSAGE,__MONOTONIC_TIMESTAMP "
            "_SYSTEMD_UNIT=chalkbox.service + UNIT=chalkbox.service + SYSLOG_IDENTIFIER=lab")

    def cut_power(self):
        self.guest.cut_power()

    def close(self):
        self.guest.shut_down()
        self.cloud.stop()

    def keep_evidence(self):
        """The journal, when the guest still gives it: the console and the cloud's log lie in the directory anyway."""
        lines = [f"{event.at:10.3f} {event.text}" for event in self.events]
        try:
            lines = [self.guest.run("journalctl -b --no-pager -o short-monotonic", 60, check=False)]
        except (GuestError, OSError, AttributeError) as error:
            lines.append(f"the guest gives no journal: {error}")
        (self.directory / "journal.log").write_text("\n".join(lines) + "\n")

    # MARK: What it says

    def wait_for_event(self, pattern, seconds=PATIENCE_SECONDS, after=None):
        """The next line of the daemon's log that matches, from the place of the last match on; its time is the guest's
        monotonic clock in seconds."""
        end = time.monotonic() + seconds
        while True:
            event = self.next_event(end, pattern)
            if re.search(pattern, event.text) and (after is None or event.at >= after):
                return event

    def next_event(self, end, pattern=""):
        try:
            line = self.journal.next(end - time.monotonic())
        except GuestError as error:
            last = "\n".join(event.text for event in self.events[-25:])
            raise GuestError(f"no event {pattern!r}: {error}; the last events:\n{last}") from None
        if line is None:
            raise GuestError(f"no event {pattern!r}: the journal ended")
        entry = json.loads(line)
        text = entry.get("MESSAGE") or ""
        if isinstance(text, list):
            text = bytes(text).decode(errors="replace")
        event = Event(int(entry["__MONOTONIC_TIMESTAMP"]) / 1e6, text)
        self.events.append(event)
        return event

    def catch_up(self):
        """Takes all lines up to now: a line of the lab's own comes behind them."""
        self.presses += 1
        mark = f"lab mark {self.presses}"
        self.guest.run(f"logger -t lab '{mark}'")
        self.wait_for_event(mark)

    def catch_up_for(self, seconds):
        """Takes what the daemon says for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.next_event(end)
            except GuestError:
                return

    def drain_journal(self):
        """What had come before the guest went."""
        while not self.journal.answers.empty():
            self.next_event(time.monotonic() + 1)

    def clock_offset(self):
        """What is to be added to this machine's monotonic clock for the guest's; the best of a few questions."""
        asked = []
        for _ in range(5):
            before = time.monotonic()
            there = self.guest.call(tell_time)
            after = time.monotonic()
            asked.append((after - before, there - (before + after) / 2))
        return min(asked)[1]

    def seen(self, pattern):
        return [event for event in self.events if re.search(pattern, event.text)]

    def status(self):
        return json.loads(self.guest.run("chalkbox status --json"))

    def chalkbox(self, arguments, check=True):
        return self.guest.run(f"chalkbox {arguments}", check=check)

    def wait_for_words(self, count):
        """A word becomes final when it is past, and the service needs a second for it."""
        try:
            self.guest.call(count_words, count=count, seconds=PATIENCE_SECONDS - 20)
        except GuestError as error:
            raise GuestError(f"{count} words did not come: {str(error).splitlines()[-1]}") from None

    def synchronise_clock(self):
        """As systemd-timesyncd tells the kernel and others: the clock, which is this machine's, is right."""
        self.guest.call(mark_synchronised)
        self.guest.run("install -D /dev/null /run/systemd/timesync/synchronized")

    # MARK: Panel

    def edges(self, steps, seconds=PATIENCE_SECONDS):
        """Moves buttons: [(button, pressed, seconds to wait afterwards)]. The guest's time before the first edge."""
        return self.guest.call(move_buttons, seconds, steps=[[LINES[name], down, wait] for name, down, wait in steps])

    def press(self, button, hold=0.15):
        return self.edges([(button, True, hold), (button, False, 0)])

    def lamps(self, seconds):
        """Begins to look at the lamps; see `watch_lamps`."""
        return self.guest.call_later(
            watch_lamps, lines={name: LINES[name] for name in ("green", "red")}, seconds=seconds)

    # MARK: Lessons

    def script(self, seconds, seed=1):
        return Script(self.lab.cloud, self.directory, seconds, seed)

    def load(self, script):
        self.guest.put("/run/lesson.raw", script.samples)

    def play(self, times=1):
        """Plays the loaded lesson into the microphone."""
        device = "hw:CARD=Microphone,DEV=0,SUBDEV=0"
        files = "/run/lesson.raw " * times
        return self.guest.start(
            f"cat {files}| exec nice -n -10 aplay -q -D {device} -t raw -f S16_LE -r 16000 -c 1 --buffer-size=32000")

    def say(self, script):
        """Begins a lesson by the button, and says the script in it until its last word has come."""
        self.load(script)
        self.press("start")
        self.wait_for_event(r"^phase .*to=live")
        player = self.play()
        check(player.end(script.seconds + 120) == 0, "aplay failed: " + " ".join(player.lines))
        self.wait_for_words(len(script.words))

    def stop(self):
        """Ends a lesson by the button; the event says that it is saved."""
        self.press("stop")
        return self.wait_for_event(r"^stop id=")

    def document(self, recording="last"):
        return json.loads(self.chalkbox(f"export {recording} --format json -o -"))

    def recorded(self, recording="last"):
        """The samples of a recording."""
        self.chalkbox(f"export {recording} --format flac -o /run/export.flac --force")
        self.guest.run("flac -d -s -f --force-raw-format --endian=little --sign=signed -o /run/export.raw "
                       "/run/export.flac")
        return self.guest.get("/run/export.raw")


def move_buttons(steps):
    import time
    begin = time.monotonic()
    for line, pressed, wait in steps:
        with open(f"/run/gpio-sim/sim_gpio{line}/pull", "w") as pull:
            pull.write("pull-down" if pressed else "pull-up")
        if wait:
            time.sleep(wait)
    return begin


def count_words(count, seconds):
    """Waits until the lesson has so many final words, as the control socket tells of each change."""
    import json
    import socket
    import time
    follower = socket.socket(socket.AF_UNIX)
    follower.settimeout(seconds)
    follower.connect("/run/chalkbox/control.sock")
    follower.sendall(b'{"do":"follow"}\n')
    end, words = time.monotonic() + seconds, None
    for line in follower.makefile():
        words = (json.loads(line).get("recording") or {}).get("finalWords")
        if words is not None and words >= count:
            return
        if time.monotonic() > end:
            break
    raise TimeoutError(f"{words} words")


def mark_synchronised():
    import ctypes

    class Timex(ctypes.Structure):
        _fields_ = [("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("frequency", ctypes.c_long),
                    ("maximum_error", ctypes.c_long), ("estimated_error", ctypes.c_long), ("status", ctypes.c_int),
                    ("rest", ctypes.c_byte * 256)]
    status, maximum_error = 0x10, 0x04
    request = Timex(modes=status | maximum_error)
    if ctypes.CDLL(None).adjtimex(ctypes.byref(request)) < 0:
        raise OSError("adjtimex")


def tell_time():
    import time
    return time.monotonic()


def watch_lamps(lines, seconds):
    """Changes of the lamps as [time, name, lit], the first of each its state at the beginning."""
    import os
    import time
    files = {name: os.open(f"/run/gpio-sim/sim_gpio{line}/value", os.O_RDONLY) for name, line in lines.items()}
    changes, state = [], {}
    end = time.monotonic() + seconds
    while (now := time.monotonic()) < end:
        for name, file in files.items():
            lit = os.pread(file, 1, 0) == b"1"
            if state.get(name) != lit:
                state[name] = lit
                changes.append([now, name, lit])
        time.sleep(0.003)
    for file in files.values():
        os.close(file)
    return changes


def check(condition, otherwise):
    if not condition:
        raise GuestError(otherwise)


def word_texts(document):
    return [word["text"] for segment in document["segments"] for word in segment["words"]]
