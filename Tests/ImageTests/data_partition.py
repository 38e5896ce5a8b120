"""image/initramfs/chalkbox-data: the data partition and the box's identity on it."""
import os

from folder import TREE, Folder

DATA = TREE / "image/initramfs/chalkbox-data"


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
