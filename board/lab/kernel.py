"""Debian's kernel for the guest, its modules, and gpio-sim, which Debian does not build."""
import pathlib
import re
import shutil
import subprocess
import sys

from machine import LabError

INPUTS = pathlib.Path(__file__).resolve().parent / "image"
SUITE = "bookworm"
SERIES = "6.1"
#: The programs that build modules, for this machine.
BUILDER = f"linux-kbuild-{SERIES}"
#: In the guest, whatever its kernel's release.
GPIO_SIM = "usr/lib/chalkbox-lab/gpio-sim.ko"
SOURCES = f"/usr/src/linux-source-{SERIES}.tar.xz"


class Kernel:
    """The packages of a kernel and of what its modules are built with, unpacked: nothing of them is installed."""

    def __init__(self, machine, scratch):
        self.machine, self.scratch = machine, scratch
        self.tree = scratch / "kernel"
        architecture = machine.architecture
        call("mmdebstrap", "--variant=extract", "--quiet", f"--architectures={architecture}",
             f"--include=linux-image-{architecture},linux-headers-{architecture}", SUITE, self.tree)
        self.image = next((self.tree / "boot").glob("vmlinuz-*"))
        self.release = self.image.name.removeprefix("vmlinuz-")
        self.modules = Modules(self.tree / "lib/modules" / self.release)
        self.source = scratch / "source"
        self.source.mkdir()
        call("tar", "-xJf", SOURCES, "-C", self.source, "--strip-components=1", "--wildcards",
             "*/drivers/gpio/gpio-sim.c", "*/drivers/gpio/gpiolib.h", "*/kernel/irq/irq_sim.c",
             "*/scripts/extract-vmlinux")

    def bootable(self):
        """The kernel as QEMU starts it soonest."""
        if not self.machine.unpacks_kernel:
            return self.image.read_bytes()
        return call("sh", self.source / "scripts/extract-vmlinux", self.image, capture=True)

    def gpio_sim(self):
        """gpio-sim.ko and irq_sim in one: Debian's kernel exports all that they need but one function."""
        build = self.scratch / "gpio-sim"
        shutil.copytree(INPUTS / "gpio-sim", build)
        for path in ("drivers/gpio/gpio-sim.c", "drivers/gpio/gpiolib.h"):
            shutil.copy(self.source / path, build)
        text = (self.source / "kernel/irq/irq_sim.c").read_text()
        (build / "irq_sim.c").write_text(
            text.replace("handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq(irqnum)"))
        # A finger is stronger than a resistor: what the daemon asks for as bias does not open a pressed button.
        driver = build / "gpio-sim.c"
        driver.write_text(re.sub(r"return gpio_sim_apply_pull\(chip, offset, [01]\);", "return 0;", driver.read_text()))
        # The unpacked headers bring these programs for the guest's processor.
        programs = self.tree / "usr/lib" / BUILDER
        shutil.rmtree(programs)
        programs.symlink_to(f"/usr/lib/{BUILDER}")
        headers = self.tree / "usr/src" / f"linux-headers-{self.release}"
        common = headers.with_name(headers.name.removesuffix(self.machine.architecture) + "common")
        call("make", "-s", "-C", common, f"O={headers}", f"M={build}", *self.machine.cross, "modules", capture=True)
        return build / "gpio-sim-lab.ko"

    def wanted(self, *groups):
        """The modules of these groups of image/modules, and what they depend on."""
        lines = [line.split() for line in (INPUTS / "modules").read_text().splitlines()]
        own = {f"{group}-{self.machine.architecture}" for group in groups}
        return self.modules.closure([fields[1] for fields in lines if fields and fields[0] in {*groups, *own}])

    def install(self, tree):
        """Modules for the guest, and what modprobe(8) reads."""
        target = tree / "lib/modules" / self.release
        for module in self.wanted("boot", "guest"):
            place = target / module.relative_to(self.modules.directory)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(module, place)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            shutil.copy(self.modules.directory / name, target)
        (target / "extra").mkdir()
        shutil.copy(self.gpio_sim(), target / "extra")
        (tree / GPIO_SIM).parent.mkdir(parents=True, exist_ok=True)
        (tree / GPIO_SIM).symlink_to(f"../../../lib/modules/{self.release}/extra/gpio-sim-lab.ko")
        call("depmod", "-b", tree, self.release)


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


def call(*command, capture=False, check=True, **options):
    result = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE if capture else sys.stderr,
        stderr=subprocess.PIPE if capture else None, **options)
    if check and result.returncode != 0:
        said = (result.stderr or b"").decode(errors="replace").strip()
        raise LabError(f"{command[0]} failed with status {result.returncode}{': ' + said if said else ''}")
    return result.stdout
