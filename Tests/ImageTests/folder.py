"""A folder instead of a box, for tests of the scripts of the image."""
import os
import pathlib
import subprocess
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPTS = TREE / "image/files/usr/lib/chalkbox"
#: The recorder as it ships.
BINARY = os.environ.get("CHALKBOX_BINARY", TREE / ".build-embedded/chalkbox")


class Folder(unittest.TestCase):
    """A test in a folder with a boot partition, /run and programs that only note how they were called."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        for name in ("boot", "run", "etc", "bin"):
            (self.root / name).mkdir()

    def write(self, path, data):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def read(self, path):
        path = self.root / path
        return path.read_text(errors="replace") if path.exists() else ""

    def program(self, name, script="exit 0"):
        path = self.write(f"bin/{name}", f'#!/bin/sh\necho "{name} $*" >>"{self.root}/calls"\n{script}\n')
        path.chmod(0o755)

    def run_script(self, *command, **variables):
        environment = {**os.environ, "PATH": f"{self.root}/bin:{os.environ['PATH']}", **variables}
        return subprocess.run(list(map(str, command)), env=environment, capture_output=True, text=True, timeout=60)
