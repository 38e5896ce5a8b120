"""Frozen loop and threads, a frozen kernel, and a clock that jumps."""
import re
import time

from box import BOARD, Box, check
from guest import PATIENCE_SECONDS

#: From the freeze to the kill, which are systemd's and the daemon's timers, and until the daemon is ready again.
MOST_SECONDS, MOST_AWAY_SECONDS = 6, 10
DAY_SECONDS = 86_400


def run(lab):
    box = Box(lab, state_disk="ext4")
    box.guest.options += ["-device", "i6300esb", "-action", "watchdog=reset"]
    box.guest.product.add("/etc/systemd/system.conf.d/chalkbox.conf", BOARD / "systemd/watchdog.conf")
    box.guest.product.add("/etc/modules-load.d/watchdog.conf", "i6300esb\n")
    box.boot()
    box.synchronise_clock()
    figures = [clock(box)]
    box.press("start")
    began = box.wait_for_event(r"^start id=(\w+)")
    box.wait_for_event(r"^phase .*to=live")
    id = re.search(r"id=(\w+)", began.text)[1]
    figures += [frozen(box, id, name) for name in (None, "capture", "store", "uplink")]
    figures.append(kernel(box, id))
    box.stop()
    check(box.document()["durationMs"] > 30_000, "the lesson did not go on")
    return figures


def clock(box):
    """The wall clock is set a day ahead, then two back, and stepped as by NTP: the lesson keeps its length."""
    at = box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    for jump in (DAY_SECONDS, -2 * DAY_SECONDS, DAY_SECONDS, 0.7, -0.7):
        box.guest.call(step_clock, seconds=jump)
    stop = box.press("stop")
    box.wait_for_event(r"^stop id=")
    wanted, got = stop - at, box.document()["durationMs"] / 1000
    check(abs(wanted - got) < 0.5, f"a lesson of {wanted:.2f} s has {got:.2f} s")
    return f"clock set by a day and back, and stepped by 0.7 s: {wanted:.2f} s of lesson are {got:.2f} s"


def frozen(box, id, thread):
    """SIGSTOP for the whole process; one thread alone is stopped as a debugger does it."""
    if thread:
        at, tracer = None, box.guest.call_later(stop_thread, name=thread, seconds=60)
        hung = box.wait_for_event(rf"^hung thread={thread}$")
    else:
        stop = "systemctl kill -s STOP --kill-who=main chalkbox"
        at = float(box.guest.run(f"{stop}; read -r up _ </proc/uptime; echo $up"))
    killed = box.wait_for_event(r"Watchdog (timeout|request)")
    ready = box.wait_for_event(r"^ready ")
    box.wait_for_event(rf"^resume id={id}")
    box.wait_for_event(r"^phase .*to=live")
    if thread:
        at = box.guest.result(tracer)
        check(at < hung.at < killed.at, "the thread was not told as hung before the kill")
    what = f"{thread or 'process'} frozen: killed after {killed.at - at:.1f} s, ready after {ready.at - at:.1f} s"
    check(killed.at - at <= MOST_SECONDS and ready.at - at <= MOST_AWAY_SECONDS, what)
    return what


def kernel(box, id):
    """The kernel stands still: the board's watchdog resets it, and the lesson goes on."""
    began = time.monotonic()
    box.guest.start("sleep 0.2; echo c >/proc/sysrq-trigger")
    check(box.guest.monitor.wait_for_event("WATCHDOG", PATIENCE_SECONDS), "the board's watchdog did nothing")
    reset = time.monotonic() - began
    box.guest.wait_for_end()
    box.boot()
    box.synchronise_clock()
    resume = box.wait_for_event(rf"^resume id={id}")
    box.wait_for_event(r"^phase .*to=live")
    away = int(re.search(r"away_ms=(\d+)", resume.text)[1]) / 1000
    return f"kernel panic: reset by i6300esb after {reset:.0f} s, the same lesson goes on after {away:.0f} s"


def step_clock(seconds):
    import time
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME) + seconds)
    time.sleep(1)


def stop_thread(name, seconds):
    """Stops one thread of the daemon until the process is gone (ptrace(2)); when it was stopped."""
    import ctypes
    import os
    import subprocess
    import time
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt = 0x4206, 0x4207
    process = subprocess.run(["systemctl", "show", "-P", "MainPID", "chalkbox"], capture_output=True, text=True).stdout
    tasks = f"/proc/{process.strip()}/task"
    thread = next(int(task) for task in os.listdir(tasks) if open(f"{tasks}/{task}/comm").read().strip() == name)
    for request in (seize, interrupt):
        if libc.ptrace(request, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    at = time.monotonic()
    while os.path.exists(f"{tasks}/{thread}") and time.monotonic() < at + seconds:
        # Its exit is this process's to collect first.
        try:
            os.waitpid(thread, os.WNOHANG | 0x40000000)
        except ChildProcessError:
            pass
        time.sleep(0.05)
    return at
