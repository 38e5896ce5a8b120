"""Tests of image/files/usr/lib/chalkbox, image/initramfs, image/root.sh and image/deb; see Tests/image."""
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

TREE = pathlib.Path(__file__).resolve().parent.parent
SCRIPTS = TREE / "image/files/usr/lib/chalkbox"
DATA = TREE / "image/initramfs/chalkbox-data"
SLOT_STATE = TREE / "board/rpi-arm64/files/usr/lib/chalkbox/slot-state"
SECRET = "correct horse battery"
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


class BootSettings(Folder):
    def boot(self):
        self.program("chown")
        result = self.run_script(SCRIPTS / "boot-settings", BOOT=str(self.root / "boot"), RUN=str(self.root / "run"),
                                 ETC=str(self.root / "etc"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr, "")
        return self.read("run/network-problems").splitlines()

    def wifi(self, data):
        self.write("boot/chalkbox.conf", "")
        self.write("boot/wifi.conf", data)
        return self.boot(), self.read("run/wpa_supplicant.conf")

    def test_the_shipped_files_have_the_lines_of_windows(self):
        for path in sorted((TREE / "image/boot").iterdir()):
            lines = path.read_bytes().split(b"\n")
            self.assertTrue(all(line.endswith(b"\r") for line in lines[:-1]), path.name)

    def test_the_shipped_files_hold_no_mistake_and_no_network(self):
        for name in ("wifi.conf", "ssh_authorized_keys"):
            self.write(f"boot/{name}", (TREE / "image/boot" / name).read_bytes())
        self.write("boot/chalkbox.conf", "")
        self.assertEqual(self.boot(), [])
        self.assertFalse((self.root / "run/wpa_supplicant.conf").exists())

    def test_the_shipped_examples_are_right_when_their_marks_are_taken_away(self):
        lines = (TREE / "image/boot/wifi.conf").read_text().splitlines()
        problems, configuration = self.wifi("\n".join(line.removeprefix("#") for line in lines if line[1:2] != " "))
        self.assertEqual(problems, [])
        self.assertEqual(configuration.count("network={"), 3)
        self.assertIn("country=DE\n", configuration)

    def test_networks_with_priorities(self):
        problems, configuration = self.wifi(
            f"country = DE\n[network]\nssid = School\npassword = {SECRET}\npriority = 10\n"
            "[network]\nssid = Guests \"A\"\nsecurity = open\n")
        self.assertEqual(problems, [])
        self.assertIn("\tssid=5363686f6f6c\n\tpriority=10\n", configuration)
        self.assertIn(f'psk="{SECRET}"', configuration)
        self.assertIn("\tssid=47756573747320224122\n\tpriority=0\n\tkey_mgmt=NONE\n", configuration)

    def test_windows_line_ends_and_a_byte_order_mark(self):
        problems, configuration = self.wifi(
            b"\xef\xbb\xbf[network]\r\nssid = School\r\npassword = " + SECRET.encode() + b"\r\n")
        self.assertEqual(problems, [])
        self.assertIn(f'psk="{SECRET}"\n', configuration)
        self.assertNotIn("\r", configuration)

    def test_a_network_with_a_mistake_is_left_out_and_the_others_hold(self):
        cases = {
            f"ssid = {'x' * 33}\npassword = {SECRET}": "line 2: this ssid has 33 bytes: a network's name has 1 to 32",
            f"password = {SECRET}": "line 1: this [network] has no ssid",
            f"ssid =\npassword = {SECRET}": "line 2: the ssid is empty",
            f"sid = School\npassword = {SECRET}": 'line 2: unknown key "sid"',
            "ssid = School\npassword = short": 'line 3: the password of "School" has 5 characters',
            "ssid = School": 'line 1: network "School" has no password',
            f"ssid = School\npassword = {SECRET}\npriority = high": "line 4: priority = high is no number",
            f"ssid = School\npassword = {SECRET}\nhidden = maybe": "line 4: hidden = maybe is neither yes nor no",
            f"ssid = School\npassword = {SECRET}\nsecurity = wep": "line 4: security = wep is none of",
            f"ssid = School\npassword = {SECRET}\nsecurity = open": 'has a password and security = open',
            f"ssid School\npassword = {SECRET}": "line 2: neither [network] nor KEY = VALUE",
        }
        for text, wanted in cases.items():
            with self.subTest(wanted):
                problems, configuration = self.wifi(f"[network]\n{text}\n[network]\nssid = Other\nsecurity = open\n")
                self.assertTrue(any(wanted in problem for problem in problems), problems)
                self.assertEqual(configuration.count("network={"), 1)
                self.assertIn("4f74686572", configuration)

    def test_mistakes_never_quote_a_password(self):
        problems, _ = self.wifi(f"[network]\nssid = School\npassword: {SECRET}\n[network]\npassword = {SECRET}\n"
                                f"passwort {SECRET}\n")
        self.assertTrue(problems)
        self.assertNotIn(SECRET, "\n".join(problems))

    def test_rubbish_is_told_once_and_leads_to_no_network(self):
        for rubbish in (bytes(range(256)) * 40, b"\0" * 5000, b"\x7fELF\2\1\1" + os.urandom(3000)):
            with self.subTest(rubbish[:8]):
                problems, configuration = self.wifi(rubbish)
                self.assertEqual(configuration, "")
                self.assertTrue(problems)
                self.assertLess(sum("is this a text file" in problem for problem in problems), 20, problems)
                (self.root / "run/network-problems").unlink()

    def test_what_is_wrong_with_the_data_partition_is_told_as_well(self):
        self.write("boot/chalkbox.conf", "")
        self.write("run/data-problems", "the data partition was damaged and has been repaired\n")
        self.assertEqual(self.boot(), ["the data partition was damaged and has been repaired"])

    def test_a_missing_configuration_is_told_and_the_defaults_hold(self):
        self.assertEqual(self.boot(), ["chalkbox.conf: missing on the boot partition; the defaults hold"])
        self.assertEqual(os.readlink(self.root / "etc/chalkbox.conf"), "/usr/share/chalkbox/chalkbox.conf")

    def test_secrets_are_copied_for_the_recorder_alone(self):
        self.write("boot/chalkbox.conf", "")
        self.write("boot/token.secret", b"\xef\xbb\xbfroom-12\r\n")
        self.boot()
        self.assertEqual((self.root / "etc/token.secret").read_bytes(), b"room-12\n")
        self.assertEqual((self.root / "etc/token.secret").stat().st_mode & 0o777, 0o600)
        self.assertIn("chown chalkbox:chalkbox", self.read("calls"))

    def test_keys_are_checked_one_by_one(self):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "laptop", "-f", self.root / "key"],
                       check=True)
        key = self.read("key.pub").strip()
        self.write("boot/chalkbox.conf", "")
        self.write("boot/ssh_authorized_keys",
                   b"\xef\xbb\xbf# technicians\r\n" + key.encode() + b"\r\nssh-ed25519 AAAAC3Nz broken\r\n\r\n\x00\xff")
        problems = self.boot()
        self.assertEqual(self.read("run/authorized_keys"), key + "\n")
        self.assertEqual([problem.split(":")[0] for problem in problems],
                         ["ssh_authorized_keys line 3", "ssh_authorized_keys line 5"])


class Reports(Folder):
    def save(self, fail_mount=False):
        self.program("mount", "exit 1" if fail_mount else "exit 0")
        return self.run_script(SCRIPTS / "write-report", RUN=str(self.root / "run"), BOOT=str(self.root / "boot"),
                               SAVE=str(SCRIPTS / "save-on-boot"))

    def test_a_report_is_written_once_and_only_when_it_changed(self):
        self.program("chalkbox", "echo all is well; echo Written at $$")
        self.save()
        self.assertIn(b"all is well\r\n", (self.root / "boot/chalkbox-report.txt").read_bytes())
        self.assertEqual(self.read("calls").count("remount,rw"), 1)
        self.assertEqual(self.read("calls").count("remount,ro"), 1)
        self.save()
        self.assertEqual(self.read("calls").count("remount,rw"), 1)
        self.program("chalkbox", "echo all is not well")
        self.save()
        self.assertEqual(self.read("calls").count("remount,rw"), 2)

    def test_without_a_report_the_problems_are_written(self):
        self.program("chalkbox", "echo no such command >&2; exit 2")
        self.write("run/network-problems", "wifi.conf line 3: wrong\n")
        self.save()
        report = self.read("boot/chalkbox-report.txt")
        self.assertIn("no such command", report)
        self.assertIn("wifi.conf line 3: wrong", report)

    def test_a_boot_partition_that_cannot_be_written_is_left_alone(self):
        self.program("chalkbox", "echo all is well")
        self.assertNotEqual(self.save(fail_mount=True).returncode, 0)
        self.assertEqual(list((self.root / "boot").iterdir()), [])


class DataPartition(Folder):
    """The programs that format and mount are stand-ins that note their calls; the device is a file."""

    def start(self, content=b"", serial="ABC-1234\n", label="data", mount="exit 0", device="vda5",
              sfdisk="cat >/dev/null"):
        for name in ("mkfs.f2fs", "f2fslabel", "fsck.f2fs", "partx", "sync"):
            self.program(name)
        self.program("sfdisk", sfdisk)
        self.program("blkid", f"echo {label}")
        self.program("mount", mount)
        self.write("disk/vda5", content)
        self.write("sys/devices/vda/vda5/partition", "5\n")
        (self.root / "sys/class/block").mkdir(parents=True, exist_ok=True)
        link = self.root / "sys/class/block/vda5"
        if not link.is_symlink():
            link.symlink_to(self.root / "sys/devices/vda/vda5")
        self.write("sys/class/dmi/id/product_serial", serial)
        self.write("kernel/random/uuid", "01234567-89ab-cdef-0123-456789abcdef\n")
        (self.root / "etc/data").mkdir(exist_ok=True)
        # A block device takes root to make: here it is a file, and not waited for.
        script = DATA.read_text().replace('[ ! -b "$DEVICE" ]', '[ ! -f "$DEVICE" ]')
        script = script.replace('[ -b "$DEVICE" ]', '[ -f "$DEVICE" ]').replace("-lt 100", "-lt 2")
        self.write("script", script)
        result = self.run_script(
            "sh", self.root / "script", DEVICE=str(self.root / "disk" / device),
            RUN=str(self.root / "run"), SYS=str(self.root / "sys"), KERNEL=str(self.root / "kernel"),
            KMSG=str(self.root / "kmsg"), DEVICE_TREE=str(self.root / "device-tree"), CONF="/dev/null/none",
            rootmnt=str(self.root / "etc"))
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.read("calls")

    def host_name(self):
        return self.read("kernel/hostname").strip()

    def test_the_mark_of_a_new_image_leads_to_growing_and_formatting(self):
        calls = self.start(b"CHALKBOX-DATA-NEW\n" + b"\0" * 4096)
        order = [calls.index(name) for name in
                 ("sfdisk --quiet --force --no-reread --no-tell-kernel -N 5 /dev/vda", "partx --update --nr 5 /dev/vda",
                  "mkfs.f2fs -q -f -l data-new", "f2fslabel", "mount -t f2fs")]
        self.assertEqual(order, sorted(order))

    def test_a_link_that_goes_while_the_table_is_written_is_not_needed_any_more(self):
        link = self.root / "disk/by-partuuid"
        self.write("disk/vda5", b"")
        link.symlink_to("vda5")
        calls = self.start(b"CHALKBOX-DATA-NEW\n" + b"\0" * 4096, device=link.name, sfdisk=f"cat >/dev/null; rm {link}")
        for call in ("mkfs.f2fs -q -f -l data-new", "f2fslabel", "mount -t f2fs -o noatime"):
            self.assertIn(f"{call} {self.root}/disk/vda5", calls)
        self.assertEqual(self.read("run/data-problems"), "")

    def test_a_formatting_that_was_cut_off_is_begun_again(self):
        self.assertIn("mkfs.f2fs", self.start(b"\0" * 4096, label="data-new"))

    def test_what_has_no_mark_is_never_formatted(self):
        for content, label in ((b"\0" * 4096, "data"), (b"\0" * 4096, ""), (os.urandom(4096), "")):
            calls = self.start(content, label=label, mount='case "$*" in *f2fs*) exit 1 ;; esac')
            self.assertNotIn("mkfs.f2fs", calls)
            self.assertIn("fsck.f2fs -f", calls)
            self.assertIn("mount -t tmpfs", calls)
            self.assertIn("damaged", self.read("run/data-problems"))

    def test_without_a_data_partition_the_box_runs_from_memory(self):
        self.assertIn("mount -t tmpfs", self.start(device="none"))
        self.assertIn("missing", self.read("run/data-problems"))

    def test_the_identity_stays(self):
        self.start()
        self.assertEqual(self.host_name(), "chalkbox-1234")
        self.assertEqual(self.read("etc/data/identity/machine-id"), "0123456789abcdef0123456789abcdef\n")
        self.write("etc/data/identity/machine-id", "f" * 32 + "\n")
        self.start(serial="ZZZ-9999\n")
        self.assertEqual(self.host_name(), "chalkbox-1234")
        self.assertEqual(self.read("etc/data/identity/machine-id"), "f" * 32 + "\n")

    def test_a_serial_that_names_no_box_is_passed_over(self):
        for serial in ("To be filled by O.E.M.", "Default string", "0000000000", "None", "", "12",
                       "System Serial Number"):
            with self.subTest(serial):
                (self.root / "etc/data/identity/hostname").unlink(missing_ok=True)
                self.start(serial=serial + "\n")
                self.assertEqual(self.host_name(), "chalkbox-cdef")

    def test_a_torn_identity_is_made_anew(self):
        self.write("etc/data/identity/machine-id", "0123")
        self.write("etc/data/identity/hostname", "")
        self.start()
        self.assertEqual(len(self.read("etc/data/identity/machine-id").strip()), 32)
        self.assertEqual(self.host_name(), "chalkbox-1234")


class SlotState(Folder):
    """board/rpi-arm64: RAUC's way to U-Boot."""

    def state(self, *words):
        self.program("save", f'cp "$1" "{self.root}/boot/$2"')
        result = self.run_script(SLOT_STATE, *words, BOOT=str(self.root / "boot"), RUN=str(self.root / "run"),
                                 SAVE=str(self.root / "bin/save"))
        return result.returncode, result.stdout.strip()

    def test_the_image_begins_with_the_first_slot(self):
        self.assertEqual(self.state("get-primary"), (0, "A"))
        self.assertEqual(self.state("get-state", "A"), (0, "good"))
        self.assertEqual(self.state("get-state", "B"), (0, "bad"))

    def test_what_was_installed_is_booted_next_and_the_old_one_stays(self):
        self.write("boot/slots.txt", "ORDER=A B\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=2\n")
        self.assertEqual(self.state("set-state", "B", "bad")[0], 0)
        self.assertEqual(self.state("set-primary", "B")[0], 0)
        self.assertEqual(self.read("boot/slots.txt"), "ORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=0\n")
        self.assertEqual(self.state("get-primary"), (0, "B"))
        self.assertEqual(self.state("get-state", "A"), (0, "good"))

    def test_a_slot_that_failed_twice_is_bad_until_it_is_good(self):
        self.write("boot/slots.txt", "ORDER=B A\nA_OK=1\nA_TRY=1\nB_OK=1\nB_TRY=2\n")
        self.assertEqual(self.state("get-primary"), (0, "A"))
        self.assertEqual(self.state("get-state", "B"), (0, "bad"))
        self.assertEqual(self.state("set-state", "A", "good")[0], 0)
        self.assertEqual(self.read("boot/slots.txt"), "ORDER=B A\nA_OK=1\nA_TRY=0\nB_OK=1\nB_TRY=2\n")

    def test_rubbish_counts_as_the_first_slot(self):
        self.write("boot/slots.txt", b"\xff\x00ORDER=C\nA_TRY=9\nA_OK\n")
        self.assertEqual(self.state("get-primary"), (0, "A"))

    def test_other_words_are_refused(self):
        for words in ((), ("set-primary", "C"), ("set-state", "A", "odd"), ("get-state",)):
            self.assertEqual(self.state(*words)[0], 2, words)
        self.assertEqual(self.read("boot/slots.txt"), "")


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
        for library in ("libasound2", "libwebsockets", "libgpiod2", "libnl-3-200", "libsqlite3-0", "libflac"):
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


if __name__ == "__main__":
    outcome = unittest.TextTestRunner(stream=sys.stdout).run(unittest.defaultTestLoader.loadTestsFromModule(
        sys.modules["__main__"]))
    failed = len(outcome.failures) + len(outcome.errors)
    print(f"image: {outcome.testsRun} tests of the image's scripts, {failed} failed")
    sys.exit(not outcome.wasSuccessful())
