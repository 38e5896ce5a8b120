"""WiFi by virtual radios: roams, another network, an AP that goes, deauthentication, loss, a captive portal."""
from box import Box, check, word_texts
from guest import PATIENCE_SECONDS

LESSON_SECONDS = 180
PASSPHRASE = "blackboard"
#: Radio, network, channel, hardware address: two access points of the school's network on one bridge, one of the annex.
POINTS = {
    "wlan1": ("school", 1, "02:00:00:00:01:00"), "wlan2": ("school", 6, "02:00:00:00:02:00"),
    "wlan3": ("annex", 11, "02:00:00:00:03:00"),
}
BRIDGES = {"school": ("br1", "10.10.1"), "annex": ("br2", "10.10.2")}
IN = "ip netns exec air "


def run(lab):
    box = Box(lab, settings="reconnect.slow_probe_seconds = 5")
    box.guest.product.add("/etc/systemd/network/40-wlan.network",
                          "[Match]\nName=wlan0\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n")
    box.boot()
    furnish(box)
    script = box.script(LESSON_SECONDS, seed=6)
    box.load(script)
    wait(box, ssid="school", online=True)
    box.press("start")
    wait(box, phase="live")
    began = box.status()["recording"]["startedAt"]
    player = box.play()
    figures = [step(box) for step in (roam, other_network, power_cycle, storm, loss, portal)]
    check(player.end(LESSON_SECONDS + 60) == 0, "aplay failed")
    wait(box, phase="live")
    box.wait_for_words(len(script.words))
    check(box.status()["recording"]["startedAt"] == began, "startedAt changed")
    box.press("stop")
    box.wait_for_event(r"^stop id=")
    document = box.document()
    heard = word_texts(document)
    check(heard == [word["text"] for word in script.words], f"{len(heard)} of {len(script.words)} words, or others")
    check(not document["silences"], f"silence: {document['silences']}")
    speakers = {}
    said = [speakers.setdefault(word["speaker"], str(len(speakers) + 1)) for word in script.words]
    named = [segment["speaker"] for segment in document["segments"] for _ in segment["words"]]
    check(named == said, "words changed their speakers")
    return figures + [f"{len(heard)} words in {LESSON_SECONDS} s: each once, in order, from its speaker"]


def furnish(box):
    """Access points in a namespace of their own, which also has the cable to the world; the box keeps one radio."""
    guest = box.guest
    guest.run("modprobe mac80211_hwsim radios=4; ip netns add air; "
              "for i in 1 2 3; do iw phy $(cat /sys/class/net/wlan$i/phy80211/name) set netns name air; done; "
              "ip link set enp0s3 netns air; "
              + "; ".join(IN + command for command in (
                  "ip link set lo up", "ip link set enp0s3 up", "ip address add 10.0.2.15/24 dev enp0s3",
                  "ip route add default via 10.0.2.2", "sysctl -qw net.ipv4.ip_forward=1")))
    guest.put("/run/nat.nft", "table ip lab { chain out { type nat hook postrouting priority 100; "
              "oifname enp0s3 masquerade; }\nchain portal { type nat hook prerouting priority -100; }\n}\n")
    guest.run(IN + "nft -f /run/nat.nft")
    for bridge, net in BRIDGES.values():
        guest.run(f"{IN}ip link add {bridge} type bridge; {IN}ip address add {net}.1/24 dev {bridge}; "
                  f"{IN}ip link set {bridge} up; {IN}dnsmasq --conf-file=/dev/null --port=0 --interface={bridge} "
                  f"--bind-interfaces --dhcp-range={net}.50,{net}.99,1h --dhcp-option=3,{net}.1 "
                  f"--dhcp-leasefile=/run/{bridge}.leases --pid-file=/run/{bridge}.pid")
    for radio, (ssid, channel, address) in POINTS.items():
        guest.put(f"/run/{radio}.conf", f"interface={radio}\nbridge={BRIDGES[ssid][0]}\nctrl_interface=/run/hostapd\n"
                  f"ssid={ssid}\nhw_mode=g\nchannel={channel}\nwpa=2\nwpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\n"
                  f"wpa_passphrase={PASSPHRASE}\nbssid={address}\n")
        point(box, radio)
    networks = "".join(f'network={{\nssid="{ssid}"\npsk="{PASSPHRASE}"\npriority={priority}\n}}\n'
                       for ssid, priority in (("school", 2), ("annex", 1)))
    guest.put("/run/wpa.conf", "ctrl_interface=/run/wpa_supplicant\n" + networks, 0o600)
    guest.run("wpa_supplicant -B -i wlan0 -c /run/wpa.conf -D nl80211 -f /run/wpa.log")


def point(box, radio):
    box.guest.run(f"{IN}hostapd -B -P /run/{radio}.pid /run/{radio}.conf")


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


def power_cycle(box):
    """All access points of the network go dark for a while."""
    box.catch_up()
    box.guest.run("kill $(cat /run/wlan1.pid /run/wlan2.pid)")
    box.wait_for_event(r"^phase .*to=reconnecting")
    box.guest.run("sleep 4")
    for radio in ("wlan1", "wlan2"):
        point(box, radio)
    at = now(box)
    return f"APs off and on: live {wait(box, at, phase='live', ssid='school', online=True):.1f} s after they were on"


def storm(box):
    """Every station is told to go, ten times a second."""
    box.guest.run(f"for i in $(seq 30); do for r in wlan1 wlan2; do {IN}hostapd_cli -p /run/hostapd -i $r "
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


def portal(box):
    """Whoever connects meets a server that only sends elsewhere."""
    server = box.guest.start(f"exec {IN}python3 -c '{PORTAL}'")
    server.wait_for(lambda line: "listening" in line)
    box.guest.run(f"{IN}nft add rule ip lab portal tcp dport {box.cloud.port} redirect to :8080")
    box.catch_up()
    box.cloud.command("--do", "reset")
    # The first attempt may be refused by what is left of the old connection; what the portal makes of TLS comes then.
    seen = box.wait_for_event(r"^(attempt n=3|phase .*to=failed).*reason=").text
    box.guest.run(f"sleep 5; {IN}nft flush chain ip lab portal")
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
