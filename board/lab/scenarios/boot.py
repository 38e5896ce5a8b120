"""From power-on to `ready`, and START before there is a network."""
import re
import time

from box import Box, check, word_texts
from guest import PATIENCE_SECONDS


def run(lab):
    box = Box(lab)
    # The cable is out: QEMU is told before the guest's driver asks.
    box.guest.boot(wait=False)
    box.guest.monitor.send("set_link", name="nic", up=False)
    box.guest.wait_for_agent()
    box.follow_journal()
    ready = box.wait_for_event(r"^ready ")
    took = time.monotonic() - box.guest.switched_on
    box.press("start")
    box.wait_for_event(r"^phase .*to=requesting|^phase .*to=reconnecting")
    script = box.script(15, seed=3)
    box.load(script)
    box.play().end()
    before = box.status()
    check(before["recording"]["finalWords"] == 0 and not before["network"]["online"], "the cable was not out")
    check(before["recording"]["samples"] > len(script.samples) // 2, "nothing was recorded without a network")
    box.guest.monitor.send("set_link", name="nic", up=True)
    plugged = time.monotonic()
    box.wait_for_event(r"^network change=.*appeared")
    box.wait_for_event(r"^phase .*to=live")
    live = time.monotonic() - plugged
    box.wait_for_words(len(script.words))
    box.stop()
    document = box.document()
    check(word_texts(document) == script.texts and not document["gaps"],
          f"{word_texts(document)} were heard")
    parts = box.guest.run("systemctl is-system-running --wait >/dev/null; systemd-analyze time", PATIENCE_SECONDS)
    kernel, user = re.search(r"in ([\w. ]+) \(kernel\) \+ ([\w. ]+) \(userspace\)", parts).groups()
    unit = box.guest.run("systemctl show -p ExecMainStartTimestampMonotonic -p ActiveEnterTimestampMonotonic chalkbox")
    started, active = sorted(int(number) / 1e6 for number in re.findall(r"=(\d+)", unit))
    check(active - started < 20, f"the daemon took {active - started:.1f} s to be ready")
    return [f"power-on to ready {took:.1f} s by this machine's clock, {ready.at:.1f} s by the guest's; "
            f"the daemon's share {active - started:.2f} s", f"whole boot: kernel {kernel}, user space {user}",
            f"START without a network: all {len(script.words)} words came {live:.1f} s after the cable was in"]
