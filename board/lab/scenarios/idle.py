"""What the flashed box writes to its flash when nobody uses it: a box that waits for years must not wear it out."""
import os

from box import check
from flashed import FlashedBox

LESSON_SECONDS = 10
#: Quiet enough to be counted; in full it is the hour that the budget is about. CHALKBOX_IDLE_SECONDS says another time.
IDLE_SECONDS, ALL_IDLE_SECONDS = 300, 3600
#: After the start.
SETTLED_SECONDS = 400
#: In an hour.
IDLE_BYTES = 64 << 10
UPLOAD_SECONDS = 600


def run(lab):
    box = FlashedBox(lab)
    box.technician_fills_in()
    box.boot()
    box.say(box.script(LESSON_SECONDS, seed=41))
    box.stop()
    box.wait_for_event(r"^upload id=\w+ state=uploaded", UPLOAD_SECONDS)
    seconds = ALL_IDLE_SECONDS if lab.everything else IDLE_SECONDS
    return [idle(box, int(os.environ.get("CHALKBOX_IDLE_SECONDS") or seconds))]


def idle(box, seconds):
    # What a start leaves to do is done by then: the report, the first saved time.
    box.guest.run(f"until read -r up _ </proc/uptime; [ ${{up%.*}} -ge {SETTLED_SECONDS} ]; do sleep 5; done",
                  2 * SETTLED_SECONDS)
    box.lab.tell(f"idle: for {seconds} s from now on")
    seen = box.guest.call(watch_writes, patience=seconds + 120, seconds=seconds)
    written = sum(size for _, size in seen["writes"])
    hourly = written * 3600 // seconds
    said = box.guest.run(f"journalctl -b -q --no-pager -o short-monotonic --since '-{seconds + 60} seconds'")
    check(hourly <= IDLE_BYTES, f"an idle box writes {hourly >> 10} KiB an hour ({written} bytes in {seconds} s)\n"
          f"when, how much: {seen['writes']}\nby program: {seen['programs']}\n{said}")
    return (f"idle for {seconds} s: {written} bytes written, {hourly >> 10} KiB an hour (budget {IDLE_BYTES >> 10}), "
            f"{len(said.splitlines())} log lines")


def watch_writes(seconds):
    """[seconds of the machine's time, bytes] of each half minute with writes, and the bytes of each program."""
    import os
    import pathlib
    import time
    disk = os.path.basename(os.path.realpath("/dev/disk/by-id/virtio-card"))

    def sectors():
        return int(pathlib.Path(f"/sys/block/{disk}/stat").read_text().split()[6])

    def programs():
        written = {}
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                io = dict(line.split(": ") for line in (process / "io").read_text().splitlines())
                name = (process / "comm").read_text().strip()
            except OSError:
                continue
            written[f"{name} {process.name}"] = int(io["write_bytes"])
        return written

    os.sync()
    before, first, writes = programs(), sectors(), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(30, max(0, end - time.monotonic())))
        if time.monotonic() >= end:
            os.sync()
        last = sectors()
        if last != first:
            writes.append([round(time.monotonic()), 512 * (last - first)])
        first = last
    after = programs()
    grown = {name: after[name] - before.get(name, 0) for name in after}
    return {"writes": writes, "programs": {name: size for name, size in grown.items() if size}}
