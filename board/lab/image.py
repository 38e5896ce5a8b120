"""Builds what the guest boots from, once, and keeps it in a cache: Debian, its kernel, modules, gpio-sim.

The cache lies in $CHALKBOX_LAB_CACHE, else $XDG_CACHE_HOME/chalkbox-lab, else ~/.cache/chalkbox-lab. Each layer has the
digest of its inputs in its name, so a change makes a new one and the old ones go.
"""
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from kernel import INPUTS, SUITE, Kernel, call
from machine import AMD64, BOARD, MACHINES, LabError, Machine, NotHere, run_foreign_programs

HERE = pathlib.Path(__file__).resolve().parent
SERVICES = ["lab-agent.service", "lab-hardware.service"]
SYSUSERS = BOARD / "sysusers.d/chalkbox.conf"
PACKAGES = BOARD / "packages"
ROOT_MEGABYTES = 1200
KEEP_SECONDS = 86_400
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]


@dataclasses.dataclass(frozen=True)
class Image:
    machine: Machine
    kernel: pathlib.Path
    initrd: pathlib.Path
    root: pathlib.Path

    @property
    def files(self):
        return [self.kernel, self.initrd, self.root]

    def exists(self):
        return all(path.exists() for path in self.files)


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("CHALKBOX_LAB_CACHE") or pathlib.Path(home) / "chalkbox-lab")


def missing(machine):
    """Why an image cannot be built on this machine; None when it can."""
    if os.geteuid() != 0:
        return "building the guest takes root"
    absent = [tool for tool in ("mmdebstrap", "make", "cpio", "xz", *machine.tools) if not shutil.which(tool)]
    return f"missing: {', '.join(absent)}" if absent else None


def ensure(machine=AMD64):
    """The image, built when the cache has none of these inputs."""
    if subprocess.run([BOARD / "install", machine.group], check=False).returncode != 0:
        raise NotHere(f"its packages cannot be installed (board/packages: {machine.group})")
    image = paths(machine)
    if image.exists():
        return image
    if reason := missing(machine):
        raise NotHere(f"the guest image cannot be built: {reason}")
    run_foreign_programs(machine)
    directory = cache()
    directory.mkdir(parents=True, exist_ok=True)
    base = base_path(machine)
    if not base.exists():
        build_base(machine, base)
    with tempfile.TemporaryDirectory(prefix="chalkbox-lab-") as scratch:
        build_image(pathlib.Path(scratch), base, image)
    remove_old(directory)
    return image


def remove_old(directory):
    keep = [path for machine in MACHINES for path in (base_path(machine), *paths(machine).files)]
    for path in directory.iterdir():
        # What another run may be using is younger.
        is_old = path.stat().st_mtime < time.time() - KEEP_SECONDS
        if is_old and path not in keep and re.match(r"(base|kernel|initrd|root)-", path.name):
            path.unlink()


def paths(machine):
    name = image_digest(machine)
    directory = cache()
    return Image(machine, directory / f"kernel-{name}", directory / f"initrd-{name}", directory / f"root-{name}.qcow2")


def base_path(machine):
    return cache() / f"base-{base_digest(machine)}.tar"


def guest_packages():
    return [line.split()[1] for line in PACKAGES.read_text().splitlines() if line.startswith("guest ")]


def base_digest(machine):
    return digest([SUITE, machine.architecture, *LEFT_OUT, *sorted(guest_packages())])


def image_digest(machine):
    programs = [HERE / "image.py", HERE / "kernel.py", SYSUSERS]
    files = [*programs, *(path for path in sorted(INPUTS.rglob("*")) if path.is_file())]
    own = repr((machine.cross, machine.unpacks_kernel))
    return digest([base_digest(machine), own, *(path.read_text() for path in files)])


def digest(parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def build_base(machine, target):
    print(f"lab: building the guest's Debian for {machine.architecture} (some minutes, once)", file=sys.stderr)
    part = target.with_suffix(f".part-{os.getpid()}.tar")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    call("mmdebstrap", "--variant=minbase", "--quiet", f"--architectures={machine.architecture}",
         f"--include={','.join(guest_packages())}", *options, SUITE, part)
    part.rename(target)


def build_image(scratch, base, image):
    print(f"lab: building the guest's kernel and disk for {image.machine.architecture}", file=sys.stderr)
    tree = scratch / "tree"
    tree.mkdir()
    call("tar", "-xf", base, "-C", tree)
    kernel = Kernel(image.machine, scratch)
    part = scratch / "bootable"
    part.write_bytes(kernel.bootable())
    initrd(scratch, tree / "bin/busybox", kernel.wanted("boot"), image.initrd)
    kernel.install(tree)
    furnish(tree)
    disk = scratch / "root.ext4"
    call("mkfs.ext4", "-q", "-L", "root", "-O", "^has_journal", "-d", tree, disk, f"{ROOT_MEGABYTES}M")
    call("qemu-img", "convert", "-O", "qcow2", disk, scratch / "root.qcow2")
    shutil.move(part, image.kernel)
    # The disk comes last: its presence says that all is there.
    shutil.move(scratch / "root.qcow2", image.root)


def initrd(scratch, busybox, modules, target):
    tree = scratch / "initrd"
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy(busybox, tree / "bin/busybox")
    shutil.copy(INPUTS / "init", tree / "init")
    (tree / "init").chmod(0o755)
    for module in modules:
        shutil.copy(module, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{module.name}\n" for module in modules))
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))) + "\n"
    target.write_bytes(call("cpio", "-o", "-H", "newc", "--quiet", cwd=tree, input=names.encode(), capture=True))


def furnish(tree):
    """What the lab adds to Debian: the agent, a network by DHCP; no logins, no timers."""
    agent = tree / "usr/lib/chalkbox-lab"
    agent.mkdir(parents=True, exist_ok=True)
    for name in ("agent.py", "hardware.py"):
        shutil.copy(INPUTS / name, agent)
    for name in SERVICES:
        shutil.copy(INPUTS / name, tree / "etc/systemd/system")
    call("systemd-sysusers", f"--root={tree}", SYSUSERS)
    (tree / "etc/hostname").write_text("room-12\n")
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 room-12\n10.0.2.2 cloud.test\n")
    (tree / "etc/fstab").write_text("")
    (tree / "etc/machine-id").write_text("0" * 31 + "1\n")
    (tree / "etc/systemd/network").mkdir(exist_ok=True)
    (tree / "etc/systemd/network/50-lab.network").write_text(
        "[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
    call("systemctl", "--root", tree, "enable", *SERVICES, "systemd-networkd.service", capture=True)
    call("systemctl", "--root", tree, "disable", "wpa_supplicant.service", "dnsmasq.service", capture=True, check=False)
    call("systemctl", "--root", tree, "mask", "systemd-networkd-wait-online.service", "getty.target",
         "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer",
         "e2scrub_reap.service",
         "fstrim.timer", "systemd-update-utmp.service", "hostapd.service", "alsa-restore.service", "alsa-state.service",
         "nftables.service", "systemd-pstore.service", capture=True)
    call("systemctl", "--root", tree, "set-default", "multi-user.target", capture=True)


if __name__ == "__main__":
    try:
        print(ensure().root)
    except LabError as error:
        sys.exit(f"lab: {error}")
