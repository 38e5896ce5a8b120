"""What a technician writes on the boot partition, and what the box writes there."""
import os
import subprocess

from folder import SCRIPTS, TREE, Folder

SECRET = "correct horse battery"


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
