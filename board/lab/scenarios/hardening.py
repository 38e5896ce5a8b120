"""The unit's sandbox: how tight it is, and that everything works in it."""
import re

from box import Box, check, word_texts

MOST_EXPOSURE = 2.0
SCHED_FIFO = "1"


def run(lab):
    box = Box(lab)
    box.boot()
    exposure = box.guest.run("systemd-analyze security --no-pager chalkbox.service")
    (box.directory / "security.log").write_text(exposure)
    level = float(re.search(r"Overall exposure level for chalkbox.service: ([\d.]+)", exposure)[1])
    check(level <= MOST_EXPOSURE, f"the exposure level is {level}")
    script = box.script(10, seed=4)
    box.say(script)
    status = box.status()
    check(status["network"]["online"] and status["network"]["interface"], f"netlink tells {status['network']}")
    figures = [f"systemd-analyze security: {level}; panel, microphone, netlink, network and flash work in it",
               process(box), secrets(box), strangers(box)]
    box.stop()
    check(word_texts(box.document()) == script.texts, "words are missing")
    return figures


def process(box):
    """The running daemon's rights, as the kernel has them."""
    number = box.guest.run("systemctl show -P MainPID chalkbox").strip()
    status = dict(line.split(":\t", 1) for line in box.guest.run(f"cat /proc/{number}/status").splitlines()
                  if ":\t" in line)
    user = box.guest.run("id -u chalkbox").strip()
    check(set(status["Uid"].split()) == {user} and user != "0", f"it runs as {status['Uid']}")
    for name in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"):
        check(int(status[name], 16) == 0, f"{name} is {status[name]}")
    check(status["NoNewPrivs"].strip() == "1", "it could gain privileges")
    check(status["Seccomp"].strip() == "2", "no system call is filtered")
    limits = box.guest.run(f"cat /proc/{number}/limits")
    check(re.search(r"Max core file size +0 +0 ", limits), "core dumps are on")
    threads = box.guest.run(f"for t in /proc/{number}/task/*; do echo $(cat $t/comm) $(cut -d' ' -f41 $t/stat); done")
    policies = dict(line.split() for line in threads.splitlines())
    check(policies.get("capture") == SCHED_FIFO, f"the capture thread has no SCHED_FIFO: {policies}")
    return "own user, no capability, no new privileges, seccomp, no core dumps; capture has SCHED_FIFO by its limit"


def secrets(box):
    for path in ("/etc/chalkbox/token.secret", "/etc/chalkbox/chalkbox.conf", "/var/lib/chalkbox/index.sqlite"):
        said = box.guest.run(f"setpriv --reuid=nobody --regid=nogroup --clear-groups cat {path} 2>&1", check=False)
        check("Permission denied" in said, f"nobody reads {path}: {said[:60]}")
    mode = box.guest.run("stat -c '%a %U' /etc/chalkbox/token.secret").strip()
    check(mode == "600 chalkbox", f"the secret is {mode}")
    # What the sandbox shows of the system.
    box.guest.run("journalctl -b -u chalkbox | grep -q room-12-secret && exit 1 || exit 0")
    return "secret, configuration and recordings cannot be read by others; no secret in the journal"


def strangers(box):
    socket = "/run/chalkbox/control.sock"
    refused = box.guest.call(ask_as, user="nobody", group="nogroup", path=socket)
    check("Permission denied" in refused, f"a stranger could connect: {refused}")
    allowed = box.guest.call(ask_as, user="nobody", group="chalkbox", path=socket)
    check('"phase"' in allowed, f"a member of the group chalkbox was answered: {allowed}")
    # Even when the file's mode would let it in.
    box.guest.run(f"chmod 0666 {socket}")
    refused = box.guest.call(ask_as, user="nobody", group="nogroup", path=socket)
    check('"phase"' not in refused, f"a stranger was answered: {refused}")
    box.guest.run(f"chmod 0660 {socket}")
    return "control socket: root and the group chalkbox are answered, a stranger is not"


def ask_as(user, group, path):
    """What the control socket answers to `status` from somebody."""
    import json
    import subprocess
    program = ("import socket,sys\n"
               "s = socket.socket(socket.AF_UNIX)\n"
               "s.settimeout(10)\n"
               f"s.connect({path!r})\n"
               f"s.sendall({json.dumps({'do': 'status'})!r}.encode() + b'\\n')\n"
               "print(s.recv(65536).decode())\n")
    command = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "python3", "-c", program]
    result = subprocess.run(command, capture_output=True, text=True)
    return result.stdout + result.stderr
