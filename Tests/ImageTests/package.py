"""image/root.sh and image/deb: a board's defaults, and the Debian package."""
import gzip
import pathlib
import subprocess
import sys
import tempfile
import unittest

from folder import BINARY, TREE, Folder


class Defaults(Folder):
    """The board's devices, as the recorder reads them where chalkbox.conf says nothing of them."""

    def defaults(self, board):
        script = f'. {TREE}/board/{board}/board.conf; . {TREE}/image/root.sh; board_defaults'
        result = self.run_script("bash", "-euc", script)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.write("defaults.conf", result.stdout)

    def described(self, board):
        text = self.write("chalkbox.conf", "[transcription]\ntoken_url = https://school.example/token\n")
        result = self.run_script(BINARY, "config", "check", text, "--defaults", self.defaults(board))
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def test_a_board_s_devices_hold_where_the_configuration_says_nothing(self):
        self.assertIn("panel          start BUTTON_START, stop BUTTON_STOP", self.described("rpi-arm64"))
        # A PC's own lines are not for lamps.
        self.assertIn("panel          none", self.described("amd64"))

    def test_every_board_s_defaults_are_those_of_its_configuration(self):
        for board in TREE.glob("board/*/board.conf"):
            script = f'. {board}; BOARD={board.parent.name}; . {TREE}/image/root.sh; board_configuration'
            text = self.run_script("bash", "-euc", f"cd {TREE}; {script}").stdout
            settings = {line.split("#")[0].strip() for line in text.splitlines()}
            for line in self.defaults(board.parent.name).read_text().splitlines():
                self.assertTrue(not line or line.strip() in settings, f"{board}: {line}")


class Package(unittest.TestCase):
    """image/deb: what is installed on a Debian that somebody has already."""

    def make(self, *options):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        result = subprocess.run([TREE / "image/deb", "--out", scratch.name, *options], capture_output=True, text=True,
                                timeout=300)
        return result, pathlib.Path(scratch.name)

    @staticmethod
    def lab_s_files():
        sys.path.insert(0, str(TREE / "board/lab"))
        import box
        return box.INSTALLED

    def test_a_package_has_the_tree_s_files_and_depends_on_the_libraries(self):
        result, out = self.make("--binary", BINARY)
        self.assertEqual(result.returncode, 0, result.stderr)
        package = pathlib.Path(result.stdout.strip())
        root = out / "root"
        subprocess.run(["dpkg-deb", "--raw-extract", package, root], check=True)
        for source, target in (("board/systemd/chalkbox.service", "usr/lib/systemd/system"),
                               ("board/systemd/chalkbox-export@.service", "usr/lib/systemd/system"),
                               ("board/commands/update", "usr/libexec/chalkbox"),
                               ("board/chalkbox.conf", "etc/chalkbox"), (BINARY, "usr/bin")):
            source = TREE / source
            self.assertEqual((root / target / source.name).read_bytes(), source.read_bytes(), source)
        for rules in (TREE / "udev").glob("*.rules"):
            self.assertTrue((root / "usr/lib/udev/rules.d" / rules.name).exists(), rules)
        # The lab's virtual machine gets the same files at the same places.
        for source, target in self.lab_s_files().items():
            self.assertEqual((root / target.lstrip("/")).read_bytes(), (TREE / source).read_bytes(), source)
        # What is made of the table of commands.
        for page in ("man1/chalkbox.1.gz", "man5/chalkbox.conf.5.gz"):
            self.assertIn(b".SH NAME\n", gzip.decompress((root / "usr/share/man" / page).read_bytes()))
        for shell, path in (("bash", "bash-completion/completions/chalkbox"),
                            ("zsh", "zsh/vendor-completions/_chalkbox"),
                            ("fish", "fish/vendor_completions.d/chalkbox.fish")):
            said = subprocess.run([root / "usr/bin/chalkbox", "completions", shell], capture_output=True, check=True)
            self.assertEqual(said.stdout, (root / "usr/share" / path).read_bytes())
        control = (root / "DEBIAN/control").read_text()
        depends = control.lower().split("depends: ")[1].split("\n")[0]
        libraries = ("libasound2", "libspeexdsp1", "libwebsockets", "libgpiod2", "libnl-3-200", "libsqlite3-0", "libflac",
                     "libunistring2")
        for library in libraries:
            self.assertIn(library, depends)
        # Secrets may be written into it: strangers do not read it, and dpkg never overwrites it.
        self.assertEqual((root / "etc/chalkbox/chalkbox.conf").stat().st_mode & 0o777, 0o640)
        self.assertIn("/etc/chalkbox/chalkbox.conf\n", (root / "DEBIAN/conffiles").read_text())
        version = subprocess.run([root / "usr/bin/chalkbox", "--version"], capture_output=True, text=True, check=True)
        self.assertIn(f"Version: {version.stdout.split()[1]}+", control)
        again, _ = self.make("--binary", BINARY)
        self.assertEqual(pathlib.Path(again.stdout.strip()).read_bytes(), package.read_bytes())

    def test_a_recorder_for_another_machine_is_refused(self):
        result, out = self.make("--binary", BINARY, "--arch", "arm64")
        self.assertEqual(result.returncode, 2)
        self.assertIn("is for Advanced Micro Devices X86-64, not for arm64", result.stderr)
        self.assertEqual(list(out.iterdir()), [])
