"""The plug is pulled at random moments of a lesson, and the same disk is booted again."""
import os
import random
import re
import time

from box import Box, check, word_texts

#: CHALKBOX_CUTS; a run of its own is content with few.
CUTS, ALL_CUTS = 3, 50
LESSON_SECONDS = 60
#: The promise is 2 s; the rest is for the moment at which this machine's clock and the guest's are compared.
LOST_SECONDS = 2.0 + 0.5


def run(lab):
    cuts = int(os.environ.get("CHALKBOX_CUTS") or (ALL_CUTS if lab.everything else CUTS))
    chance = random.Random(int(os.environ.get("CHALKBOX_SEED") or 1))
    box = Box(lab, settings="box.resume_seconds = 0", state_disk="ext4")
    script = box.script(LESSON_SECONDS, seed=5)
    box.boot()
    lost = []
    for number in range(cuts):
        before = lesson_until_cut(box, script, chance)
        box.boot()
        lost.append(recovered(box, script, before, number))
        if (number + 1) % 10 == 0:
            lab.tell(f"power: {number + 1} of {cuts} cuts, at most {max(lost):.2f} s lost")
    box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    box.stop()
    verified = box.chalkbox("recordings verify all")
    return [f"{cuts} cuts, 0 failures: audio lost {min(lost):.2f} to {max(lost):.2f} s (promise: 2 s), no sample and "
            "no committed word wrong or missing", f"recordings verify: {verified.splitlines()[-1]}"]


def lesson_until_cut(box, script, chance):
    """What was promised by the moment of the cut."""
    box.load(script)
    box.press("start")
    start = box.wait_for_event(r"^start id=(\w+)")
    box.wait_for_event(r"^phase .*to=live")
    box.play()
    offset = box.clock_offset()
    box.catch_up_for(chance.uniform(3, 25))
    # QEMU dies between two of its own steps, wherever the guest is.
    cut = time.monotonic()
    box.cut_power()
    box.drain_journal()
    # Words of the line are those that were known when the commit was done: the one before had them handed over.
    *_, before, last = [re.search(r"samples=(\d+) words=(\d+)", event.text) for event in box.seen(r"^saved samples=")]
    return {
        "id": re.search(r"id=(\w+)", start.text)[1], "seconds": cut + offset - start.at,
        "samples": int(last[1]), "words": int(before[2]),
    }


def recovered(box, script, before, number):
    """Seconds of audio that are gone."""
    name = f"cut {number + 1} after {before['seconds']:.2f} s"
    events = box.seen(rf"^recovered id={before['id']}")
    check(events, f"{name}: not recovered")
    document = box.document(before["id"])
    kept = document["durationMs"] / 1000
    check(document["interrupted"], f"{name}: not marked as interrupted")
    check(kept * 16_000 >= before["samples"], f"{name}: {kept} s are less than the {before['samples']} saved samples")
    lost = before["seconds"] - kept
    check(lost <= LOST_SECONDS, f"{name}: {lost:.2f} s of audio are gone")
    box.chalkbox(f"recordings verify {before['id']}")
    samples = box.recorded(before["id"])
    offset = samples.find(script.samples[script.first_sound:][:3200]) - script.first_sound
    if offset >= -script.first_sound and len(samples) > offset + script.first_sound + 3200:
        heard = samples[offset:] if offset >= 0 else samples
        check(heard == script.samples[:len(heard)], f"{name}: samples differ from the played ones")
    words = word_texts(document)
    check(words == script.texts[:len(words)], f"{name}: wrong words {words}")
    check(len(words) >= before["words"], f"{name}: {len(words)} words of {before['words']} that were saved")
    return lost
