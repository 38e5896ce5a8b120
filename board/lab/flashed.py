"""A box with the flashable image itself: UEFI, its boot loader, its two slots, its data partition.

Nothing is added to the image but an initial RAM disk beside its own, named in the boot loader's configuration of the
copy that the machine has: it starts the lab's agent and the virtual panel out of the lab's own disk.
"""
import copy
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import textwrap
import time

from box import BEARER, TREE, Box, Lab, check, filled_in
from cloud import ADDRESS, Cloud
from guest import CACHE, Guest, GuestError
from kernel import GPIO_SIM, call
from machine import LabError, NotHere

FIRMWARE = pathlib.Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
VARIABLES = pathlib.Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
#: The card that it is flashed on.
CARD_MEGABYTES = 4096
#: The order of its partitions where their table has no names.
MBR = ["boot", "root-a", "root-b", "data"]
SERIAL = "LAB-C0DE"
LAB_DISK = "/run/lab"


def built(board, variable):
    """Where image/build has left a board's image, or what the environment's variable says; built when there is none."""
    directory = pathlib.Path(os.environ.get(variable) or TREE / "image/out" / board)
    if not (directory / "SHA256SUMS").exists():
        Lab.tell(f"lab: image/build {board}, a quarter of an hour, once")
        try:
            call(TREE / "image/build", "--out", directory, board)
        except LabError as error:
            raise NotHere(str(error)) from None
    age = int(time.time() - (directory / "SHA256SUMS").stat().st_mtime) // 60
    Lab.tell(f"lab: the image in {directory}, {age} minutes old")
    return directory


class Card:
    """The image as bmaptool or dd would write it, on a card that is larger than it."""

    def __init__(self, archive, path):
        self.path = path
        call("zstd", "-dqf", "--sparse", archive, "-o", path, capture=True)
        os.truncate(path, CARD_MEGABYTES << 20)
        table = call("sfdisk", "--dump", path, capture=True).decode()
        # start=        2048, size=       65536, …, name="boot"; an MBR has no names
        starts, names = re.findall(r"start= *(\d+),", table), re.findall(r'name="([\w-]+)"', table) or MBR
        self.starts = {name: int(start) * 512 for name, start in zip(names, starts)}

    def copy(self, path):
        call("cp", "--sparse=always", self.path, path)
        other = copy.copy(self)
        other.path = path
        return other

    def mtools(self, program, partition, *arguments):
        device = f"{self.path}@@{self.starts[partition]}"
        return call(program, "-i", device, *arguments, capture=True)

    def read(self, partition, name):
        return self.mtools("mtype", partition, f"::{name}").decode(errors="replace")

    def write(self, partition, name, data):
        scratch = self.path.with_suffix(".part")
        scratch.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.mtools("mcopy", partition, "-o", scratch, f"::{name}")
        scratch.unlink()

    def remove(self, partition, name):
        self.mtools("mdel", partition, f"::{name}")


class FlashedGuest(Guest):
    """Boots the card; reboots of its own go on in the same process."""

    def __init__(self, guest_image, directory, card, megabytes=1024):
        super().__init__(guest_image, directory, megabytes)
        self.card = card
        self.overlay = card.path
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.ssh_port = free.getsockname()[1]

    def firmware(self):
        variables = self.directory / "uefi-variables.fd"
        if not variables.exists():
            shutil.copy(VARIABLES, variables)
        return [
            "-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE}",
            "-drive", f"if=pflash,format=raw,file={variables}", "-smbios", f"type=1,serial={SERIAL}"]

    def command(self, agent, monitor, product, arguments):
        drives = []
        for name, path, form, more in [
                ("card", self.card.path, "raw", CACHE),
                ("lab", self.image.root, "qcow2", "snapshot=on"),
                *((name, path, "raw", CACHE) for name, path in self.disks)]:
            drives += ["-drive", f"file={path},if=none,format={form},id={name},{more}",
                       "-device", f"virtio-blk-pci,drive={name},serial={name}"
                       f"{',bootindex=1' if name == 'card' else ''}"]
        return [
            *self.image.machine.emulator, "-nodefaults", "-no-user-config", "-display", "none",
            "-m", str(self.megabytes), *self.firmware(),
            "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={agent},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=chalkbox.lab",
            "-netdev", f"user,id=net,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:{self.ssh_port}-:22",
            "-device", "virtio-net-pci,netdev=net,id=nic", *drives, *self.options]


def hands(directory, machine):
    """The initial RAM disk that starts the agent and the panel from the lab's disk."""
    python = f"{LAB_DISK}/{machine.loader} --library-path {LAB_DISK}/{machine.libraries} {LAB_DISK}/usr/bin/python3 -u"
    units = {
        "run-lab.mount": f"""
            [Unit]
            DefaultDependencies=no
            Before=sysinit.target
            [Mount]
            What=/dev/disk/by-id/virtio-lab
            Where={LAB_DISK}
            Type=ext4
            Options=ro,noload
            """,
        "lab-agent.service": f"""
            [Unit]
            DefaultDependencies=no
            RequiresMountsFor={LAB_DISK}
            Conflicts=shutdown.target
            Before=shutdown.target
            [Service]
            Environment=PYTHONHOME={LAB_DISK}/usr
            ExecStart={python} {LAB_DISK}/usr/lib/chalkbox-lab/agent.py
            Restart=always
            OOMScoreAdjust=-900
            """,
        "lab-hardware.service": f"""
            [Unit]
            DefaultDependencies=no
            RequiresMountsFor={LAB_DISK}
            Before=sysinit.target
            [Service]
            Type=oneshot
            RemainAfterExit=yes
            Environment=PYTHONHOME={LAB_DISK}/usr
            ExecStart={python} {LAB_DISK}/usr/lib/chalkbox-lab/hardware.py {LAB_DISK}/{GPIO_SIM}
            """,
    }
    tree = directory / "hands"
    scripts, wants = tree / "scripts/init-bottom", tree / "lab/sysinit.target.wants"
    scripts.mkdir(parents=True)
    wants.mkdir(parents=True)
    for name, text in units.items():
        (tree / "lab" / name).write_text(textwrap.dedent(text))
    for name in ("lab-agent.service", "lab-hardware.service"):
        (wants / name).symlink_to(f"../{name}")
    # In the place of the image's list of such scripts, which does not know of one more: it runs what is there.
    (scripts / "ORDER").write_text(
        'for script in /scripts/init-bottom/*; do\n    case "$script" in */ORDER) ;; *) "$script" ;; esac\ndone\n')
    (scripts / "lab").write_text(
        '#!/bin/sh\n[ "$1" != prereqs ] || exit 0\nmkdir -p /run/systemd/system\ncp -a /lab/. /run/systemd/system/\n')
    for path in (scripts / "ORDER", scripts / "lab"):
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))) + "\n"
    return call("cpio", "-o", "-H", "newc", "--quiet", cwd=tree, input=names.encode(), capture=True)


class FlashedBox(Box):
    """As Box, but what it runs comes from the image, and what it is told from its boot partition."""

    def __init__(self, lab, name="flashed"):
        if not FIRMWARE.exists():
            raise NotHere("the firmware for virtual machines is missing: board/install lab")
        self.built = built("amd64", "CHALKBOX_IMAGE")
        self.insert_card(lab, name, self.built / "chalkbox-amd64.img.zst", FlashedGuest)
        self.card.write("esp", "lab.cpio", hands(self.directory, lab.image.machine))
        loader = self.card.read("esp", "grub/grub.cfg")
        loader = loader.replace("initrd.img\n", "initrd.img ($disk,gpt2)/lab.cpio\n")
        # An emulated timer that is late on a machine with other work is no broken timer.
        self.card.write("esp", "grub/grub.cfg", loader.replace(" quiet ", " quiet no_timer_check "))

    def insert_card(self, lab, name, archive, guest):
        self.lab = lab
        self.directory = lab.scratch / name
        self.directory.mkdir(parents=True)
        lab.boxes.append(self)
        self.cloud = Cloud(lab.cloud, self.directory)
        self.cloud.start()
        self.card = Card(archive, self.directory / "card.raw")
        self.guest = guest(lab.image, self.directory, self.card)
        self.journal, self.events, self.presses = None, [], 0

    def technician_writes(self, settings):
        """chalkbox.conf as it was flashed, with what a technician fills in; lines end as the laptop had them."""
        text = filled_in(self.card.read("boot", "chalkbox.conf"), settings)
        self.card.write("boot", "chalkbox.conf", text.replace("\n", "\r\n"))

    def school_settings(self):
        def here(url):
            return url.replace("cloud.test", ADDRESS)
        return {
            "box.reserve_mb": "16", "audio.device": "plughw:CARD=Microphone,DEV=1",
            "transcription.token_url": here(self.cloud.token_url),
            "transcription.websocket_url": here(self.cloud.web_socket_url),
            "transcription.token_bearer_file": "/etc/chalkbox/token.secret",
            "upload.url": here(self.cloud.upload_url), "upload.manifest_url": here(self.cloud.manifest_url),
            "upload.bearer_file": "/etc/chalkbox/token.secret",
            "tls.ca_file": "/boot/ca.pem", "panel.driver": "gpio",
        }

    def technician_fills_in(self):
        self.technician_writes(self.school_settings())
        self.card.write("boot", "token.secret", BEARER + "\r\n")
        self.card.write("boot", "ca.pem", self.cloud.authority.read_bytes())
        self.key = self.directory / "technician"
        call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key)
        self.card.write("boot", "ssh_authorized_keys", self.key.with_suffix(".pub").read_text().replace("\n", "\r\n"))

    def log_in(self, command, user="technician", key=True):
        """What a command says over SSH, and its exit code; 255: not let in."""
        options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "BatchMode=yes",
                   "ConnectTimeout=60", *([] if key else ["PubkeyAuthentication=no"])]
        words = [word for option in options for word in ("-o", option)]
        done = subprocess.run(["ssh", *words, "-i", self.key, "-p", str(self.guest.ssh_port), f"{user}@127.0.0.1",
                               command], capture_output=True, text=True, timeout=180)
        return done.returncode, done.stdout + done.stderr

    def wait_until(self, command, otherwise, seconds=120):
        said = self.guest.run(f"for _ in $(seq {5 * seconds}); do {command} && exit 0; sleep 0.2; done; echo late",
                              seconds + 60)
        check(said != "late", otherwise)

    def wait_for_ready(self, seconds):
        """Through reboots of its own, until a recorder is ready: with each start the agent says hello anew."""
        end = time.monotonic() + seconds
        hello = self.guest.inbox(0)
        while True:
            self.guest.take(hello, end - time.monotonic())
            self.follow_journal()
            while hello.empty():
                try:
                    event = self.next_event(min(end, time.monotonic() + 5))
                except GuestError:
                    if time.monotonic() > end:
                        raise
                    continue
                if event.text.startswith("ready "):
                    return event

    def reboot(self, seconds=600):
        self.guest.start("systemctl reboot")
        return self.wait_for_ready(seconds)

    def slot(self):
        return re.search(r"rauc\.slot=(\w)", self.guest.run("cat /proc/cmdline"))[1]

    def recorded(self, recording="last"):
        self.chalkbox(f"export {recording} --format flac -o /run/export.flac --force")
        flac, raw = self.directory / "export.flac", self.directory / "export.raw"
        flac.write_bytes(self.guest.get("/run/export.flac"))
        call("flac", "-d", "-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "-o", raw, flac,
             capture=True)
        return raw.read_bytes()
