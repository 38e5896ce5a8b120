"""Mistakes that a technician makes on the boot partition: the box starts, records, and reports what is wrong."""
from box import check

#: Name, the files that are written (None: taken away), and a word that the report holds.
ALL = [
    ("bad SSID line", {"wifi.conf": "[network]\r\nssid School\r\npassword = correct horse\r\n"}, "wifi.conf line 2"),
    ("SSID too long", {"wifi.conf": f"[network]\nssid = {'x' * 40}\npassword = correct horse\n"}, "wifi.conf line 2"),
    ("WiFi password too short", {"wifi.conf": "[network]\nssid = School\npassword = short\n"}, "wifi.conf line 3"),
    ("WiFi file is rubbish", {"wifi.conf": bytes(range(256)) * 64}, "wifi.conf line 1"),
    ("unknown key", {"chalkbox.conf": "[audio]\ndevize = hw:0\n"}, "device"),
    ("CRLF and byte order mark, one wrong value",
     {"chalkbox.conf": b"\xef\xbb\xbf[box]\r\nreserve_mb = much\r\n"}, "reserve_mb"),
    ("no configuration", {"chalkbox.conf": None}, "chalkbox.conf"),
    ("configuration is rubbish", {"chalkbox.conf": b"\x7fELF\2\1\1" + bytes(range(256)) * 16}, "chalkbox.conf"),
    ("secret that is not there", {"chalkbox.conf": "[transcription]\ntoken_url = https://school.example/token\n"
                                  "token_bearer_file = /etc/chalkbox/absent.secret\n"}, "absent.secret"),
    ("no SSH key", {"ssh_authorized_keys": "this is not a key\n"}, "ssh_authorized_keys line 1"),
]
#: One on each file that the recorder or the network reads.
SOME = [ALL[0], ALL[4]]
#: What each of them keeps, so that the virtual microphone is found: mistakes come on top.
FILES = ("chalkbox.conf", "wifi.conf", "ssh_authorized_keys")


def run_on(box, cases):
    """One start for each; the boot partition is as before afterwards."""
    kept = {name: box.card.read("boot", name) for name in FILES}
    for name, files, wanted in cases:
        box.lab.tell(f"image: {name}")
        for file, data in files.items():
            if data is None:
                box.card.remove("boot", file)
            else:
                box.card.write("boot", file, data)
        # Then the PC's lines belong to something else: its board has no panel.
        panel = "no GPIO is configured" if "chalkbox.conf" in files else "in use by the daemon"
        one(box, name, (wanted, f"panel: {panel}"))
        for file, data in kept.items():
            box.card.write("boot", file, data)
    return [f"{len(cases)} wrong settings: each box started, recorded and reported"]


def one(box, name, wanted):
    box.boot()
    box.guest.run("systemctl start --wait chalkbox-report.service; test -s /boot/chalkbox-report.txt")
    report = box.guest.run("cat /boot/chalkbox-report.txt")
    for words in wanted:
        check(words in report, f"{name}: the report does not say {words!r}:\n{report}")
    box.chalkbox("start --label mistakes")
    box.wait_for_event(r"^start id=")
    box.wait_for_event(r"^saved samples=[1-9]|^phase .*to=(live|failed|reconnecting|connecting)")
    box.chalkbox("stop")
    box.wait_for_event(r"^stop id=")
    box.guest.shut_down()
