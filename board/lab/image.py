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

HERE = pathlib.Path(__file__).resolve().parent
INPUTS = HERE / "image"
SERVICES = ["lab-agent.service", "lab-hardware.service"]
SYSUSERS = HERE.parent / "sysusers.d/chalkbox.conf"
PACKAGES = HERE.parent / "packages"
SUITE = "bookworm"
SOURCES = "linux-source-6.1"
ROOT_MEGABYTES = 1200
KEEP_SECONDS = 86_400
LEFT_OUT = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*"]


class LabError(Exception):
    """Why the lab cannot go on, in words for whom it may concern."""


@dataclasses.dataclass(frozen=True)
class Image:
    kernel: pathlib.Path
    initrd: pathlib.Path
    root: pathlib.Path


def cache():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("CHALKBOX_LAB_CACHE") or pathlib.Path(home) / "chalkbox-lab")


def missing():
    """Why an image cannot be built on this machine; None when it can."""
    if os.geteuid() != 0:
        return "building the guest takes root"
    absent = [tool for tool in ("mmdebstrap", "qemu-system-x86_64", "dpkg-deb", "make", "gcc", "cpio", "xz")
              if not shutil.which(tool)]
    return f"missing: {', '.join(absent)}" if absent else None


def is_ready():
    """Whether the cache holds what this tree needs."""
    try:
        image = paths()
    except LabError:
        return False
    return all(path.exists() for path in dataclasses.astuple(image))


def ensure():
    """The image, built when the cache has none of these inputs."""
    image = paths()
    if all(path.exists() for path in dataclasses.astuple(image)):
        return image
    if reason := missing():
        raise LabError(f"the guest image cannot be built: {reason}")
    directory = cache()
    directory.mkdir(parents=True, exist_ok=True)
    base = directory / f"base-{base_digest()}.tar"
    if not base.exists():
        build_base(base)
    with tempfile.TemporaryDirectory(prefix="chalkbox-lab-") as scratch:
        build_image(pathlib.Path(scratch), base, image)
    keep = {base, *dataclasses.astuple(image)}
    for path in directory.iterdir():
        # What another run may be using is younger.
        is_old = path.stat().st_mtime < time.time() - KEEP_SECONDS
        if is_old and path not in keep and re.match(r"(base|kernel|initrd|root)-", path.name):
            path.unlink()
    return image


def paths():
    digest = image_digest()
    directory = cache()
    return Image(directory / f"kernel-{digest}", directory / f"initrd-{digest}", directory / f"root-{digest}.qcow2")


def guest_packages():
    return [line.split()[1] for line in PACKAGES.read_text().splitlines() if line.startswith("guest ")]


def base_digest():
    return digest([SUITE, *LEFT_OUT, *sorted(guest_packages())])


def image_digest():
    files = [SYSUSERS, *(path for path in sorted(INPUTS.rglob("*")) if path.is_file())]
    return digest([base_digest(), kernel_release(), pathlib.Path(__file__).read_text(),
                   *(path.read_text() for path in files)])


def digest(parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def kernel_release():
    """The release that the installed headers are for: modules are built for no other."""
    found = sorted(pathlib.Path("/usr/src").glob("linux-headers-*[0-9]-amd64"))
    if not found:
        raise LabError("linux-headers-amd64 is missing: board/install lab")
    return found[-1].name.removeprefix("linux-headers-")


def build_base(target):
    print("lab: building the guest's Debian (some minutes, once)", file=sys.stderr)
    part = target.with_suffix(".part.tar")
    options = [f"--dpkgopt=path-exclude={pattern}" for pattern in LEFT_OUT]
    call("mmdebstrap", "--variant=minbase", "--quiet", f"--include={','.join(guest_packages())}", *options, SUITE, part)
    part.rename(target)


def build_image(scratch, base, image):
    print("lab: building the guest's kernel and disk", file=sys.stderr)
    release = kernel_release()
    kernel, tree, source = scratch / "kernel", scratch / "tree", scratch / "source"
    for path in (kernel, tree, source):
        path.mkdir()
    call("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", f"linux-image-{release}", cwd=scratch)
    call("dpkg-deb", "-x", next(scratch.glob("linux-image-*.deb")), kernel)
    call("tar", "-xJf", f"/usr/src/{SOURCES}.tar.xz", "-C", source, "--strip-components=1", "--wildcards",
         "*/drivers/gpio/gpio-sim.c", "*/drivers/gpio/gpiolib.h", "*/kernel/irq/irq_sim.c", "*/scripts/extract-vmlinux")
    # The decompressed kernel starts by PVH, which saves TCG the decompression.
    part = scratch / "vmlinux"
    part.write_bytes(call("sh", source / "scripts/extract-vmlinux", kernel / f"boot/vmlinuz-{release}", capture=True))
    modules = Modules(kernel / "lib/modules" / release)
    initrd(scratch, modules.closure(wanted("boot")), image.initrd)
    call("tar", "-xf", base, "-C", tree)
    furnish(tree, modules, release, gpio_sim(scratch, source, release))
    disk = scratch / "root.ext4"
    call("mkfs.ext4", "-q", "-L", "root", "-O", "^has_journal", "-d", tree, disk, f"{ROOT_MEGABYTES}M")
    call("qemu-img", "convert", "-O", "qcow2", disk, scratch / "root.qcow2")
    shutil.move(part, image.kernel)
    # The disk comes last: its presence says that all is there.
    shutil.move(scratch / "root.qcow2", image.root)


def wanted(group):
    lines = (INPUTS / "modules").read_text().splitlines()
    return [line.split()[1] for line in lines if line.startswith(group + " ")]


class Modules:
    """A kernel's modules and what they depend on (depmod(8))."""

    def __init__(self, directory):
        self.directory = directory
        version = directory.name
        call("depmod", "-b", directory.parent.parent.parent, version)
        self.needs, self.path = {}, {}
        for line in (directory / "modules.dep").read_text().splitlines():
            path, _, needed = line.partition(":")
            name = self.name(path)
            self.path[name] = path
            self.needs[name] = [self.name(other) for other in needed.split()]
        self.built_in = {self.name(line) for line in (directory / "modules.builtin").read_text().splitlines()}
        self.soft = {}
        for line in (directory / "modules.softdep").read_text().splitlines():
            fields = line.split()
            if len(fields) > 3 and fields[:1] == ["softdep"]:
                others = [field for field in fields[2:] if not field.endswith(":")]
                self.soft[fields[1].replace("-", "_")] = [other.replace("-", "_") for other in others]

    @staticmethod
    def name(path):
        return path.rsplit("/", 1)[-1].split(".")[0].replace("-", "_")

    def closure(self, names):
        """Paths of the modules, those that others need first."""
        order = []

        def add(name):
            if name in order or name in self.built_in:
                return
            if name not in self.path:
                raise LabError(f"{self.directory.name} has no module {name}: see board/lab/image/modules")
            # modules.dep names all, the deepest last.
            for other in reversed(self.needs[name]):
                add(other)
            order.append(name)

        for name in names:
            add(name)
            for other in self.soft.get(name, []):
                if other in self.path:
                    add(other)
        return [self.directory / self.path[name] for name in order]


def initrd(scratch, modules, target):
    tree = scratch / "initrd"
    (tree / "bin").mkdir(parents=True)
    (tree / "modules").mkdir()
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    shutil.copy(INPUTS / "init", tree / "init")
    (tree / "init").chmod(0o755)
    for module in modules:
        shutil.copy(module, tree / "modules")
    (tree / "modules/order").write_text("".join(f"{module.name}\n" for module in modules))
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))) + "\n"
    target.write_bytes(call("cpio", "-o", "-H", "newc", "--quiet", cwd=tree, input=names.encode(), capture=True))


def gpio_sim(scratch, source, release):
    """gpio-sim.ko and irq_sim in one: Debian's kernel has neither, and exports all that they need but one function."""
    build = scratch / "gpio-sim"
    shutil.copytree(INPUTS / "gpio-sim", build)
    for path in ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h"):
        shutil.copy(source / path, build)
    text = (source / "kernel/irq/irq_sim.c").read_text()
    (build / "irq_sim.c").write_text(
        text.replace("handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq(irqnum)"))
    # A finger is stronger than a resistor: what the daemon asks for as bias does not open a pressed button.
    driver = build / "gpio-sim.c"
    driver.write_text(re.sub(r"return gpio_sim_apply_pull\(chip, offset, [01]\);", "return 0;", driver.read_text()))
    call("make", "-s", "-C", f"/usr/src/linux-headers-{release}", f"M={build}", "modules", capture=True)
    return build / "gpio-sim-lab.ko"


def furnish(tree, modules, release, gpio):
    """What the lab adds to Debian: modules, the agent, a network by DHCP; no logins, no timers."""
    for module in modules.closure(wanted("boot") + wanted("guest")):
        target = tree / "lib/modules" / release / module.relative_to(modules.directory)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(module, target)
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copy(modules.directory / name, tree / "lib/modules" / release)
    extra = tree / "lib/modules" / release / "extra"
    extra.mkdir()
    shutil.copy(gpio, extra)
    call("depmod", "-b", tree, release)
    agent = tree / "usr/lib/chalkbox-lab"
    agent.mkdir(parents=True)
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


def call(*command, capture=False, check=True, **options):
    result = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE if capture else sys.stderr,
        stderr=subprocess.PIPE if capture else None, **options)
    if check and result.returncode != 0:
        said = (result.stderr or b"").decode(errors="replace").strip()
        raise LabError(f"{command[0]} failed with status {result.returncode}{': ' + said if said else ''}")
    return result.stdout


if __name__ == "__main__":
    try:
        print(ensure().root)
    except LabError as error:
        sys.exit(f"lab: {error}")
