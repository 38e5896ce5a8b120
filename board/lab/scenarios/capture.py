"""Capture from a real ALSA driver: scripted words and samples, and the sound card unbound in mid-lesson."""
from box import Box, check, word_texts

#: In full it is the ten minutes that the box has to record without a fault.
SECONDS, ALL_SECONDS = 25, 600
RATE = 16_000


def run(lab):
    box = Box(lab)
    box.boot()
    return [whole(box, ALL_SECONDS if lab.everything else SECONDS), unbound(box)]


def whole(box, seconds):
    """Everything that was played comes once: as samples, and as words."""
    script = box.script(seconds, seed=7)
    box.say(script)
    box.stop()
    document = box.document()
    check(not document["gaps"], f"gaps: {document['gaps']}")
    check(not document["silences"], f"marked silence: {document['silences']}")
    check(not box.seen(r"^(silence|xrun) "), "sound was lost")
    check(word_texts(document) == script.texts, difference(document, script))
    place(document, script, script.place_in(box.recorded()))
    return f"{seconds} s, {len(script.words)} words: each once, in place; {len(script.samples) // 2} samples identical"


def unbound(box):
    """The card's driver loses its device in mid-lesson, and gets it back."""
    first, second = box.script(12, seed=8), box.script(12, seed=9)
    words = len(first.words) + len(second.words)
    box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    box.load(first)
    box.play().end()
    box.wait_for_words(len(first.words))
    card = "snd_aloop.0"
    # The daemon may be told at once, or may have to find out by the silence: the card is away from now on.
    at = float(box.guest.run(f"read -r up _ </proc/uptime; echo {card} >/sys/bus/platform/drivers/snd_aloop/unbind; "
                             "echo $up"))
    box.wait_for_event(r"^microphone state=lost")
    box.guest.run(f"sleep 3; echo {card} >/sys/bus/platform/drivers/snd_aloop/bind")
    back = box.wait_for_event(r"^microphone state=back")
    box.load(second)
    box.play().end()
    box.wait_for_words(words)
    stop = box.stop()
    document = box.document()
    heard = word_texts(document)
    check(heard == [word["text"] for script in (first, second) for word in script.words],
          f"{len(heard)} of {words} words after the microphone was back")
    silence = sum(one["endMs"] - one["startMs"] for one in document["silences"]) / 1000
    check(abs(silence - (back.at - at)) < 1, f"{silence:.2f} s are marked silence, the card was away for "
          f"{back.at - at:.2f} s; {document['silences']}, {stop.text}")
    return f"card unbound for {back.at - at:.1f} s: {silence:.1f} s of marked silence, all {words} words around it"


def difference(document, script):
    heard, said = word_texts(document), script.texts
    differing = (index for index, (one, other) in enumerate(zip(heard, said)) if one != other)
    at = next(differing, min(len(heard), len(said)))
    return f"{len(heard)} words for {len(said)}; from number {at} on {heard[at:at + 5]} for {said[at:at + 5]}"


def place(document, script, offset):
    """Words lie where they were said, as far as a service's times are exact."""
    words = [word for segment in document["segments"] for word in segment["words"]]
    for word, truth in zip(words, script.words):
        wanted = 1000 * (truth["startSample"] + offset) / RATE
        check(abs(word["startMs"] - wanted) <= 40, f"{word['text']} is at {word['startMs']} ms for {wanted:.0f} ms")
