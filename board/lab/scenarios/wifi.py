"""WiFi by virtual radios: roams, another network, an AP that goes, deauthentication, loss, a captive portal."""
from air import PASSPHRASE, POINTS, Air
from box import Box, check, word_texts
from guest import PATIENCE_SECONDS

LESSON_SECONDS = 180


def run(lab):
    box = Box(lab, settings="reconnect.slow_probe_seconds = 5")
    box.guest.product.add("/etc/systemd/network/40-wlan.network",
                          "[Match]\nName=wlan0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
    box.boot()
    air = Air(box.guest, "enp0s3")
    supplicant(box.guest)
    script = box.script(LESSON_SECONDS, seed=6)
    box.load(script)
    wait(box, ssid="school", online=True)
    box.press("start")
    wait(box, phase="live")
    began = box.status()["recording"]["startedAt"]
    player = box.play()
    figures = [roam(box), other_network(box), power_cycle(box, air), storm(box, air), loss(box), portal(box, air)]
    check(player.end(LESSON_SECONDS + 60) == 0, "aplay failed")
    wait(box, phase="live")
    box.wait_for_words(len(script.words))
    check(box.status()["recording"]["startedAt"] == began, "startedAt changed")
    box.stop()
    document = box.document()
    heard = word_texts(document)
    check(heard == script.texts, f"{len(heard)} of {len(script.words)} words, or others")
    check(not document["silences"], f"silence: {document['silences']}")
    speakers = {}
    said = [speakers.setdefault(word["speaker"], str(len(speakers) + 1)) for word in script.words]
    named = [segment["speaker"] for segment in document["segments"] for _ in segment["words"]]
    voices = sorted(set(zip(said, named)))
    check(named == said, f"words changed their speakers: (voice, number) {voices}")
    return figures + [f"{len(heard)} words in {LESSON_SECONDS} s: each once, in order, from its speaker"]


def supplicant(guest):
    networks = "".join(f'network={{\nssid="{ssid}"\npsk="{PASSPHRASE}"\npriority={priority}\n}}\n'
                       for ssid, priority in (("school", 2), ("annex", 1)))
    guest.put("/run/wpa.conf", "ctrl_interface=/run/wpa_supplicant\n" + networks, 0o600)
    guest.run("wpa_supplicant -B -i wlan0 -c /run/wpa.conf -D nl80211 -f /run/wpa.log")


def wait(box, since=None, seconds=PATIENCE_SECONDS, **wanted):
    """Until the box's status has it; seconds since then by the guest's clock."""
    at = box.guest.call(wait_for_status, patience=seconds + 30, wanted=wanted,
                        seconds=seconds)
    return at - since if since else at


def now(box):
    return float(box.guest.run("read -r up _ </proc/uptime; echo $up"))


def addresses(box):
    network = box.status()["network"]
    return network["bssid"], network["address"]


def roam(box):
    """To the other access point of the same network, and back."""
    times = []
    here = addresses(box)[0]
    for _ in range(2):
        there = next(address for ssid, _, address in POINTS.values() if ssid == "school" and address != here)
        at = now(box)
        box.guest.run(f"wpa_cli -i wlan0 scan >/dev/null; sleep 2; wpa_cli -i wlan0 roam {there}")
        times.append(wait(box, at, bssid=there, phase="live"))
        here = there
    return f"roams between BSSIDs: the session stays or is live again {max(times):.1f} s after the order (scan of 2 s)"


def other_network(box):
    before = addresses(box)[1]
    at = now(box)
    box.guest.run("wpa_cli -i wlan0 select_network 1")
    took = wait(box, at, ssid="annex", phase="live", online=True)
    check(addresses(box)[1] != before, "the address stayed")
    at = now(box)
    box.guest.run("wpa_cli -i wlan0 select_network 0")
    back = wait(box, at, ssid="school", phase="live", online=True)
    return f"another SSID with a new address: live after {took:.1f} s, back after {back:.1f} s"


def power_cycle(box, air):
    """All access points of the network go dark for a while."""
    box.catch_up()
    air.off("wlan1", "wlan2")
    box.wait_for_event(r"^phase .*to=reconnecting")
    box.guest.run("sleep 4")
    air.on("wlan1", "wlan2")
    at = now(box)
    return f"APs off and on: live {wait(box, at, phase='live', ssid='school', online=True):.1f} s after they were on"


def storm(box, air):
    """Every station is told to go, ten times a second."""
    box.guest.run(f"for i in $(seq 30); do for r in wlan1 wlan2; do {air.inside}hostapd_cli -p /run/hostapd -i $r "
                  "deauthenticate ff:ff:ff:ff:ff:ff >/dev/null; done; sleep 0.1; done")
    at = now(box)
    return f"60 deauthentications: live {wait(box, at, phase='live', online=True):.1f} s after the last"


def loss(box):
    box.guest.run("tc qdisc replace dev wlan0 root netem loss 20% delay 400ms")
    box.guest.run("sleep 15")
    phase = box.status()["phase"]
    box.guest.run("tc qdisc delete dev wlan0 root")
    at = now(box)
    return f"20 % loss and 400 ms for 15 s: {phase} under it, live {wait(box, at, phase='live'):.1f} s after it"


def portal(box, air):
    """Whoever connects meets a server that only sends elsewhere."""
    server = box.guest.start(f"exec {air.inside}python3 -c '{PORTAL}'")
    server.wait_for(lambda line: "listening" in line)
    air.run(f"nft add rule ip lab portal tcp dport {box.cloud.port} redirect to :8080")
    box.catch_up()
    box.cloud.command("--do", "reset")
    # The first attempt may be refused by what is left of the old connection; what the portal makes of TLS comes then.
    seen = box.wait_for_event(r"^(attempt n=3|phase .*to=failed).*reason=").text
    box.guest.run("sleep 5")
    air.run("nft flush chain ip lab portal")
    at = now(box)
    took = wait(box, at, phase="live")
    server.kill()
    return f"captive portal (302): {seen.split('reason=')[-1][:110]}, live {took:.1f} s after it was passed"


PORTAL = """
import socket
s = socket.create_server(("0.0.0.0", 8080))
print("listening", flush=True)
while True:
    c, _ = s.accept()
    c.recv(4096)
    c.sendall(b"HTTP/1.1 302 Found\\r\\nLocation: http://portal.test/\\r\\nContent-Length: 0\\r\\n\\r\\n")
    c.close()
"""


def wait_for_status(wanted, seconds):
    import json
    import subprocess
    import time
    end = time.monotonic() + seconds
    while True:
        output = subprocess.run(["chalkbox", "status", "--json"], capture_output=True, text=True).stdout
        status = json.loads(output or "{}")
        flat = {**status, **(status.get("network") or {})}
        flat["phase"] = status.get("phase")
        if all(flat.get(name) == value for name, value in wanted.items()):
            return time.monotonic()
        if time.monotonic() > end:
            raise TimeoutError(f"no {wanted}: {output}")
        time.sleep(0.1)
