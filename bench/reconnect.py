"""The measurement that `bench/reconnect` starts; see there."""

import http.client
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

import footprint
from footprint import demo, pause

FACTOR, ALLOWANCE_MS = 1.5, 60
DOWN_SECONDS = 2
#: Long enough for a session to count as stable, and for the daemon to fetch its prefetched key.
LIVE_SECONDS = 3.5
DEADLINE_SECONDS = 30
#: How much later each answer of the cloud comes.
LATE_MS = 40
BEARER = "room-12-secret"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Cables:
    """Three namespaces: the box, a second one beside it for the floor's client, and the cloud. Each box has a cable of
    its own, pulled in the same moment: in one box, what one program sends in vain keeps the kernel asking for a
    neighbour, and the other one waiting."""

    link = "lan0"
    server = "10.77.0.1"

    def __init__(self, stock):
        self.box, self.other, self.cloud = (f"chalkbox-{os.getpid()}-{name}" for name in ("box", "other", "cloud"))
        for namespace in (self.box, self.other, self.cloud):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        ip("-n", self.cloud, "address", "add", f"{self.server}/32", "dev", "lo")
        for number, namespace in enumerate((self.box, self.other), 1):
            ip("-n", namespace, "link", "add", self.link, "type", "veth", "peer", "name", f"plug{number}",
               "netns", self.cloud)
            for end, link, host in ((namespace, self.link, 2), (self.cloud, f"plug{number}", 1)):
                ip("-n", end, "address", "add", f"10.77.{number}.{host}/24", "dev", link)
                ip("-n", end, "link", "set", link, "up")
            ip("-n", namespace, "route", "add", "default", "via", f"10.77.{number}.1")
            if not stock:
                self.tune(namespace)
        # Waiting for its next line: what is measured is not how long a program takes to start.
        self.hand = subprocess.Popen(["ip", "-n", self.cloud, "-batch", "-"], stdin=subprocess.PIPE, text=True)

    def tune(self, namespace):
        """As on the board."""
        settings = (footprint.ROOT / "board/sysctl.conf").read_text()
        for name, value in re.findall(r"^([\w.*]+) = (\w+)$", settings, re.M):
            path = "/proc/sys/" + name.replace(".", "/").replace("*", self.link)
            ip("netns", "exec", namespace, "sh", "-c", f"echo {value} >{path}")

    def set(self, state):
        """The cloud's ends go down or up, so the boxes' lose their carrier or get it: routes and addresses stay.
        The time just before."""
        before = time.monotonic()
        self.hand.stdin.write(f"link set plug1 {state}\nlink set plug2 {state}\n")
        self.hand.stdin.flush()
        return before

    def stop(self):
        self.hand.stdin.close()
        self.hand.wait()
        for namespace in (self.box, self.other, self.cloud):
            ip("netns", "delete", namespace)


class Lines:
    """What a process writes, each line with the time when it came."""

    def __init__(self, stream, copy=None):
        self.stream, self.copy, self.lines, self.changed = stream, copy, [], threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.stream:
            now = time.monotonic()
            with self.changed:
                self.lines.append((now, line.rstrip("\n")))
                self.changed.notify_all()
            self.note(now, line)

    def note(self, now, line):
        if self.copy:
            self.copy.write(f"{now:.4f} {line}")

    def wait(self, pattern, since, seconds=DEADLINE_SECONDS):
        """The time of the first line after `since` that matches, and the line."""
        def found():
            return next((entry for entry in self.lines if entry[0] >= since and re.search(pattern, entry[1])), None)
        with self.changed:
            if self.changed.wait_for(found, seconds):
                return found()
        text = "\n".join(f"{when - since:8.3f} {line}" for when, line in self.lines[-40:])
        raise SystemExit(f"no line {pattern!r} within {seconds} s; seconds since then, and what came:\n{text}")


class Bench(demo.Room):
    """The demonstration's room with cables to its cloud."""

    recogniser = "script"  # silent for real speech: recognising it would take the processor from what is measured
    address = Cables.server

    def __init__(self, options, directory):
        super().__init__(options, directory)
        self.cables = Cables(options.stock)
        self.log = open(options.log, "w") if options.log else None

    def run(self, name, command, environment=None):
        """The cloud on its side of the cable."""
        super().run(name, ["ip", "netns", "exec", self.cables.cloud, *command], environment)

    def run_in(self, namespace, *command, **pipes):
        process = subprocess.Popen(
            list(map(str, ["ip", "netns", "exec", namespace, *command])), env=self.environment, text=True,
            bufsize=1, **pipes)
        self.processes.append(process)
        return process

    def daemon(self, *arguments):
        # Offline for four tenths of its time, a lesson would fall behind at the usual rate, and fill holes besides.
        settings = ["transcription.catch_up_rate=3"] + ["log.level=debug"] * bool(self.log)
        process = self.run_in(
            self.cables.box, self.options.chalkbox, "daemon", "--config", self.config,
            *(word for setting in settings for word in ("--set", setting)), *arguments,
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.lines = Lines(process.stderr, self.log)

    def floor(self):
        addresses = {name: urllib.parse.urlsplit(url) for name, url in json.loads(self.ready.read_text()).items()
                     if name.endswith("URL")}
        token, session = addresses["tokenURL"], addresses["webSocketURL"]
        self.client = self.run_in(
            self.cables.other, self.options.floor, self.cables.link, token.hostname, token.port,
            self.directory / "ca.pem", token.path, session.path, BEARER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell_floor(self, verb):
        self.client.stdin.write(verb + "\n")
        self.client.stdin.flush()

    def floor_times(self):
        answer = self.client.stdout.readline()
        if not re.fullmatch(r"\d+ \d+ \d+", answer.strip()):
            raise SystemExit(f"the floor's client: {answer}")
        return [int(time) / 1e9 for time in answer.split()]

    def answer_late(self, milliseconds):
        """The cloud's fault `slow`, over its control socket."""
        connection = http.client.HTTPConnection("cloud")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.directory / "cloud.sock"))
        connection.request("PUT", "/faults", f"slow={milliseconds}" if milliseconds else "none")
        if connection.getresponse().status != 200:
            raise SystemExit("the stand-in cloud did not take its fault")
        connection.close()

    def round(self, kind, seconds):
        """One outage: milliseconds from the cables' return until each event."""
        self.tell_floor("key")
        self.floor_times()
        pause(LIVE_SECONDS)
        down = self.cables.set("down")
        self.lines.wait(r"network change=.*lost its carrier", down)
        self.tell_floor(kind)
        pause(max(0, down + seconds - time.monotonic()))
        up = self.cables.set("up")
        link, _, done = self.floor_times()
        change, _ = self.lines.wait(r"network change=.*appeared", up)
        live, _ = self.lines.wait(r"live session=", up)
        for when, what in ((down, "cables out"), (up, "cables in"), (link, "link ready"), (done, f"floor {kind} done")):
            self.lines.note(when, f"--- {what}\n")
        return {name: 1000 * (when - up)
                for name, when in (("link", link), (kind, done), ("change", change), ("live", live))}

    def row(self, late):
        self.answer_late(late)
        times = {}
        for number in range(2 * self.options.rounds):
            # The golden ratio spreads the lengths: whatever the daemon does meanwhile is met in every phase.
            seconds = DOWN_SECONDS + (number * 0.618) % 1
            result = self.round("spare" if number % 2 else "token", seconds)
            print(f"late={late} ms out={seconds:.2f} s " + " ".join(f"{name}={value:.1f}" for name, value in result.items()),
                  file=sys.stderr, flush=True)
            for name, value in result.items():
                times.setdefault(name, []).append(value)
        return times

    def measure(self):
        self.furnish()
        self.floor()
        self.daemon()
        control = demo.Control(self.control)
        begin = time.monotonic()
        control.ask(do="start")
        self.lines.wait(r"live session=", begin)
        rows = [self.row(late) for late in (0, LATE_MS)]
        self.answer_late(0)
        control.ask(do="stop")
        self.wait_for_status(control, lambda status: status["phase"] == "finished")
        return rows

    def stop(self):
        super().stop()
        self.cables.stop()
        if self.log:
            self.log.close()


def median(row, name):
    return statistics.median(row[name])


def budget(row):
    return FACTOR * median(row, "token") + ALLOWANCE_MS


def report(options, rows):
    def times(name):
        return [f"{median(row, name):.1f} ms ({max(row[name]):.1f})" for row in rows]
    def ratio(name):
        return [f"{median(row, 'live') / median(row, name):.2f} ×" for row in rows]
    table = [
        ["median (worst) from link-up", "answers at once", f"answers {LATE_MS} ms late"],
        ["link ready", *times("link")],
        ["floor: token request, then session", *times("token")],
        ["floor: session with a prefetched key", *times("spare")],
        ["daemon: `network change`", *times("change")],
        ["daemon: `live`", *times("live")],
        ["live / floor with token", *ratio("token")],
        ["live / floor with prefetched key", *ratio("spare")],
        [f"budget: {FACTOR} × floor with token + {ALLOWANCE_MS} ms", *(f"{budget(row):.1f} ms" for row in rows)]]
    print(footprint.show(table, options.markdown))
    print(f"{options.rounds} rounds beside each floor, twice as many of the daemon; the cable was out for "
          f"{DOWN_SECONDS} to {DOWN_SECONDS + 1} s.")
    over = [f"{median(row, 'live'):.1f} ms > {budget(row):.1f} ms" for row in rows if median(row, "live") > budget(row)]
    print("over budget: " + "; ".join(over) if over else "within budget")
    return 1 if over else 0


def main():
    parser = footprint.arguments("bench/reconnect")
    parser.add_argument("--floor", required=True, help="the compiled bench/reconnect-floor.c")
    parser.add_argument("--rounds", type=int, default=15, help="rounds beside each floor")
    parser.add_argument("--stock", action="store_true", help="without board/sysctl.conf")
    parser.add_argument("--log", help="keep the daemon's log, at level debug")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds takes at least 1")
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as directory:
        bench = Bench(options, pathlib.Path(directory))
        try:
            rows = bench.measure()
        finally:
            bench.stop()
    return report(options, rows)


if __name__ == "__main__":
    sys.exit(main())
