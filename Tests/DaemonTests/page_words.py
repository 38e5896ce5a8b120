"""Puts words into the index of a box that does not run: `page_words.py INDEX ID WORDS`, these as JSON: [[text, start in
samples, end, speaker, language], …]. The page of a lesson is checked in scripts that no tone code speaks.
"""

import json
import sqlite3
import sys

index = sqlite3.connect(sys.argv[1])
(number,) = index.execute("SELECT number FROM recording WHERE id = ?", (sys.argv[2],)).fetchone()
words = json.loads(sys.argv[3])
first = number << 24
index.executemany(
    "INSERT INTO token (place, text, start_sample, end_sample, confidence, speaker, language, begins_word, covered) "
    "VALUES (?, ?, ?, ?, 0.9, ?, ?, 1, 0)",
    [(first + place, " " + text, start, end, speaker, language)
     for place, (text, start, end, speaker, language) in enumerate(words)])
index.commit()
