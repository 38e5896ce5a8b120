"""What parsers that others wrote make of subtitles: `subtitles.py FILE.vtt FILE.srt`, in a directory of the test's own.
Prints for each parser its cues as [[start in ms, end in ms, text], …]. A parser that complains ends it.
"""

import json
import subprocess
import sys

import pysrt
import srt
import webvtt


def milliseconds(clock):
    hours, minutes, seconds = clock.split(":")
    return round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1000)


def probed(path):
    """ffprobe's packets: times and bytes, but not the text; decoding it gives the text."""
    shown = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=pts_time,duration_time", "-of", "json", path],
        check=True, capture_output=True, text=True)
    assert shown.stderr == "", shown.stderr
    cues = []
    for packet in json.loads(shown.stdout)["packets"]:
        start = float(packet["pts_time"])
        cues.append([round(start * 1000), round((start + float(packet["duration_time"])) * 1000), None])
    return cues


vtt, subrip = sys.argv[1:]
with open(subrip, encoding="utf-8") as file:
    text = file.read()
found = {
    "webvtt-py": [[milliseconds(cue.start), milliseconds(cue.end), cue.text] for cue in webvtt.read(vtt)],
    "srt": [[round(cue.start.total_seconds() * 1000), round(cue.end.total_seconds() * 1000), cue.content]
            for cue in srt.parse(text, ignore_errors=False)],
    "pysrt": [[cue.start.ordinal, cue.end.ordinal, cue.text]
              for cue in pysrt.open(subrip, encoding="utf-8", error_handling=pysrt.ERROR_RAISE)],
    "ffprobe of WebVTT": probed(vtt),
    "ffprobe of SubRip": probed(subrip),
}
print(json.dumps(found))
