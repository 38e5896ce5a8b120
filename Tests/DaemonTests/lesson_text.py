"""Prints real text of a language, a sentence a line: `lesson_text.py LANGUAGE CLUSTERS`, at least so many letters.

It is what Debian's packages bring for people to read: manual pages in English, Japanese and Chinese, and GLib's
messages and the names of ISO's lists in other languages (board/packages). What nobody would say aloud is left out.
"""

import gettext
import gzip
import re
import subprocess
import sys
import unicodedata

MANUALS = {
    "en": ("manpages", "/man/man"), "ja": ("manpages-ja", "/man/ja/man"), "zh": ("manpages-zh", "/man/zh_CN/man"),
}
MESSAGES = ("libglib2.0-data", "iso-codes")
SCRIPTS = {
    "en": "LATIN", "ja": "HIRAGANA", "zh": "CJK", "th": "THAI", "ar": "ARABIC", "hi": "DEVANAGARI", "ko": "HANGUL",
    "el": "GREEK", "ru": "CYRILLIC", "ta": "TAMIL",
}
ENDS = re.compile(r"(?<=[。！？।؟])|(?<=[.!?])\s+")
ASIDE = re.compile(r"[(（][^()（）]*[)）]")
SPACED_MARK = re.compile(r"\s+(?=[.,;!?。、」』，；！？،؛؟।»])")
SAID = re.compile(
    r"[\w\s.,!?:;'’\-—。、，！？；：「」『』・،؛؟।«»\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u200c\u200d]+")


def files(package, part):
    names = subprocess.run(["dpkg-query", "-L", package], check=True, capture_output=True, text=True).stdout.split("\n")
    return sorted(name for name in names if part in name)


def manual(name):
    """Its paragraphs, without what is typed or typeset."""
    with gzip.open(name, "rt", encoding="utf-8", errors="ignore") as page:
        lines = page.read().split("\n")
    paragraph = []
    for line in lines:
        if line.startswith((".", "'", " ", "\t")) or not line:
            yield "\n".join(paragraph)
            paragraph = []
        else:
            line = re.sub(r"\\f(\(..|\[[^]]*\]|.)", "", line).replace("\\-", "-").replace("\\&", "")
            paragraph.append(line)
    yield "\n".join(paragraph)


def paragraphs(language):
    if language in MANUALS:
        for name in files(*MANUALS[language]):
            if name.endswith(".gz"):
                yield from manual(name)
    else:
        for name in (name for package in MESSAGES for name in files(package, f"/locale/{language}/LC_MESSAGES/")):
            with open(name, "rb") as catalogue:
                messages = gettext.GNUTranslations(catalogue)._catalog.items()
            # The first is the catalogue's own description.
            yield from (text for original, text in messages if isinstance(original, str) and original)


def joined(paragraph, language):
    """Lines of a paragraph; between two characters of a script without spaces none is written."""
    paragraph = ASIDE.sub("", paragraph)
    if language in ("ja", "zh"):
        paragraph = re.sub(r"(?<=[\u2e80-\uffef])\n(?=[\u2e80-\uffef])", "", paragraph)
    return re.sub(r"\s+([-—]+\s+)?", " ", paragraph)


def is_said(sentence, language):
    letters = [letter for letter in sentence if letter.isalpha()]
    own = sum(unicodedata.name(letter, "").startswith((SCRIPTS[language], "CJK", "KATAKANA")) for letter in letters)
    return SAID.fullmatch(sentence) and "_" not in sentence and len(letters) >= 4 and own >= 0.75 * len(letters)


def sentences(language):
    seen = set()
    for paragraph in paragraphs(language):
        if "\\" in paragraph or "%" in paragraph or "<" in paragraph:
            continue
        for sentence in ENDS.split(joined(paragraph, language)):
            sentence = SPACED_MARK.sub("", unicodedata.normalize("NFC", sentence)).strip(" '-:;")
            if len(sentence) <= 160 and sentence not in seen and is_said(sentence, language):
                seen.add(sentence)
                yield sentence


if __name__ == "__main__":
    left = int(sys.argv[2])
    for text in sentences(sys.argv[1]):
        print(text)
        left -= sum(letter.isalpha() for letter in text)
        if left <= 0:
            break
    if left > 0:
        sys.exit(f"{left} letters of {sys.argv[1]} are missing")
