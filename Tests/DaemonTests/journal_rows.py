"""Prints each row of text as soon as another process can read it in the index, a JSON line each: `journal_rows.py
INDEX`. It ends with the process that reads it.
"""

import json
import sqlite3
import sys
import time

index = None
last = -1
while True:
    try:
        if index is None:
            index = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
        rows = index.execute("SELECT place, start_sample, text FROM token WHERE place > ? ORDER BY place", (last,))
        for place, start, text in rows.fetchall():
            print(json.dumps({"place": place, "start": start, "text": text}), flush=True)
            last = place
    except sqlite3.OperationalError:
        # Not there yet, or being recovered.
        index = None
    time.sleep(0.05)
