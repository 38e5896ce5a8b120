"""What the flashed box writes to its flash when nobody uses it: a box that waits for years must not wear it out."""
from box import check
from flashed import FlashedBox

LESSON_SECONDS = 10
#: Quiet enough to be counted; in full it is the hour that the budget is about.
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
    box.press("stop")
    box.wait_for_event(r"^stop id=")
    box.wait_for_event(r"^upload id=\w+ state=uploaded", UPLOAD_SECONDS)
    return [idle(box, ALL_IDLE_SECONDS if lab.everything else IDLE_SECONDS)]


def idle(box, seconds):
    # What a start leaves to do is done by then: the report, the first saved time.
    box.guest.run(f"until read -r up _ </proc/uptime; [ ${{up%.*}} -ge {SETTLED_SECONDS} ]; do sleep 5; done",
                  2 * SETTLED_SECONDS)
    box.guest.run("sync")
    before = box.sectors_written()
    box.lab.tell(f"idle: for {seconds} s from now on")
    box.guest.run(f"sleep {seconds}", seconds + 120)
    box.guest.run("sync")
    written = 512 * (box.sectors_written() - before)
    hourly = written * 3600 // seconds
    check(hourly <= IDLE_BYTES, f"an idle box writes {hourly >> 10} KiB an hour ({written} bytes in {seconds} s)")
    return f"idle for {seconds} s: {written} bytes written, {hourly >> 10} KiB an hour (budget {IDLE_BYTES >> 10})"
