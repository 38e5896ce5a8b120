"""Microphones of every rate, format and number of channels: each sample in place; standby, fallback, a card's mixer.

snd-aloop copies what is played into what is captured, frame by frame, and the kernel counts both: the recorder's first
frame has its place in the sound before anybody has looked at a sample (`places`).
"""
import array
import itertools
import os
import re
import statistics

from box import Box, check
from microphone import FIRST, SECOND, Placed, compare, first_frame, places, play, quiet, two_parts
from tones import OUTPUT_RATE, Tones

RATES, FORMATS, CHANNELS = (44_100, 48_000, 96_000), ("S16_LE", "S24_LE", "S32_LE"), (1, 2, 4)
#: Each value of each kind once with each other, where not everything is wanted.
SOME = [(rate, FORMATS[(i + j) % 3], channels) for i, rate in enumerate(RATES) for j, channels in enumerate(CHANNELS)]
#: What Chalkbox asks for first of a device that has everything.
CHOSEN = (16_000, "S16_LE", 1)
#: The kernel's word for it is `period`: a tenth of a second (`chalk_alsa_configure`).
PERIOD_MILLISECONDS = 100
#: What a press may take beside `arecord` on the same device.
START_TARGET = 1.2
LESSONS = 3
#: The first microphone alone is tried for a second, and that again and again with longer pauses.
FALLBACK_SECONDS = (0.9, 2.5)
DRIVER = "/sys/bus/platform/drivers/snd_aloop"


def run(lab):
    box = Box(lab, settings=settings())
    box.guest.options += ["-audiodev", "none,id=sound", "-device", "intel-hda", "-device", "hda-micro,audiodev=sound"]
    box.boot()
    # A second card, for what is used while the first is away.
    box.guest.run("systemctl stop chalkbox; modprobe -r snd_aloop; "
                  f"modprobe snd_aloop enable=1,1 id={FIRST},{SECOND} pcm_substreams=1,1; udevadm settle")
    parts = {"kinds": kinds, "channels": channels, "unbound": unbound, "start": start, "standby": standby,
             "pre_roll": pre_roll, "fallback": fallback, "mixer": mixer}
    figures = []
    for name in [name for name in os.environ.get("CHALKBOX_SOUND", "").split(",") if name] or parts:
        lab.tell(f"sound: {name}")
        figures.append(parts[name](box))
        check(not box.seen(r"^silence .*reason=overrun"), f"{name}: an overrun")
    return figures


def settings(more="", card=FIRST):
    return f"transcription.enabled = no\naudio.device = hw:CARD={card},DEV=1\n{more}".strip()


def configure(box, more=""):
    """The recorder starts anew with these settings; it is stopped meanwhile."""
    box.guest.run("systemctl stop chalkbox")
    box.guest.put("/etc/chalkbox/chalkbox.conf", box.configuration(settings(more)))
    box.guest.run("systemctl start chalkbox")
    box.wait_for_event(r"^ready ")


# MARK: Kinds of microphones

def kinds(box):
    """The device plays before the recorder comes, and has one rate, one format and its channels by then."""
    configure(box)
    tones = Tones()
    wanted = list(itertools.product(RATES, FORMATS, CHANNELS)) if box.lab.everything else SOME
    most = max(one_kind(box, tones, "mix", kind) for kind in wanted)
    return f"{len(wanted)} kinds of microphone, mixed: samples within {most:.1f} of the reference, none out of place"


def one_kind(box, tones, selection, kind):
    rate, name, count = kind
    what = f"{rate} Hz {name}, {count} channels, channel {selection}"
    player = play(box, tones, kind)
    lesson = Placed(box)
    quiet(box, player)
    check(lesson.status["opened"].startswith(f"{rate} Hz, {count} channel") and name in lesson.status["opened"],
          f"{what}: opened as {lesson.status['opened']}")
    check(not lesson.status["problem"], f"{what}: {lesson.status['problem']}")
    levels = [one["rmsDbfs"] for one in lesson.status["channels"]]
    check(len(levels) == count, f"{what}: meters of {len(levels)} channels")
    for channel, level in enumerate(levels):
        truth = tones.loudness(channel, rate)
        check(abs(level - truth) < 2.5, f"{what}: channel {channel + 1} is at {level} dBFS, not at {truth:.1f}")
    return compare(tones, selection, kind, lesson, what)


def channels(box):
    """One channel of several; then a device that has everything, and is opened before anybody plays."""
    tones, most, tried = Tones(), 0, 0
    for number, kind in ((2, (48_000, "S24_LE", 2)), (3, (44_100, "S32_LE", 4))):
        configure(box, f"audio.channel = {number}")
        wanted = [kind]
        if box.lab.everything:
            wanted = [kind for kind in itertools.product(RATES, FORMATS, CHANNELS) if kind[2] >= number]
        tried += len(wanted)
        most = max([most, *(one_kind(box, tones, str(number), kind) for kind in wanted)])
    configure(box)
    free(box, tones)
    return (f"{tried} kinds, one channel: within {most:.1f}; a device that any rate suits: "
            f"{CHOSEN[0]} Hz {CHOSEN[1]}, bit by bit")


def free(box, tones):
    """What is 16 kHz mono s16 passes bit by bit, and silence before it."""
    box.chalkbox("start")
    box.wait_for_event(r"^phase .*to=live")
    player = play(box, tones, CHOSEN)
    place = box.guest.call(places, card=FIRST)
    box.guest.run("sleep 1")
    box.chalkbox("stop")
    quiet(box, player)
    samples = array.array("h", box.recorded())
    before = place["captured"] - place["played"]
    truth = array.array("h", tones.packed(CHOSEN) * (len(samples) // OUTPUT_RATE))
    check(not any(samples[:before]), "there was sound before any was played")
    check(len(samples) > before + OUTPUT_RATE and samples[before:] == truth[:len(samples) - before],
          "what needs no conversion is not recorded as it was")


# MARK: Lost, and back

def bind(card, do):
    return f"echo snd_aloop.{(FIRST, SECOND).index(card)} >{DRIVER}/{do}"


def unbound(box):
    """The card is gone in mid-lesson, and comes back as another kind of microphone."""
    configure(box)
    pairs = [((48_000, "S32_LE", 2), (44_100, "S16_LE", 1))]
    if box.lab.everything:
        pairs += [((44_100, "S24_LE", 4), (96_000, "S32_LE", 2)), ((96_000, "S16_LE", 1), (48_000, "S24_LE", 4))]
    return "card unbound: " + "; ".join(replugged(box, *pair) for pair in pairs)


def replugged(box, one, other):
    tones, others = Tones(), Tones(20)
    player = play(box, tones, one)
    box.chalkbox("start")
    box.wait_for_event(r"^phase .*to=live")
    place = box.guest.call(places, card=FIRST)
    box.guest.run(f"sleep 1; {bind(FIRST, 'unbind')}")
    box.wait_for_event(r"^microphone state=lost")
    player.kill()
    player.end()
    # The recorder may not open it before it has become the other microphone: udev gives it the permission.
    player = play(box, others, other, prepare=f"udevadm control --stop-exec-queue; {bind(FIRST, 'bind')}")
    box.guest.run("udevadm control --start-exec-queue")
    box.wait_for_event(r"^microphone state=back")
    later = box.guest.call(places, card=FIRST)
    box.guest.run("sleep 1")
    box.chalkbox("stop")
    quiet(box, player)
    return two_parts(box, (tones, one, place), (others, other, later))


def fallback(box):
    """The first card is away: the other one records after a second, and the next lesson begins with the first."""
    configure(box, f"audio.fallback_device = hw:CARD={SECOND},DEV=1")
    tones, others = Tones(), Tones(20)
    one, other = (48_000, "S16_LE", 2), (96_000, "S24_LE", 1)
    players = play(box, others, other, card=SECOND), play(box, tones, one)
    box.chalkbox("start")
    box.wait_for_event(r"^phase .*to=live")
    place = box.guest.call(places, card=FIRST)
    # One that is lost within 4 s of its opening is not waited for (`MicrophoneChoice`).
    box.guest.run(f"sleep 5; {bind(FIRST, 'unbind')}")
    told = box.wait_for_event(r"^microphone state=fallback").text
    box.wait_for_event(r"^microphone state=back")
    later = box.guest.call(places, card=SECOND)
    box.guest.run("sleep 1")
    note = box.status()["microphone"]["note"]
    box.chalkbox("stop")
    players[1].kill()
    figure = two_parts(box, (tones, one, place), (others, other, later))
    seconds = float(figure.split(" ")[0])
    low, high = FALLBACK_SECONDS
    check(low <= seconds <= high, f"the fallback came after {seconds} s")
    check(SECOND in told and note, f"it was told as {told!r}, {note!r}")
    box.guest.run(bind(FIRST, "bind") + "; udevadm settle")
    players[1].end()
    player = play(box, tones, one)
    lesson = Placed(box)
    quiet(box, player)
    quiet(box, players[0], SECOND)
    check(box.seen(rf"^microphone state=first .*{FIRST}"), "the first microphone was not told to be used again")
    compare(tones, "mix", one, lesson, "the lesson after it")
    return f"fallback: {figure}; the next lesson was the first microphone's again"


# MARK: Soon enough

def start(box):
    """From the press to the first sample, which the kernel counts from when a stream was started."""
    configure(box)
    player = play(box, Tones(), (48_000, "S16_LE", 2))
    ours, theirs = [], []
    for _ in range(LESSONS):
        watch = box.guest.call_later(started, card=FIRST)
        at = box.press("start")
        ours.append(box.guest.result(watch) - at)
        box.wait_for_event(r"^phase .*to=live")
        box.guest.run("sleep 0.2")
        box.chalkbox("stop")
        theirs.append(box.guest.call(arecord, card=FIRST, rate=48_000))
    quiet(box, player)
    ours, theirs = (1000 * statistics.median(times) for times in (ours, theirs))
    check(ours <= START_TARGET * theirs, f"the first sample came after {ours:.0f} ms, arecord's after {theirs:.0f} ms")
    return f"press to first sample {ours:.0f} ms; arecord {theirs:.0f} ms ({ours / theirs:.2f} x)"


def started(card):
    """When the card's capture stream is started next: the kernel's own time of it."""
    import pathlib
    import re
    import time
    status = pathlib.Path(f"/proc/asound/{card}/pcm1c/sub0/status")
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = re.search(r"state: RUNNING.*trigger_time: ([0-9.]+)", status.read_text(), re.DOTALL)
        if found:
            return float(found[1])
        time.sleep(0.005)
    raise TimeoutError("no stream was started")


def arecord(card, rate):
    import pathlib
    import re
    import subprocess
    import time
    status = pathlib.Path(f"/proc/asound/{card}/pcm1c/sub0/status")
    begin = time.monotonic()
    process = subprocess.Popen(["arecord", "-q", "-D", f"hw:CARD={card},DEV=1", "-t", "raw", "-f", "S16_LE",
                                "-r", str(rate), "-c", "2", "/dev/null"])
    try:
        while time.monotonic() < begin + 30:
            found = re.search(r"state: RUNNING.*trigger_time: ([0-9.]+)", status.read_text(), re.DOTALL)
            if found:
                return float(found[1]) - begin
            time.sleep(0.005)
        raise TimeoutError("arecord did not start")
    finally:
        process.terminate()
        process.wait()


def standby(box):
    """The device is open: the first sample is of the time of START, and none is of long before it."""
    kind = (48_000, "S32_LE", 2)
    lessons = stood_by(box, kind, "audio.standby = yes")
    early = [1000 * lesson.distance for lesson in lessons]
    check(all(lesson.is_prompt for lesson in lessons), f"first samples {early} ms after START")
    told = 1000 * statistics.median(lesson.told for lesson in lessons)
    check(told <= 2 * PERIOD_MILLISECONDS, f"the log says `live` {told:.0f} ms after START")
    return (f"standby: first sample {min(early):.0f} to {max(early):.0f} ms after START, the log's `live` after "
            f"{told:.0f} ms")


def pre_roll(box):
    # Not the period of the sound: with none it would look the same.
    seconds = 3
    lessons = stood_by(box, (48_000, "S24_LE", 4), f"audio.pre_roll_seconds = {seconds}", seconds)
    early = [1000 * lesson.distance for lesson in lessons]
    check(all(lesson.is_prompt for lesson in lessons), f"first samples {early} ms after the pre-roll's begin")
    check(box.seen(rf"^start .* pre_roll_ms={seconds}000"), "the pre-roll was not told")
    return f"pre-roll of {seconds} s: within {max(map(abs, early)):.0f} ms, the lesson follows without a seam"


def stood_by(box, kind, setting, seconds=0):
    """Lessons of a device that is open between them, each with its distance from START in seconds. START is some moment
    between the request and its answer."""
    tones, lessons = Tones(), []
    box.guest.run("systemctl stop chalkbox")
    player = play(box, tones, kind)
    configure(box, setting)
    box.wait_for_event(r"^standby state=open")
    for _ in range(LESSONS):
        box.guest.run(f"sleep {seconds + 0.5}")
        at, answered = box.guest.call(ask_to_start)
        lesson = Placed(box, begin=False)
        lesson.told = lesson.live - lesson.began
        guess = lesson.place["played"] - round((lesson.place["at"] - at + seconds) * kind[0])
        lesson.frame = first_frame(tones, kind, lesson.samples, guess)
        compare(tones, "mix", kind, lesson, setting)
        lesson.distance = lesson.place["at"] - (lesson.place["played"] - lesson.frame) / kind[0] - at + seconds
        period = PERIOD_MILLISECONDS / 1000
        lesson.is_prompt = -period <= lesson.distance <= period + answered - at
        lessons.append(lesson)
    quiet(box, player)
    return lessons


def ask_to_start():
    """When it was asked, and when it had answered: a client of the control socket that is there already."""
    import socket
    import time
    client = socket.socket(socket.AF_UNIX)
    client.connect("/run/chalkbox/control.sock")
    client.settimeout(30)
    at = time.monotonic()
    client.sendall(b'{"do":"start"}\n')
    client.recv(65536)
    return at, time.monotonic()


# MARK: The card's mixer

def mixer(box):
    """QEMU's sound card has a capture volume and a switch."""
    box.guest.run("modprobe snd_hda_codec_generic; modprobe snd_hda_intel; udevadm settle")
    said = [volume(box, setting) for setting in ("70%", "-12 dB")]
    configure(box, "audio.device = hw:CARD=Intel")
    box.guest.run("amixer -q -c Intel sset Capture 10% nocap")
    box.chalkbox("start")
    muted = box.wait_for_event(r"^mixer ").text
    problem = box.status()["microphone"]["problem"]
    box.chalkbox("stop")
    check("muted" in muted and "muted" in problem, f"a muted card is told as {muted!r}, {problem!r}")
    check(not re.search(r"\[on\]", capture(box)), f"what was not to be touched is {capture(box)}")
    return f"a codec's mixer: set and read back ({'; '.join(said)}); left alone and off: told"


def capture(box):
    return box.guest.run("amixer -c Intel sget Capture")


def volume(box, setting):
    """Set when a lesson begins, and when the card comes back in it."""
    configure(box, f"audio.device = hw:CARD=Intel\naudio.capture_volume = {setting}")
    box.guest.run("amixer -q -c Intel sset Capture 10% nocap")
    box.chalkbox("start")
    told = box.wait_for_event(r"^mixer ").text
    check("reason" not in told, told)
    volume_is(box, setting, told)
    driver = "/sys/bus/pci/drivers/snd_hda_intel"
    box.guest.run(f"cd {driver}; card=$(ls -d 0000:*); echo $card >unbind; echo $card >/run/card")
    box.wait_for_event(r"^microphone state=lost")
    # udev comes behind the recorder with `alsactl restore`, which sets it as it was at the last switching off, or to
    # what alsa-utils thinks right.
    box.guest.run(f"echo $(cat /run/card) >{driver}/bind")
    box.wait_for_event(r"^microphone state=back")
    box.guest.run("amixer -q -c Intel sset Capture 10% nocap")
    again = box.wait_for_event(r"^mixer .*reason=\"somebody else had set it to").text
    volume_is(box, setting, again)
    box.chalkbox("stop")
    return told.partition("elements=")[2]


def volume_is(box, setting, told):
    state = capture(box)
    values = re.findall(r"(?:Left|Right): Capture \d+ \[(\d+)%\] \[(-?[0-9.]+)dB\] \[(\w+)\]", state)
    check(len(values) == 2, f"{told}\n{state}")
    for percent, decibels, switch in values:
        wanted, value = (70, int(percent)) if setting == "70%" else (-12, float(decibels))
        check(abs(value - wanted) <= 1.5 and switch == "on", f"{setting}: {told}\n{state}")
