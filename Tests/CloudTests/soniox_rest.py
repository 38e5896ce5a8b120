"""Transcribes a file through the official soniox client's asynchronous API and prints what it got as JSON."""

import argparse
import json
import sys

from soniox import SonioxClient
from soniox.errors import SonioxNotFoundError
from soniox.types import CreateTranscriptionConfig


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="16 kHz mono 16-bit: .wav or .flac")
    parser.add_argument("--url", required=True, help="REST URL, with /v1")
    parser.add_argument("--key", required=True, help="API key")
    options = parser.parse_args()

    client = SonioxClient(api_key=options.key, api_base_url=options.url)
    file = client.files.upload(options.file, client_reference_id="official-client")
    config = CreateTranscriptionConfig(
        language_hints=["en", "ar"], enable_speaker_diarization=True, enable_language_identification=True
    )
    created = client.stt.create(file_id=file.id, config=config, client_reference_id="official-client")
    listed = [row.id for row in client.stt.list_all(limit=1)], [row.id for row in client.files.list_all(limit=1)]
    done = client.stt.wait(created.id, interval_sec=0.05, timeout_sec=60)
    if done.status != "completed":
        sys.exit(f"{done.error_type}: {done.error_message}")
    transcript = client.stt.get_transcript(created.id)
    client.stt.delete(created.id)
    client.files.delete(file.id)
    try:
        client.stt.get(created.id)
        sys.exit("the transcription is still there")
    except SonioxNotFoundError as error:
        gone = error.api_error.error_type
    json.dump(
        {
            "status": created.status,
            "listed": listed == ([created.id], [file.id]),
            "duration_ms": done.audio_duration_ms,
            "text": transcript.text,
            "tokens": [token.model_dump(exclude_none=True) for token in transcript.tokens],
            "gone": gone,
            "left": client.files.count().total + client.stt.count().total,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
