"""A lesson's page in headless Chromium: `page.py FOLDER [PICTURE.webp…]`, where transcript.html, transcript.json and
lesson.flac are. It plays the sound, and looks at each frame which words are shown as heard. Ends with 1 and a message when
something is not as transcript.json says. A
picture with `dark` in its name is of the dark page.
"""

import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

#: What a frame may come late.
LATE_SECONDS = 0.25


class Browser:
    """Chromium, told what to do through a pipe (Chrome DevTools Protocol)."""

    def __init__(self, profile, *options):
        to_browser, self.outbox = os.pipe()
        self.inbox, from_browser = os.pipe()

        def place():
            os.dup2(to_browser, 3)
            os.dup2(from_browser, 4)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--mute-audio",
             "--hide-scrollbars",
             "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={profile}", "--window-size=760,560", *options],
            preexec_fn=place, pass_fds=(3, 4), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.rest, self.session, self.problems = 0, b"", None, []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.outbox, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]

    def receive(self):
        while b"\0" not in self.rest:
            piece = os.read(self.inbox, 1 << 16)
            if not piece:
                raise SystemExit("the browser has ended")
            self.rest += piece
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.problems.append(message["params"])
        if message.get("method") == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if not url.startswith(("file:", "data:", "about:")):
                self.problems.append(url)
        return message

    def value(self, script):
        answer = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in answer:
            raise SystemExit(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, script, what, seconds=20):
        end = time.monotonic() + seconds
        while not self.value(script):
            if time.monotonic() > end:
                raise SystemExit(f"{what} never came")
            time.sleep(0.05)

    def key(self, key, code=0, text=""):
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **more)

    def click(self, script):
        place = self.value(f"(() => {{ const e = {script}; e.scrollIntoView({{block: 'center'}});"
                           "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2] })()")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def end(self):
        self.process.terminate()
        self.process.wait()


def check(holds, message):
    if not holds:
        raise SystemExit(message)


WATCH = """
window.frames_seen = [];
(function look() {
  const heard = [...document.querySelectorAll('.said')].map(word => all_words.indexOf(word));
  frames_seen.push([document.querySelector('audio').currentTime, heard]);
  requestAnimationFrame(look);
})();
"""


def check_highlights(browser, words):
    """Of each word that was played over, and of nothing else."""
    browser.value(WATCH)
    browser.value("document.querySelector('audio').play()")
    length = min(8, words[-1]["endMs"] / 1000)
    browser.wait(f"document.querySelector('audio').currentTime > {length}", "the end of the piece", seconds=60)
    browser.value("document.querySelector('audio').pause()")
    frames = browser.value("frames_seen")
    seen = set()
    for at, heard in frames:
        for number in heard:
            word = words[number]
            seen.add(number)
            check(word["startMs"] / 1000 - 0.01 <= at <= max(word["endMs"], word["startMs"] + 300) / 1000 + LATE_SECONDS,
                  f"{word} is shown at {at} s")
    due = {number for number, word in enumerate(words)
           if word["endMs"] / 1000 < length - LATE_SECONDS and word["endMs"] - word["startMs"] > 200}
    check(due <= seen and len(due) > 3, f"not shown: {sorted(due - seen)}")
    return f"{len(seen)} words in {len(frames)} frames"


def check_jumps(browser, words):
    far = len(words) - 2
    browser.click(f"all_words[{far}]")
    browser.wait(f"Math.abs(document.querySelector('audio').currentTime - {words[far]['startMs'] / 1000}) < 1",
                 f"the place of {words[far]}")
    browser.value("document.querySelector('audio').pause()")
    # By keyboard: the clicked word has the focus.
    browser.value("document.querySelector('audio').currentTime = 0")
    right = browser.value("getComputedStyle(document.activeElement).direction") == "rtl"
    browser.key("ArrowRight" if right else "ArrowLeft", 39 if right else 37)
    check(browser.value(f"document.activeElement === all_words[{far - 1}]"), "an arrow leads to another word")
    browser.key("Enter", 13, "\r")
    browser.wait(f"Math.abs(document.querySelector('audio').currentTime - {words[far - 1]['startMs'] / 1000}) < 1",
                 "a jump by Enter")
    browser.value("document.querySelector('audio').pause()")


def check_search(browser, segments):
    texts = [segment["text"] for segment in segments]
    longest = max(segments, key=lambda segment: len(segment["words"]))
    words, text = longest["words"], longest["text"]
    wanted = text[:text.index(words[1]["text"], len(words[0]["text"])) + len(words[1]["text"])]
    count = sum(text.lower().count(wanted.lower()) for text in texts)
    browser.click("document.querySelector('[type=search]')")
    browser.ask("Input.insertText", text=wanted.upper())
    browser.key("Enter", 13, "\r")
    browser.wait(f"document.querySelector('output').textContent === '1 of {count}'", f"'1 of {count}' for {wanted}")
    found = browser.value("[...document.querySelectorAll('.found')].map(e => e.textContent).join('')")
    check(words[0]["text"] in found and words[1]["text"] in found, f"{found} is marked for {wanted}")
    browser.value("document.querySelector('[type=search]').value = ''")
    browser.key("Enter", 13, "\r")


def check_page(browser, folder, document):
    browser.ask("Page.navigate", url=(folder / "transcript.html").as_uri())
    browser.wait("document.readyState === 'complete' && document.querySelector('audio').readyState >= 1", "the sound")
    browser.value("window.all_words = [...document.querySelectorAll('main [data-t]')]; 0")
    segments = document["segments"]
    words = [word for segment in segments for word in segment["words"]]
    check(browser.value("all_words.map(e => e.textContent)") == [word["text"] for word in words], "other words")
    texts = browser.value("[...document.querySelectorAll('section p')].map(e => e.textContent)")
    check(texts == [segment["text"] for segment in segments], f"{texts} are shown")
    directions = browser.value("[...document.querySelectorAll('section p')].map(e => getComputedStyle(e).direction)")
    expected = ["rtl" if segment["words"][0]["language"] == "ar" else "ltr" for segment in segments]
    check(directions == expected, f"{directions} are the segments' directions")
    length = browser.value("document.querySelector('audio').duration")
    check(abs(length - document["durationMs"] / 1000) < 0.1, f"the sound is of {length} s")
    told = check_highlights(browser, words)
    check_jumps(browser, words)
    check_search(browser, segments)
    colours = []
    for scheme in ("light", "dark"):
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        colours.append(browser.value("getComputedStyle(document.body).backgroundColor"))
    check(colours[0] != colours[1], "light and dark are alike")
    browser.ask("Emulation.setEmulatedMedia", features=[])
    printed = browser.ask("Page.printToPDF")["data"]
    check(base64.b64decode(printed).startswith(b"%PDF"), "nothing is printed")
    check(browser.value("document.documentElement.scrollWidth <= innerWidth"), "it is wider than the window")
    check(browser.problems == [], browser.problems)
    return told


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    document = json.loads((folder / "transcript.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            print(check_page(browser, folder, document))
            for picture in sys.argv[2:]:
                scheme = "dark" if "dark" in pathlib.Path(picture).name else "light"
                browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
                browser.value("document.querySelector('audio').currentTime = all_words[5].dataset.t.split(' ')[0] / 1000 + .05;"
                              "document.activeElement.blur(); scrollTo(0, 0)")
                browser.wait("document.querySelector('.said') !== null", "a word that is heard")
                image = browser.ask("Page.captureScreenshot", format=pathlib.Path(picture).suffix[1:])["data"]
                pathlib.Path(picture).write_bytes(base64.b64decode(image))
        finally:
            browser.end()


main()
