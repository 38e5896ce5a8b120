"""One whole scripted lesson in `chalkbox daemon` under valgrind; `Tests/memcheck` builds and starts it."""

import argparse
import json
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "board/sim"))
import demo  # noqa: E402

LESSON_SECONDS = 16
LESSONS = 3
#: For each step. The whole lesson takes 30 s, and the machine may be a loaded one.
DEADLINE_SECONDS = 60
ERROR_CODE = 99


def valgrind(directory, *command):
    """A command that ends with ERROR_CODE when valgrind found something."""
    return [
        "valgrind", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite",
        f"--error-exitcode={ERROR_CODE}", "--num-callers=24",
        # Else the capture thread may wait for whichever thread runs.
        "--fair-sched=yes",
        f"--log-file={directory}/valgrind-%p.txt", *map(str, command)]


class Room(demo.Room):
    """The demonstration's room with tone-coded words, and the daemon under valgrind."""

    recogniser = "script"

    def lesson(self):
        audio, truth = self.directory / "tones.raw", self.directory / "truth.json"
        subprocess.run(
            [self.options.cloud, "lesson", "--seconds", str(LESSON_SECONDS), "--seed", "7", "-o", audio,
             "--truth", truth], check=True)
        return audio.read_bytes(), [word["text"] for word in json.loads(truth.read_text())]

    def daemon(self, *arguments):
        # A slow program is not a dead connection.
        command = [self.options.chalkbox, "daemon", "--config", self.config, "--set", "reconnect.dead_after_ms=60000",
                   *arguments]
        self.run("daemon", valgrind(self.directory, *command), self.environment)

    def end_daemon(self):
        daemon = self.processes.pop()
        daemon.send_signal(signal.SIGTERM)
        return daemon.wait(DEADLINE_SECONDS)

    def export(self, form):
        target = self.directory / f"export.{form}"
        # A lesson before this one may have been exported to the same file.
        command = [self.options.chalkbox, "export", "last", "--format", form, "-o", target, "--force",
                   "--config", self.config]
        subprocess.run(valgrind(self.directory, *command), check=True, timeout=DEADLINE_SECONDS)
        return target


def wait(control, what, condition):
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition(status := control.ask(do="status")):
        if time.monotonic() > end:
            raise RuntimeError(f"no {what}: {json.dumps(status)}")
        select.select([], [], [], 0.2)


def check_lesson(room, control):
    """START, the whole lesson, STOP, export. What the machine was too slow for, as the transcript has it."""
    control.ask(do="start", label="memcheck")
    wait(control, "live session", lambda status: status["phase"] == "live")
    played = len(room.samples) // 2
    wait(control, "whole lesson", lambda status: status["recording"]["samples"] >= played)
    control.ask(do="stop")
    wait(control, "end of the lesson", lambda status: status["phase"] == "finished")
    subprocess.run(["flac", "-t", "-s", room.export("flac")], check=True)
    room.export("vtt")
    document = json.loads(room.export("json").read_text())
    heard = [word["text"] for part in document["segments"] for word in part["words"]]
    holes = document["gaps"] + document["silences"]
    print(f"memcheck: {played / demo.RATE:.0f} s live, {len(heard)} of {len(room.words)} words, {len(holes)} holes",
          flush=True)
    if not holes and heard != room.words:
        raise RuntimeError(f"heard {heard}\ninstead of {room.words}")
    return holes


def check_lessons(room, control):
    """Until one lesson is undisturbed: on a loaded machine valgrind may miss the microphone's first seconds."""
    for _ in range(LESSONS):
        holes = check_lesson(room, control)
        if not holes:
            return
    raise RuntimeError(f"the machine was too slow for {LESSONS} lessons; the last one has {holes}")


def check_canary(options, directory):
    """Both of its mistakes are found, or the lesson's silence proves nothing."""
    code = subprocess.run(valgrind(directory, options.canary)).returncode
    (path,) = directory.glob("valgrind-*.txt")
    report = path.read_text()
    path.unlink()
    if code != ERROR_CODE or "Invalid write" not in report or "16 bytes in 1 blocks are definitely lost" not in report:
        raise SystemExit(f"memcheck: valgrind ended with {code} and did not find the canary's mistakes:\n{report}")


def main():
    parser = argparse.ArgumentParser(prog="Tests/memcheck")
    for name in ("--chalkbox", "--cloud", "--canary"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chalkbox-") as name:
        directory = pathlib.Path(name)
        check_canary(options, directory)
        room = Room(options, directory)
        wrong = None
        try:
            check_lessons(room, room.start())
            if code := room.end_daemon():
                wrong = f"the daemon ended with {code}"
        except (RuntimeError, OSError, subprocess.SubprocessError, SystemExit) as error:
            wrong = str(error)
        finally:
            room.stop()
        if wrong:
            for path in (directory / "daemon.out", *directory.glob("valgrind-*.txt")):
                print(path.read_text() if path.exists() else "", file=sys.stderr)
    if wrong:
        raise SystemExit(f"memcheck: {wrong}")
    print("memcheck: no error, no definite leak, and the canary was found")


if __name__ == "__main__":
    main()
