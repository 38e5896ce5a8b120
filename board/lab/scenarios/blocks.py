"""Every state that a power cut may leave on the disk, by the block: dm-log-writes on ext4 and f2fs; I/O errors."""
from box import Box, check, word_texts

LESSON_SECONDS, ALL_LESSON_SECONDS = 15, 60
#: States that are mounted and looked at, evenly spread over the lesson's flushes.
POINTS, ALL_POINTS = 8, 60
DISKS = {"data": 128, "log": 1024, "replay": 128, "cow": 128}
DISK = "/dev/disk/by-id/virtio-"
MAKE = {"ext4": "mkfs.ext4 -q -F", "f2fs": "mkfs.f2fs -q -f"}


def run(lab):
    box = Box(lab)
    for name, megabytes in DISKS.items():
        box.guest.add_disk(name, megabytes)
    box.boot()
    figures = []
    for filesystem in MAKE:
        figures.append(replayed(box, lab, filesystem))
    figures.append(failing(box))
    return figures


def mount(box, make, device):
    box.guest.run(f"systemctl stop chalkbox; {make} {device}; mount {device} /var/lib/chalkbox; "
                  "chown chalkbox: /var/lib/chalkbox; systemctl start chalkbox")
    box.wait_for_event(r"^ready ")


def lesson(box, seconds, seed):
    script = box.script(seconds, seed)
    box.say(script)
    box.stop()


def replayed(box, lab, filesystem):
    sectors = DISKS["data"] * 2048
    box.guest.run(f"for disk in log replay; do blkdiscard -f {DISK}$disk || true; done; "
                  f"dmsetup create logged --table '0 {sectors} log-writes {DISK}data {DISK}log'")
    mount(box, MAKE[filesystem], "/dev/mapper/logged")
    box.guest.run("dmsetup message logged 0 mark lesson")
    lesson(box, ALL_LESSON_SECONDS if lab.everything else LESSON_SECONDS, seed=11)
    box.recorded()
    words = word_texts(box.document())
    box.guest.run("mv /run/export.raw /run/truth.raw; systemctl stop chalkbox; umount /var/lib/chalkbox; "
                  "dmsetup remove logged")
    result = box.guest.call(replay, patience=7200, filesystem=filesystem, words=words, sectors=sectors,
                            points=ALL_POINTS if lab.everything else POINTS)
    check(not result["failures"], f"{filesystem}: {result['failures']}")
    check(result["kept"][-1] > 0, f"{filesystem}: nothing was kept at any point")
    least, most = result["kept"][0], result["kept"][-1]
    return (f"{filesystem}: {result['looked']} of the {result['flushes']} states between {result['entries']} writes: "
            f"0 failures; kept {least:.1f} to {most:.1f} s, verified, no wrong sample or word")


def failing(box):
    """Every write fails for a while: red, and nothing is lost when the disk is back. (An ext4 with a journal would stay
    read-only from its first failed write on; so would f2fs.)"""
    sectors = DISKS["data"] * 2048
    tables = {"fine": f"0 {sectors} linear {DISK}data 0",
              "failing": f"0 {sectors} flakey {DISK}data 0 0 600 1 error_writes"}

    def turn(state):
        box.guest.run(f"set -e; dmsetup suspend --noflush --nolockfs faulty; "
                      f"dmsetup load faulty --table '{tables[state]}'; dmsetup resume faulty")
    box.guest.run(f"dmsetup create faulty --table '{tables['fine']}'")
    mount(box, MAKE["ext4"] + " -O ^has_journal", "/dev/mapper/faulty")
    script = box.script(20, seed=12)
    box.load(script)
    box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    player = box.play()
    box.guest.run("sleep 3")
    turn("failing")
    failed = box.wait_for_event(r"^disk .*|^phase .*to=failed")
    check(box.status()["led"]["red"] != "off", "no red light on a disk that fails")
    box.guest.run("sleep 4")
    turn("fine")
    back = box.wait_for_event(r"^disk state=back")
    check(player.end() == 0, "aplay failed")
    box.wait_for_words(len(script.words))
    check(box.status()["led"]["red"] == "off", "still red when the disk is back")
    box.stop()
    # What the kernel remembers is no proof: it is read from the medium.
    box.guest.run("set -e; systemctl stop chalkbox; umount /var/lib/chalkbox; echo 3 >/proc/sys/vm/drop_caches; "
                  "mount /dev/mapper/faulty /var/lib/chalkbox; systemctl start chalkbox")
    box.wait_for_event(r"^ready ")
    box.chalkbox("recordings verify all")
    check(word_texts(box.document()) == script.texts, "words are not there any more")
    script.place_in(box.recorded())
    return (f"every write fails: \"{failed.text[:70]}\", red, back {back.at - failed.at:.1f} s later; all "
            f"{len(script.words)} words and {len(script.samples) // 2} samples are there, read from the medium again")


def replay(filesystem, words, sectors, points):
    """Applies the log up to each flush and looks at what a box makes of it there."""
    import json
    import os
    import pathlib
    import signal
    import struct
    import subprocess

    disk = "/dev/disk/by-id/virtio-"
    options = ["--set", "box.state_directory=/mnt", "--set", "box.resume_seconds=0", "--set", "panel.driver=none",
               "--set", "transcription.enabled=no", "--set", "audio.device=null", "--socket", "/run/replay.sock"]
    truth = pathlib.Path("/run/truth.raw").read_bytes()
    flush, fua, discard, mark = 1, 2, 4, 8
    log = os.open(disk + "log", os.O_RDONLY)
    target = os.open(disk + "replay", os.O_RDWR)
    magic, _, count, size = struct.unpack("<QQQI", os.pread(log, 28, 0))
    assert magic == 0x6A736677736872, hex(magic)

    def entries():
        place = size
        for _ in range(count):
            sector, length, flags, data = struct.unpack("<QQQQ", os.pread(log, 32, place))
            yield sector, length, flags, place + size, place + 32
            place += size + (0 if flags & discard else length * size)

    marked, flushes = False, 0
    for _, _, flags, _, _ in entries():
        marked = marked or bool(flags & mark)
        flushes += bool(marked and flags & (flush | fua))

    def run(*command, ok=True):
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if ok and result.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))}: {result.stdout}{result.stderr}")
        return result

    def look():
        """Seconds of audio that a box finds after a power cut here."""
        os.sync()
        run("dd", "if=/dev/zero", f"of={disk}cow", "bs=64k", "count=1", "conv=fsync")
        run("dmsetup", "create", "state", "--table", f"0 {sectors} snapshot {disk}replay {disk}cow N 8")
        try:
            run("mount", "-t", filesystem, "/dev/mapper/state", "/mnt")
            daemon = subprocess.Popen(["chalkbox", "daemon", *options], stderr=subprocess.PIPE, text=True)
            said = []
            for line in daemon.stderr:
                said.append(line)
                if "ready " in line:
                    break
            daemon.send_signal(signal.SIGTERM)
            said += daemon.stderr.readlines()
            if daemon.wait() != 0:
                raise RuntimeError("the daemon: " + "".join(said))
            run("chalkbox", "recordings", "verify", "all", *options)
            if not json.loads(run("chalkbox", "recordings", "--json", *options).stdout or "[]"):
                return 0.0
            document = json.loads(run("chalkbox", "export", "last", "--format", "json", "-o", "-", *options).stdout)
            if document["durationMs"] == 0:
                return 0.0
            run("chalkbox", "export", "last", "--format", "flac", "-o", "/run/replay.flac", "--force", *options)
            run("flac", "-d", "-s", "-f", "--force-raw-format", "--endian=little", "--sign=signed", "-o",
                "/run/replay.raw", "/run/replay.flac")
            heard = [word["text"] for part in document["segments"] for word in part["words"]]
            samples = pathlib.Path("/run/replay.raw").read_bytes()
            if samples != truth[:len(samples)]:
                raise RuntimeError("samples differ")
            if heard != words[:len(heard)]:
                raise RuntimeError(f"words differ: {heard}")
            return len(samples) / 32_000
        finally:
            run("umount", "/mnt", ok=False)
            run("dmsetup", "remove", "--retry", "state")

    wanted = {round(number * (flushes - 1) / (points - 1)) for number in range(points)}
    marked, number, kept, failures = False, 0, [], []
    for sector, length, flags, data, _ in entries():
        if flags & mark:
            marked = True
            continue
        if flags & discard:
            os.pwrite(target, bytes(length * size), sector * size)
        elif length:
            os.pwrite(target, os.pread(log, length * size, data), sector * size)
        if not (marked and flags & (flush | fua)):
            continue
        if number in wanted:
            try:
                seconds = look()
                if kept and seconds < kept[-1]:
                    raise RuntimeError(f"{seconds} s after {kept[-1]} s were there before")
                kept.append(seconds)
            except RuntimeError as error:
                failures.append(f"state {number}: {error}")
        number += 1
    os.close(log)
    os.close(target)
    return {"flushes": flushes, "entries": count, "looked": len(wanted), "kept": kept, "failures": failures}
