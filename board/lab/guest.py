"""The virtual machine: boots, runs commands, copies files, loses its power."""
import base64
import inspect
import io
import itertools
import json
import queue
import select
import signal
import socket
import subprocess
import tarfile
import threading
import time

from machine import LabError

#: TCG on a machine that also builds: nothing here takes as long as this.
PATIENCE_SECONDS = 180
#: A power cut is QEMU's end, not this machine's: what the guest has written to a raw disk by then is there at its next
#: boot in any case, and this machine's own disk, busy as it may be, is no part of what is tested. (Which writes may be
#: lost without a flush is the scenario `blocks`.)
CACHE = "cache=unsafe"


class GuestError(LabError):
    """Something in the guest went otherwise than wanted."""


class Product:
    """Files that are unpacked over the root at each boot, as a package would install them."""

    def __init__(self):
        self.files = []

    def add(self, path, source, mode=0o644):
        data = source if isinstance(source, bytes) else source.encode() if isinstance(source, str) else (
            source.read_bytes())
        self.files.append((path.lstrip("/"), data, mode, None))

    def link(self, path, target):
        self.files.append((path.lstrip("/"), b"", 0o777, target))

    def write(self, target):
        with tarfile.open(target, "w", format=tarfile.USTAR_FORMAT) as archive:
            for path, data, mode, link in self.files:
                entry = tarfile.TarInfo(path)
                entry.mode, entry.size, entry.mtime = mode, len(data), int(time.time())
                if link:
                    entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, link, 0
                archive.addfile(entry, io.BytesIO(data))


class Command:
    """A command that runs in the guest, line by line."""

    def __init__(self, guest, number):
        self.guest, self.number = guest, number
        self.lines, self.answers = [], guest.inbox(number)
        self.finished, self.value, self.error = False, None, None

    def next(self, seconds):
        """The next line; None at the end."""
        if self.finished:
            return None
        answer = self.guest.take(self.answers, seconds)
        if "line" in answer:
            self.lines.append(answer["line"])
            return answer["line"]
        self.finished, self.value, self.error = True, answer.get("done"), answer.get("error")
        return None

    def wait_for(self, condition, seconds=PATIENCE_SECONDS, what="a line"):
        """The first line from now on that satisfies the condition."""
        end = time.monotonic() + seconds
        while (line := self.next(end - time.monotonic())) is not None:
            if condition(line):
                return line
        raise GuestError(f"no {what}: the command ended; its last lines:\n" + "\n".join(self.lines[-20:]))

    def end(self, seconds=PATIENCE_SECONDS):
        end = time.monotonic() + seconds
        while not self.finished:
            self.next(end - time.monotonic())
        return self.value

    def kill(self):
        if not self.finished:
            self.guest.request("kill", of=self.number)


class Guest:
    """One machine with its disks, which outlive a power cut."""

    def __init__(self, image, directory, megabytes=512):
        self.image, self.directory, self.megabytes = image, directory, megabytes
        self.product = Product()
        self.disks, self.options = [], []
        self.process, self.connection, self.monitor = None, None, None
        self.boots = 0
        self.overlay = directory / "root.qcow2"
        self.keeps_root = True

    def add_disk(self, name, megabytes):
        """A raw disk of its own, /dev/disk/by-id/virtio-NAME in the guest."""
        path = self.directory / f"{name}.raw"
        with open(path, "wb") as file:
            file.truncate(megabytes << 20)
        self.disks.append((name, path))
        return path

    # MARK: Power

    def boot(self, arguments="", wait=True, terminal=False):
        """Switches it on and waits for its agent; with `terminal` QEMU has this process's standard input and output."""
        self.boots += 1
        self.console = self.directory / f"console-{self.boots}.log"
        agent, monitor = self.directory / "agent.sock", self.directory / "monitor.sock"
        for path in (agent, monitor):
            path.unlink(missing_ok=True)
        if not (self.keeps_root and self.overlay.exists()):
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(self.image.root),
                            str(self.overlay)], check=True)
        product = self.directory / "product.tar"
        self.product.write(product)
        self.switched_on = time.monotonic()
        with open(self.directory / "qemu.log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(agent, monitor, product, arguments), stderr=log,
                stdout=None if terminal else log, stdin=None if terminal else subprocess.DEVNULL)
        self.ids, self.inboxes, self.lock = itertools.count(1), {}, threading.Lock()
        self.lost = threading.Event()
        self.connection = self.connect(agent)
        self.monitor = Monitor(self.connect(monitor))
        threading.Thread(target=self.listen, args=(self.connection,), daemon=True).start()
        if wait:
            self.wait_for_agent()

    def wait_for_agent(self):
        self.take(self.inbox(0), PATIENCE_SECONDS)

    def command(self, agent, monitor, product, arguments):
        disks = [("root", self.overlay, "qcow2"), ("product", product, "raw")]
        disks += [(name, path, "raw") for name, path in self.disks]
        drives = []
        for name, path, form in disks:
            drives += ["-drive", f"file={path},if=none,format={form},id={name},{CACHE}",
                       "-device", f"virtio-blk-pci,drive={name},serial={name}"]
        machine = self.image.machine
        kernel = f"console={machine.console} quiet mitigations=off panic=0 systemd.show_status=0 {arguments}"
        return [
            *machine.emulator, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-m", str(self.megabytes), "-kernel", str(self.image.kernel), "-initrd", str(self.image.initrd),
            "-append", kernel.strip(),
            "-serial", f"file:{self.console}", "-qmp", f"unix:{monitor},server=on,wait=off",
            "-device", "virtio-rng-pci", "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=agent,path={agent},server=on,wait=off",
            "-device", "virtserialport,chardev=agent,name=chalkbox.lab",
            "-netdev", "user,id=net,net=10.0.2.0/24", "-device", "virtio-net-pci,netdev=net,id=nic",
            *drives, *self.options]

    def connect(self, path):
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect(str(path))
                return connection
            except OSError:
                connection.close()
                if self.process.poll() is not None or time.monotonic() > end:
                    raise GuestError(f"QEMU did not start:\n{(self.directory / 'qemu.log').read_text()}") from None
                select.select([], [], [], 0.02)

    def cut_power(self):
        """As pulling the plug: what the guest has not written to its disk is gone."""
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process = None

    def shut_down(self):
        if self.process and self.process.poll() is None:
            self.monitor.send("quit")
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def wait_for_end(self, seconds=PATIENCE_SECONDS):
        """Until the machine has switched itself off, or was reset."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise GuestError(f"the machine did not go down within {seconds} s") from None

    # MARK: Requests

    def inbox(self, number):
        with self.lock:
            return self.inboxes.setdefault(number, queue.Queue())

    def listen(self, connection):
        try:
            for line in connection.makefile("rb"):
                try:
                    answer = json.loads(line)
                except ValueError:
                    continue  # cut off by a reboot, or the empty line after that
                self.inbox(answer["id"]).put(answer)
        except OSError:
            pass
        self.lost.set()

    def take(self, answers, seconds):
        end = time.monotonic() + max(0, seconds)
        while True:
            try:
                return answers.get(timeout=0.2)
            except queue.Empty:
                if self.lost.is_set() and answers.empty():
                    raise GuestError("the machine is off") from None
                if time.monotonic() > end:
                    raise GuestError(f"no answer from the guest within {seconds:.0f} s") from None

    def request(self, verb, **fields):
        command = Command(self, next(self.ids))
        self.connection.sendall(json.dumps({"id": command.number, "do": verb, **fields}).encode() + b"\n")
        return command

    def start(self, script):
        """A shell script that runs on; its lines come one by one."""
        return self.request("run", script=script)

    def run(self, script, seconds=PATIENCE_SECONDS, check=True):
        """A shell script's output, when it succeeds."""
        command = self.start(script)
        code = command.end(seconds)
        output = "\n".join(command.lines)
        if check and code != 0:
            raise GuestError(f"in the guest: {script}\nended with {code}:\n{output}")
        return output

    def call_later(self, function, **arguments):
        """Begins a Python function of a scenario in the guest: it must bring its own imports."""
        source = inspect.cleandoc("\n" + inspect.getsource(function))
        source += f"\nmain = {function.__name__}\n"
        return self.request("python", source=source, arguments=arguments)

    def call(self, function, patience=PATIENCE_SECONDS, **arguments):
        return self.result(self.call_later(function, **arguments), patience)

    def result(self, command, seconds=PATIENCE_SECONDS):
        value = command.end(seconds)
        if command.error:
            raise GuestError(f"in the guest:\n{command.error}")
        return value

    def put(self, path, data, mode=0o644):
        data = data if isinstance(data, bytes) else data.encode()
        self.result(self.request("put", path=path, data=base64.b64encode(data).decode(), mode=mode))

    def get(self, path):
        return base64.b64decode(self.result(self.request("get", path=path)))


class Monitor:
    """QEMU's own control socket (QMP)."""

    def __init__(self, connection):
        self.connection = connection
        self.file = connection.makefile("r")
        self.file.readline()
        self.send("qmp_capabilities")

    def send(self, command, **arguments):
        self.connection.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")

    def wait_for_event(self, name, seconds):
        self.connection.settimeout(seconds)
        try:
            while line := self.file.readline():
                if json.loads(line).get("event") == name:
                    return True
        except OSError:
            pass
        return False
