"""A virtual microphone of the lab's, and where each of its samples is in a recording.

snd-aloop copies what is played into what is captured, frame by frame, and the kernel counts both: the recorder's first
frame has its place in the sound before anybody has looked at a sample (`places`).
"""
import array

from box import check
from tones import EDGE, OUTPUT_RATE, PERIOD_SECONDS, TOLERANCE, worst

FIRST, SECOND = "Microphone", "Spare"
LESSON_SECONDS = 1.5

def play(box, tones, kind, card=FIRST, prepare="true"):
    """Begins to play, over and over; the card has this rate, format and number of channels from then on."""
    rate, name, count = kind
    box.guest.put(f"/run/{card}.raw", tones.packed(kind))
    player = box.guest.start(
        # One `cat` for ten minutes, before all others: a new one every other second would be late on a slow machine.
        f"{prepare}; chrt -f 30 cat $(yes /run/{card}.raw | head -n 300) | exec chrt -f 30 aplay -q "
        f"-D hw:CARD={card},DEV=0,SUBDEV=0 -t raw -f {name} -r {rate} -c {count} --buffer-time=2000000")
    wait_for(box, "RUNNING", f"/proc/asound/{card}/pcm0p/sub0/status")
    return player


def wait_for(box, word, path):
    box.guest.run(f"for n in $(seq 300); do grep -q {word} {path} && exit; sleep 0.1; done; cat {path}; exit 1")


def quiet(box, player, card=FIRST):
    player.kill()
    player.end()
    said = [line for line in player.lines if "underrun" in line]
    check(not said, f"aplay was late, which is no fault of the recorder's: {said}")
    wait_for(box, "closed", f"/proc/asound/{card}/pcm0p/sub0/status")


def places(card):
    """Frames played and captured at one moment, and when that was: reading a status makes the driver look at its
    timer, which moves both on."""
    import pathlib
    import time

    def frames(stream):
        text = pathlib.Path(f"/proc/asound/{card}/{stream}/sub0/status").read_text()
        return int(next(line for line in text.splitlines() if line.startswith("hw_ptr")).split(":")[1])
    found = []
    while len(found) < 20:
        before = frames("pcm0p")
        captured = frames("pcm1c")
        begin, after, end = time.monotonic(), frames("pcm0p"), time.monotonic()
        if before == after:
            found.append((end - begin, after, captured, end))
    _, played, captured, at = min(found)
    return {"played": played, "captured": captured, "at": at}


class Placed:
    """A lesson of one microphone, while somebody plays into it."""

    def __init__(self, box, card=FIRST, begin=True):
        if begin:
            box.chalkbox("start")
        self.began = box.wait_for_event(r"^start id=").at
        self.live = box.wait_for_event(r"^phase .*to=live").at
        self.place = box.guest.call(places, card=card)
        box.guest.run(f"sleep {LESSON_SECONDS}")
        self.status = box.status()["microphone"]
        box.chalkbox("stop")
        self.samples = array.array("h", box.recorded())
        #: What was played into the device's first frame, since it was opened.
        self.frame = self.place["played"] - self.place["captured"]


def compare(tones, selection, kind, lesson, what):
    """Each sample of the recording; the greatest difference. What is planted must be found."""
    count = len(lesson.samples)
    check(count > OUTPUT_RATE * LESSON_SECONDS, f"{what}: {count} samples")
    wanted = tones.heard(selection, kind, lesson.frame, count)
    difference = worst(lesson.samples, wanted, end=-400)
    if difference > TOLERANCE:
        check(False, f"{what}: {difference} beside the reference; {elsewhere(tones, selection, kind, lesson)}")
    half = count // 2
    planted = {
        "one frame late": (lesson.samples, tones.heard(selection, kind, lesson.frame + 1, count)),
        "a lost sample": (lesson.samples[:half] + lesson.samples[half + 1:], wanted),
    }
    if kind[2] > 1:
        other = 1 if selection == "mix" else int(selection) % kind[2] + 1
        planted["another channel"] = (lesson.samples, tones.heard(other, kind, lesson.frame, count))
    for name, (samples, reference) in planted.items():
        found = worst(samples, reference, end=-400)
        check(found > 4 * TOLERANCE, f"{what}: {name} makes a difference of {found} only")
    return difference


def elsewhere(tones, selection, kind, lesson):
    """Where the recording would fit, for whoever looks for the fault."""
    reach = 16 * kind[0] // OUTPUT_RATE
    fits = {}
    for shift in range(-reach, reach + 1):
        wanted = tones.heard(selection, kind, lesson.frame + shift, 800)
        fits[worst(lesson.samples[:800], wanted)] = shift
    return f"at its beginning {min(fits)} when it is taken for {fits[min(fits)]} frames later"


def two_parts(box, before, after):
    """A recording of two microphones with marked silence between them."""
    samples, silences = array.array("h", box.recorded()), box.document()["silences"]
    check(silences and all(one["endMs"] == next_one["startMs"] for one, next_one in zip(silences, silences[1:])),
          f"silences {silences}")
    begin, end = (round(silences[place][key] * OUTPUT_RATE / 1000) for place, key in ((0, "startMs"), (-1, "endMs")))
    check(begin > OUTPUT_RATE / 2 and len(samples) - end > OUTPUT_RATE / 2, f"{len(samples)} samples, {silences}")
    tones, kind, place = before
    wanted = tones.heard("mix", kind, place["played"] - place["captured"], begin)
    first = worst(samples[:begin], wanted, end=-400)
    check(not any(samples[begin + 16:end - 16]), "there is sound in the marked silence")
    tones, kind, place = after
    # The silence is marked in milliseconds; the stream begins at the sample behind it.
    wanted = tones.heard("mix", kind, place["played"] - place["captured"], len(samples) - end)
    second, shift = min((worst(samples[end + shift:], wanted, end=-400), shift) for shift in range(-17, 18))
    check(max(first, second) <= TOLERANCE, f"{kind}: {first} before, {second} after the silence")
    return f"{(end - begin) / OUTPUT_RATE:.1f} s of marked silence, samples around it within {max(first, second):.1f}"


def first_frame(tones, kind, samples, guess):
    """The frame of what is played that a recording begins with, by its samples alone, nearest to `guess`."""
    rate = kind[0]
    step, period = rate // OUTPUT_RATE, rate * PERIOD_SECONDS
    phases = [tones.heard("mix", kind, shift, period // step) for shift in range(step)]
    probe = range(EDGE, EDGE + 100)

    def fits(frame):
        places = ((frame + step * n) % period for n in probe)
        return all(abs(samples[n] - phases[place % step][place // step]) <= TOLERANCE
                   for n, place in zip(probe, places))
    # It is the same again after a period.
    found = [frame for frame in range(guess - period // 2, guess + period // 2) if fits(frame)]
    check(found, "the recording's beginning is nowhere in what was played")
    return found[0]
