"""The flashable image itself, by UEFI: first start, a lesson, a power cut, updates good and bad, wrong settings."""
import re
import shutil
import time

from box import check, word_texts
from cloud import FileServer
from flashed import TREE, FlashedBox
from image import call
from scenarios import settings

LESSON_SECONDS = 20
#: What the box is given until it is up, or down and up again: emulated, beside other work.
START_SECONDS = 600
BUNDLES = "/run/bundles"


def run(lab):
    box = FlashedBox(lab)
    box.guest.add_disk("bundles", 1)
    bundles(box)
    box.technician_fills_in()
    figures = [first_start(box), technician(box), lesson(box), power_cut(box), forged(box), update(box)]
    figures.append(bad_update(box, "panic", "whose kernel finds no init"))
    if lab.everything:
        figures.append(bad_update(box, "hung", "whose recorder never gets ready"))
    box.guest.shut_down()
    return figures + settings.run_on(box, settings.ALL if lab.everything else settings.SOME)


def first_start(box):
    ready = box.boot()
    userspace = int(box.guest.run("systemctl show -P UserspaceTimestampMonotonic")) / 1e6
    name = box.guest.run("cat /proc/sys/kernel/hostname").strip()
    check(name == "chalkbox-c0de", f"it is called {name}")
    check(box.slot() == "A", "it did not begin with slot A")
    free = int(box.guest.run("df --output=size -BM /var/lib/chalkbox | tail -n 1").strip().rstrip("M"))
    check(free > 2500, f"the data partition has {free} MB of a card of 4096")
    for writable in ("/", "/etc", "/usr", "/boot"):
        check("ro" in box.guest.run(f"findmnt -no OPTIONS -T {writable}").split(","), f"{writable} can be written")
    failed = box.guest.run("systemctl --failed --no-legend --plain")
    check(not failed, f"failed units: {failed}")
    box.wait_until("test -e /run/chalkbox-boot/good", "the slot was not marked good")
    box.wait_until("test -s /boot/chalkbox-report.txt", "there is no report on the boot partition", 300)
    return (f"first start: {name}, data grown to {free} MB; kernel to user space {userspace:.1f} s, to ready "
            f"{ready.at:.1f} s ({ready.at / userspace:.2f} ×)")


def technician(box):
    """Logs in by key alone, reads and commands what is the technician's, and nothing else."""
    for allowed in ("chalkbox status", "journalctl -q -u chalkbox -n 1 | grep -q .", "sudo -n rauc status",
                    # Nobody speaks: the microphone is found very quiet.
                    "sudo -n -u chalkbox chalkbox doctor | grep -q '^fine   disk'",
                    "sudo -n -u chalkbox chalkbox recordings",
                    "sudo -n chalkbox support-bundle -o - | gzip -t",
                    # What is refused says how to ask.
                    "chalkbox recordings 2>&1 | grep -q 'sudo -u chalkbox chalkbox'"):
        code, said = box.log_in(allowed)
        check(code == 0, f"the technician cannot {allowed}: {said}")
    for refused in ("cat /etc/shadow", "cat /etc/chalkbox/token.secret", "sudo -n cat /etc/shadow",
                    "sudo -n chalkbox recordings", "sudo -n -u chalkbox cat /etc/chalkbox/token.secret",
                    "sudo -n -u chalkbox chalkbox daemon"):
        code, said = box.log_in(refused)
        check(code not in (0, 255), f"the technician can {refused}: {said}")
    for user, key in (("technician", False), ("root", True), ("chalkbox", True)):
        code, said = box.log_in("true", user, key)
        check(code == 255, f"{user} is let in{'' if key else ' without a key'}: {said}")
    return "SSH: the technician by key, nobody else; status, journal, recordings and updates"


def lesson(box):
    script = box.script(LESSON_SECONDS, seed=11)
    box.say(script)
    box.stop()
    document = box.document()
    check(word_texts(document) == script.texts, "the words differ from those that were said")
    script.place_in(box.recorded())
    box.wait_for_event(r"^upload id=\w+ state=uploaded", START_SECONDS)
    return f"lesson: {len(script.words)} words, {len(script.samples) // 2} samples identical, uploaded"


def power_cut(box):
    script = box.script(LESSON_SECONDS, seed=12)
    box.load(script)
    box.press("start")
    start = box.wait_for_event(r"^start id=(\w+)")
    lesson_id = re.search(r"id=(\w+)", start.text)[1]
    box.wait_for_event(r"^phase .*to=live")
    box.play().end(LESSON_SECONDS + 120)
    box.wait_for_words(len(script.words))
    # Two commits later the last of them is on the flash.
    box.catch_up_for(4)
    box.cut_power()
    box.boot()
    box.chalkbox(f"recordings verify {lesson_id}")
    if box.status()["phase"] not in ("idle", "finished"):
        box.stop()
    words, said = word_texts(box.document(lesson_id)), script.texts
    check(words == said, f"{len(said)} words were said before the cut, {len(words)} are there: {said} {words}")
    return f"power cut in a lesson: its {len(script.words)} words are there, and it verifies"


# MARK: Updates

def bundles(box):
    """A disk with what is offered as updates and must not come to stay: another authority's, some that do not work."""
    work, root, tree = (box.directory / name for name in ("bundles", "content", "tree"))
    work.mkdir()
    own, foreign = keys(), keys(box.directory / "foreign")
    unsquash(root, box.built / "chalkbox-amd64.raucb")
    original = (root / "rootfs.img").rename(box.directory / "rootfs.img")
    # A kernel and its initial RAM disk, and nothing that they could start.
    unsquash(tree, original, "usr/lib/chalkbox/boot")
    bundle(root, own, work / "panic.raucb", tree)
    bundle(root, foreign, work / "forged.raucb", tree)
    if box.lab.everything:
        unsquash(tree, original)
        (tree / "usr/bin/chalkbox").write_text("#!/bin/sh\nexec sleep infinity\n")
        bundle(root, own, work / "hung.raucb", tree)
    disk = dict(box.guest.disks)["bundles"]
    call("mkfs.ext4", "-q", "-F", "-d", work, disk, "1500M", capture=True)
    for path in (work, root, tree):
        shutil.rmtree(path)
    original.unlink()


def keys(*directory):
    return call(TREE / "image/keys", *directory, capture=True).decode().strip()


def unsquash(target, archive, *paths):
    call("unsquashfs", "-q", "-n", "-f", "-d", target, archive, *paths, capture=True)


def bundle(root, keys, target, tree):
    """Uncompressed, which is soon made; the boot loader reads it all the same."""
    (root / "rootfs.img").unlink(missing_ok=True)
    call("mksquashfs", tree, root / "rootfs.img", "-comp", "gzip", "-noI", "-noD", "-noF", "-noappend", "-no-progress",
         "-quiet", capture=True)
    manifest = "\n".join(line for line in (root / "manifest.raucm").read_text().splitlines()
                         if not line.startswith(("verity-", "sha256=", "size=")))
    (root / "manifest.raucm").write_text(manifest + "\n")
    target.unlink(missing_ok=True)
    call("rauc", f"--cert={keys}/signing.pem", f"--key={keys}/signing.key", "bundle", root, target, capture=True)


def install(box, name, check=True):
    """One of the disk's."""
    box.guest.run(f"mkdir -p {BUNDLES}; mountpoint -q {BUNDLES} || "
                  f"mount -o ro /dev/disk/by-id/virtio-bundles {BUNDLES}")
    return box.guest.run(f"chalkbox update {BUNDLES}/{name}.raucb 2>&1", START_SECONDS, check=check)


def recordings(box):
    return box.chalkbox("recordings verify all")


def forged(box):
    said = install(box, "forged", check=False)
    check("signature" in said.lower() or "certificate" in said.lower(), f"a foreign signature: {said}")
    check(box.slot() == "A", "it runs from another slot")
    state = box.guest.run("grub-editenv /efi/grub/grubenv list")
    check("ORDER=A B" in state and "B_OK=0" in state, f"a refused bundle changed the boot order: {state}")
    # RAUC was busy when the recorder got ready.
    box.wait_until("test -e /run/chalkbox-boot/good", "the slot was not marked good after RAUC was busy")
    return f"a bundle of another authority: refused ({said.strip().splitlines()[-1].strip()[:90]})"


def update(box):
    before, old = recordings(box), box.slot()
    with FileServer(box.cloud, box.built) as address:
        began = time.monotonic()
        box.guest.run(f"chalkbox update {address}/chalkbox-amd64.raucb 2>&1", START_SECONDS)
        seconds = time.monotonic() - began
    check(not box.guest.run("ls -d /data/chalkbox-update-*", check=False).startswith("/"), "the loaded bundle stayed")
    box.reboot(START_SECONDS)
    check(box.slot() != old, f"after the update it runs from {box.slot()} again")
    check(recordings(box) == before, "recordings changed with the update")
    box.wait_until("test -e /run/chalkbox-boot/good", "the new slot was not marked good")
    return f"update: loaded by https and installed in {seconds:.0f} s, slot {old} to {box.slot()}, recordings as before"


def bad_update(box, name, what):
    before, old = recordings(box), box.slot()
    install(box, name)
    began = time.monotonic()
    box.reboot(2 * START_SECONDS)
    seconds = time.monotonic() - began
    state = box.guest.run("grub-editenv /efi/grub/grubenv list")
    other = "B" if old == "A" else "A"
    check(box.slot() == old, f"it runs from {box.slot()}")
    check(f"{other}_TRY=2" in state, f"the bad slot was not tried twice: {state}")
    check(recordings(box) == before, "recordings changed")
    return f"an update {what}: tried twice, back on slot {old} after {seconds:.0f} s, recordings as before"
