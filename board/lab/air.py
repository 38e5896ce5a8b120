"""Access points of virtual radios (mac80211_hwsim), in a network namespace that also has the cable to the world."""
from machine import LabError

PASSPHRASE = "blackboard"
#: Radio, network, channel, hardware address: two access points of the school's network on one bridge, one of the annex.
POINTS = {
    "wlan1": ("school", 1, "02:00:00:00:01:00"), "wlan2": ("school", 6, "02:00:00:00:02:00"),
    "wlan3": ("annex", 11, "02:00:00:00:03:00"),
}
BRIDGES = {"school": ("br1", "10.10.1"), "annex": ("br2", "10.10.2")}
RULES = """
table ip lab {
    chain out { type nat hook postrouting priority 100; oifname CABLE masquerade; }
    chain portal { type nat hook prerouting priority -100; }
}
"""


class Air:
    """The box keeps one radio, wlan0, and loses its cable."""

    def __init__(self, guest, cable, tools=""):
        """`tools`: what a command is begun with so that it finds hostapd, dnsmasq, nft and iw, where the system that
        runs has none of its own."""
        self.guest, self.tools = guest, tools
        self.inside = f"{tools}ip netns exec air "
        release = guest.run("uname -r")
        if release not in guest.run(f"{tools}ls /lib/modules").split():
            raise LabError(f"the image's kernel, {release}, is not the lab's: build the older one anew (--fresh, or "
                           "without ~/.cache/chalkbox-lab)")
        names = guest.run(f"{tools}modprobe mac80211_hwsim radios=4; udevadm settle; "
                          "for i in 1 2 3; do basename $(readlink /sys/class/net/wlan$i/phy80211); done").split()
        guest.run(" && ".join(f"{tools}{command}" for command in [
            "ip netns add air", *(f"iw phy {name} set netns name air" for name in names),
            f"ip link set {cable} netns air"]))
        self.run("ip link set lo up", f"ip link set {cable} up", f"ip address add 10.0.2.15/24 dev {cable}",
                 "ip route add default via 10.0.2.2", "sysctl -qw net.ipv4.ip_forward=1")
        guest.put("/run/nat.nft", RULES.replace("CABLE", cable))
        self.run("nft -f /run/nat.nft")
        for bridge, net in BRIDGES.values():
            self.run(f"ip link add {bridge} type bridge", f"ip address add {net}.1/24 dev {bridge}",
                     f"ip link set {bridge} up",
                     f"dnsmasq --conf-file=/dev/null --port=0 --interface={bridge} --bind-interfaces "
                     f"--dhcp-range={net}.50,{net}.99,1h --dhcp-option=3,{net}.1 "
                     f"--dhcp-leasefile=/run/{bridge}.leases --pid-file=/run/{bridge}.pid")
        for radio, (ssid, channel, address) in POINTS.items():
            guest.put(f"/run/{radio}.conf", f"interface={radio}\nbridge={BRIDGES[ssid][0]}\n"
                      f"ctrl_interface=/run/hostapd\nssid={ssid}\nhw_mode=g\nchannel={channel}\nwpa=2\n"
                      f"wpa_key_mgmt=WPA-PSK\nrsn_pairwise=CCMP\nwpa_passphrase={PASSPHRASE}\nbssid={address}\n")
            self.on(radio)

    def run(self, *commands):
        """In the namespace."""
        return self.guest.run(" && ".join(self.inside + command for command in commands))

    def on(self, *radios):
        self.run(*(f"hostapd -B -P /run/{radio}.pid /run/{radio}.conf" for radio in radios))

    def off(self, *radios):
        self.guest.run("kill " + " ".join(f"$(cat /run/{radio}.pid)" for radio in radios))
