"""The demonstration that `board/sim/run` starts: one classroom on one computer.

It presses the daemon's buttons and reads its lights over the control socket, exactly as a panel would, and checks at the
end of a lesson what a school would check: every sample that was played is in the recording, and the transcript is as
good as the recogniser is on the file alone.
"""

import argparse
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty
import wave

HERE = pathlib.Path(__file__).resolve().parent
SPEECH = pathlib.Path("/usr/share/pocketsphinx/test/data")
RATE = 16_000
GAP = b"\0\0" * (RATE * 4 // 10)


def spoken_words(line):
    """The words of a transcription line, as both sides of the comparison spell them."""
    text = re.sub(r"<s>|</s>|\([^)]*\)", " ", line.lower()).replace("mr.", "mister")
    return re.findall(r"[a-z']+", text)


def lesson():
    """Real human speech from Debian's pocketsphinx-testdata: samples and words."""
    parts, words = [], []
    for folder, transcription in (("librivox", "transcription"), ("cards", "cards.transcription")):
        for line in (SPEECH / folder / transcription).read_text().splitlines():
            name = re.search(r"\(([^)]*)\)", line)
            if not name:
                continue
            with wave.open(str(SPEECH / folder / (name[1] + ".wav"))) as file:
                assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), name[1]
                parts.append(file.readframes(file.getnframes()))
            words += spoken_words(line)
    parts.append((SPEECH / "goforward.raw").read_bytes())
    words += spoken_words("go forward ten meters")
    return GAP.join(parts) + GAP, words


def word_errors(reference, heard):
    """Insertions, deletions and replacements (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(reference):
        diagonal, row[0] = row[0], index + 1
        for place, other in enumerate(heard):
            best = min(diagonal + (word != other), row[place] + 1, row[place + 1] + 1)
            diagonal, row[place + 1] = row[place + 1], best
    return row[-1]


class Control:
    """A connection to the daemon's control socket."""

    def __init__(self, path, deadline=20):
        end = time.monotonic() + deadline
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                self.socket.close()
                if time.monotonic() > end:
                    raise SystemExit(f"the daemon did not open {path}")
                select.select([], [], [], 0.05)
        self.pending = b""

    def send(self, **request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")

    def lines(self, wait):
        """What came within `wait` seconds."""
        if not select.select([self.socket], [], [], wait)[0]:
            return []
        part = self.socket.recv(1 << 16)
        if not part:
            raise SystemExit("the daemon closed its control socket")
        *lines, self.pending = (self.pending + part).split(b"\n")
        return [json.loads(line) for line in lines]

    def ask(self, **request):
        self.send(**request)
        while True:
            for line in self.lines(10):
                return line


class Room:
    """The virtual microphone, the stand-in cloud and the daemon, in a directory of their own."""

    recogniser = "pocketsphinx"
    #: Where the stand-in cloud listens, and what its certificate is for.
    address = "127.0.0.1"

    def __init__(self, options, directory):
        self.options, self.directory, self.processes = options, directory, []
        self.samples, self.words = self.lesson()
        self.audio = directory / "lesson.source.raw"
        self.audio.write_bytes(self.samples)
        self.state = directory / "state"
        self.config = directory / "chalkbox.conf"
        self.control = directory / "control.sock"
        self.environment = dict(os.environ)

    def lesson(self):
        """Samples and words of what is said."""
        return lesson()

    def start(self):
        self.furnish()
        self.daemon()
        return Control(self.control)

    def daemon(self, *arguments):
        self.run("daemon", [self.options.chalkbox, "daemon", "--config", self.config, *arguments], self.environment)

    def furnish(self):
        """Everything but the daemon."""
        self.microphone("start")
        self.microphone("load", self.audio)
        exported = self.microphone("configure")
        self.environment.update(re.findall(r"^export (\w+)=(.*)$", exported, re.M))
        authority = self.certificates()
        self.ready = self.directory / "cloud.json"
        secret = self.directory / "token.secret"
        secret.write_text("room-12-secret\n")
        secret.chmod(0o600)
        self.run("cloud", [
            self.options.cloud, "serve", "--host", self.address, "--recogniser", self.recogniser,
            "--bearer", "room-12-secret", "--log", self.directory / "cloud.log", "--ready-file", self.ready,
            "--tls-certificate", self.directory / "server.pem", "--tls-key", self.directory / "server.key",
            "--control", self.directory / "cloud.sock"])
        addresses = json.loads(self.wait_for(self.ready))
        self.config.write_text(f"""[box]
name = room-12
state_directory = {self.state}
control_socket = {self.control}
reserve_mb = 64
[audio]
device = lesson
[transcription]
token_url = {addresses["tokenURL"]}
token_bearer_file = {secret}
websocket_url = {addresses["webSocketURL"]}
[panel]
driver = socket
[tls]
ca_file = {authority}
""")

    def microphone(self, verb, *arguments):
        command = [HERE / "virtual-microphone", verb, self.directory / "microphone", *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout

    def certificates(self):
        """A throw-away authority and a certificate for the cloud: the daemon verifies it as it would the real one."""
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.directory)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=Chalkbox demo authority",
                "-keyout", "ca.key", "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={self.address}", "-keyout", "server.key",
                "-out", "server.csr")
        (self.directory / "names").write_text(f"subjectAltName=IP:{self.address},DNS:localhost\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", 2, "-extfile", "names", "-out", "server.pem")
        return self.directory / "ca.pem"

    def run(self, name, command, environment=None):
        with open(self.directory / f"{name}.out", "wb") as output:
            self.processes.append(subprocess.Popen(
                list(map(str, command)), stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                env=environment))

    def wait_for(self, path, seconds=60):
        end = time.monotonic() + seconds
        while not path.exists():
            if self.processes[-1].poll() is not None or time.monotonic() > end:
                raise SystemExit(f"the stand-in cloud did not start:\n{(self.directory / 'cloud.out').read_text()}")
            select.select([], [], [], 0.05)
        return path.read_text()

    def wait_for_status(self, control, condition):
        end = time.monotonic() + 60
        while not condition(status := control.ask(do="status")):
            if time.monotonic() > end:
                raise SystemExit(f"{json.dumps(status)}\n{(self.directory / 'daemon.out').read_text()}")
            select.select([], [], [], 0.2)

    def install(self):
        """As a package does: the page of a lesson has its template in `../share/chalkbox` beside the program."""
        for folder in ("bin", "share/chalkbox"):
            (self.directory / "usr" / folder).mkdir(parents=True)
        self.options.chalkbox = shutil.copy(self.options.chalkbox, self.directory / "usr/bin")
        shutil.copy(HERE.parent / "transcript.html", self.directory / "usr/share/chalkbox")

    def chalkbox(self, *arguments):
        command = [self.options.chalkbox, *arguments, "--config", self.config]
        return subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True).stdout

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
        self.microphone("stop")


LIT = {"off": "\x1b[90m○", "solid": "●"}
COLOURS = {"green": "\x1b[32m", "amber": "\x1b[33m", "red": "\x1b[31m"}


def lights(status):
    """The panel's three lamps as coloured dots; blinking ones by the terminal's own blink."""
    dots = []
    for colour, pattern in status["led"].items():
        blink = "\x1b[5m" if pattern not in ("off", "solid") else ""
        dots.append(LIT["off"] if pattern == "off" else COLOURS[colour] + blink + LIT["solid"])
    return " ".join(dot + "\x1b[0m" for dot in dots)


def status_line(status):
    recording = status.get("recording") or {}
    seconds = recording.get("durationMs", 0) // 1000
    return (f"{lights(status)}  {status['phase']:<12} {seconds // 60}:{seconds % 60:02d}  "
            f"{recording.get('finalWords', 0)} words")


class Screen:
    """Prints the transcript as it comes, with the status in the last line."""

    def __init__(self, quiet=False):
        self.speaker, self.status, self.interim, self.live = None, "", "", sys.stdout.isatty() and not quiet

    def clear(self):
        if self.live:
            sys.stdout.write("\r\x1b[2K")

    def show(self, line):
        if "phase" in line:
            if not self.live and line["phase"] != getattr(self, "phase", None):
                print(f"[{line['phase']}]", flush=True)
            self.phase, self.status = line["phase"], status_line(line)
        elif "words" in line:
            self.interim = line["interim"]
            if line["words"]:
                self.clear()
                print(" ".join(word["text"] for word in line["words"]), flush=True)
        if self.live:
            self.clear()
            sys.stdout.write(f"{self.status}  \x1b[90m{self.interim[-50:]}\x1b[0m")
            sys.stdout.flush()


def press(control, button):
    """As a finger does: shorter than the debounce time would not count."""
    control.ask(do="press", button=button)
    select.select([], [], [], 0.1)
    control.ask(do="release", button=button)


def whole_lesson(room, control):
    """START, the whole file, STOP; then what was recorded is compared with what was played."""
    screen, follower, words = Screen(), Control(room.control), Control(room.control)
    follower.send(do="follow")
    words.send(do="transcript")
    print(f"{len(room.samples) // 2 / RATE:.1f} s of real speech, {len(room.words)} words; pressing START")
    press(control, "start")
    played, phase, stopping = len(room.samples) // 2, "idle", False
    end = time.monotonic() + played / RATE + 90
    while phase != "finished":
        if time.monotonic() > end:
            raise SystemExit("the lesson did not end in time:\n" + (room.directory / "daemon.out").read_text())
        for source in select.select([follower.socket, words.socket], [], [], 0.2)[0]:
            for line in (follower if source is follower.socket else words).lines(0):
                screen.show(line)
                phase = line.get("phase", phase)
        recording = control.ask(do="status").get("recording") or {}
        if not stopping and recording.get("samples", 0) >= played:
            print("\npressing STOP")
            press(control, "stop")
            stopping = True
    print()
    return verdict(room)


def verdict(room):
    exports = pathlib.Path.cwd() / "board/sim/exports"
    exports.mkdir(exist_ok=True)
    room.install()
    for form in ("txt", "srt", "vtt", "json", "html", "flac"):
        room.chalkbox("export", "last", "--format", form, "-o", exports / f"lesson.{form}", "--force")
    subprocess.run(["flac", "-t", "-s", exports / "lesson.flac"], check=True)
    recorded = subprocess.run(
        ["flac", "-d", "-s", "-c", "--force-raw-format", "--endian=little", "--sign=signed", exports / "lesson.flac"],
        check=True, stdout=subprocess.PIPE).stdout
    document = json.loads((exports / "lesson.json").read_text())
    heard = spoken_words(" ".join(word["text"] for part in document["segments"] for word in part["words"]))
    alone = spoken_words(subprocess.run(
        [room.options.cloud, "recognise", room.audio, "--recogniser", "pocketsphinx"], check=True,
        stdout=subprocess.PIPE, text=True).stdout)
    live_errors, alone_errors = word_errors(room.words, heard), word_errors(room.words, alone)
    rate, reference = (100 * errors / len(room.words) for errors in (live_errors, alone_errors))
    same = recorded[:len(room.samples)] == room.samples
    print(room.chalkbox("recordings"), end="")
    print(f"word error rate   {rate:.1f} % live, {reference:.1f} % by the recogniser on the file alone")
    print(f"audio             {len(room.samples) // 2} samples played, recorded sample by sample: "
          f"{'identical' if same else 'DIFFERENT'}; then {(len(recorded) - len(room.samples)) // 32} ms until STOP")
    print("flac -t           fine")
    for path in sorted(exports.iterdir()):
        print(f"export            {path.relative_to(pathlib.Path.cwd())}  {path.stat().st_size} bytes")
    # Not all words can be the same: the recogniser adapts to what it heard, and the live session goes on for longer.
    fine = same and abs(rate - reference) <= 2
    print("all right" if fine else "NOT right")
    return 0 if fine else 1


def by_hand(room, control):
    """Keys press the daemon's buttons until somebody quits."""
    print("s START   t STOP   q quit")
    screen, follower, words = Screen(), Control(room.control), Control(room.control)
    follower.send(do="follow")
    words.send(do="transcript")
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        while True:
            for source in select.select([sys.stdin, follower.socket, words.socket], [], [])[0]:
                if source is not sys.stdin:
                    for line in (follower if source is follower.socket else words).lines(0):
                        screen.show(line)
                    continue
                key = sys.stdin.read(1)
                button = {"s": "start", "t": "stop"}.get(key)
                if key == "q":
                    print()
                    return 0
                if button:
                    press(control, button)
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def main():
    parser = argparse.ArgumentParser(prog="board/sim/run")
    parser.add_argument("--chalkbox", required=True, help="the daemon's binary")
    parser.add_argument("--cloud", required=True, help="the stand-in cloud's binary")
    parser.add_argument("--once", action="store_true", help="a whole lesson by itself")
    options = parser.parse_args()
    if not options.once and not sys.stdin.isatty():
        parser.error("no terminal for the buttons: use --once")
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as directory:
        room = Room(options, pathlib.Path(directory))
        try:
            control = room.start()
            return whole_lesson(room, control) if options.once else by_hand(room, control)
        finally:
            room.stop()


if __name__ == "__main__":
    sys.exit(main())
