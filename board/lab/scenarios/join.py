"""The flashed box on a school's WiFi by its wifi.conf alone: the better network, the other one, its name by mDNS."""
from air import PASSPHRASE, Air
from box import check, word_texts
from flashed import LAB_DISK, FlashedBox
from scenarios.wifi import now, wait

LESSON_SECONDS = 40
#: As a laptop's editor writes it; the better one comes last.
NETWORKS = f"""
country = DE
[network]
ssid = annex
password = {PASSPHRASE}
priority = 1
[network]
ssid = school
password = {PASSPHRASE}
priority = 10
"""


def run(lab):
    box = FlashedBox(lab)
    box.technician_fills_in()
    box.card.write("boot", "wifi.conf", NETWORKS.replace("\n", "\r\n"))
    box.boot()
    # Programs that the image has no use for are the lab's disk's.
    box.guest.run(f"for place in dev proc sys run; do mount --bind /$place {LAB_DISK}/$place; done; "
                  f"mount -t tmpfs tmpfs {LAB_DISK}/tmp")
    air = Air(box.guest, "eth0", tools=f"env -u PYTHONHOME chroot {LAB_DISK} ")
    # All points are there when it looks for the first time.
    box.guest.run("systemctl restart chalkbox-wifi@wlan0")
    wait(box, ssid="school", online=True)
    return ["of two networks it takes the one of the higher priority", lesson(box, air), name(box, air)]


def lesson(box, air):
    """The better network goes in the middle of it."""
    script = box.script(LESSON_SECONDS, seed=31)
    box.load(script)
    box.press("start")
    box.wait_for_event(r"^phase .*to=live")
    player = box.play()
    box.wait_for_words(len(script.words) // 4)
    air.off("wlan1", "wlan2")
    off = now(box)
    took = wait(box, off, ssid="annex", phase="live", online=True)
    check(player.end(LESSON_SECONDS + 120) == 0, "aplay failed")
    box.wait_for_words(len(script.words))
    box.stop()
    document = box.document()
    check(word_texts(document) == script.texts, "the words differ from those that were said")
    check(not document["silences"], f"silence: {document['silences']}")
    return f"it goes in mid-lesson: live by the other after {took:.1f} s, {len(script.words)} words once, in order"


def name(box, air):
    """Asked for as a laptop does (RFC 6762)."""
    host = box.guest.run("cat /proc/sys/kernel/hostname").strip()
    address = box.status()["network"]["address"]
    said = box.guest.run(f"{air.inside}python3 -c '{ASK}' {host}").strip()
    check(said == address, f"{host}.local is {said}, the box has {address}")
    return f"{host}.local is {address} in the network that it is in"


ASK = """
import socket, struct, sys
labels = [sys.argv[1].encode(), b"local"]
name = b"".join(bytes([len(label)]) + label for label in labels) + bytes(1)
question = struct.pack(">6H", 0, 0, 1, 0, 0, 0) + name + struct.pack(">2H", 1, 1)
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("10.10.2.1"))
s.settimeout(3)
for _ in range(20):
    s.sendto(question, ("224.0.0.251", 5353))
    try:
        answer = s.recv(1500)
    except TimeoutError:
        continue
    if answer[2] & 128 and name in answer:
        print(socket.inet_ntoa(answer[-4:]) if answer[6:8] == bytes([0, 1]) else answer)
        break
else:
    print("nothing")
"""
