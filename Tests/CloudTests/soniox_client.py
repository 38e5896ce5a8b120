"""Streams a recording through the official soniox client and prints the final transcript as JSON tokens."""

import argparse
import json
import ssl
import sys
import threading
import time
import urllib.request
import wave

from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig


def audio(path):
    if not path.endswith(".wav"):
        with open(path, "rb") as file:
            return file.read()
    with wave.open(path, "rb") as file:
        shape = (file.getframerate(), file.getnchannels(), file.getsampwidth())
        if shape != (16000, 1, 2):
            sys.exit(f"{path}: not 16 kHz mono 16-bit but {shape}")
        return file.readframes(file.getnframes())


def paced(data, chunk_ms, speed):
    size = 32 * chunk_ms
    started = time.monotonic()
    for number, offset in enumerate(range(0, len(data), size)):
        late = started + number * chunk_ms / 1000 / speed - time.monotonic()
        if late > 0:
            time.sleep(late)
        yield data[offset : offset + size]


def fetch_key(url, bearer):
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    request = urllib.request.Request(url, method="POST", headers=headers)
    with urllib.request.urlopen(request, context=ssl.create_default_context()) as answer:
        return json.load(answer)["apiKey"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="16 kHz mono 16-bit: .wav or raw")
    parser.add_argument("--url", required=True, help="WebSocket URL")
    key = parser.add_mutually_exclusive_group(required=True)
    key.add_argument("--key", help="API key")
    key.add_argument("--token-url", help="where to POST for a key")
    parser.add_argument("--bearer", help="secret of the token endpoint")
    parser.add_argument("--speed", type=float, default=1.0, help="factor of real time")
    parser.add_argument("--chunk-ms", type=int, default=100)
    options = parser.parse_args()

    client = SonioxClient(
        api_key=options.key or fetch_key(options.token_url, options.bearer), websocket_base_url=options.url
    )
    config = RealtimeSTTConfig(
        model="stt-rt-v6",
        audio_format="pcm_s16le",
        sample_rate=16000,
        num_channels=1,
        enable_speaker_diarization=True,
        enable_language_identification=True,
        client_reference_id="official-client",
    )
    tokens = []
    finished = False
    with client.realtime.stt.connect(config=config) as session:
        chunks = paced(audio(options.file), options.chunk_ms, options.speed)
        sender = threading.Thread(target=session.send_bytes, args=(chunks,), daemon=True)
        sender.start()
        for event in session.receive_events():
            if event.error_code is not None:
                sys.exit(f"error {event.error_code}: {event.error_message}")
            tokens += [token for token in event.tokens if token.is_final]
            finished = finished or event.finished
        sender.join()
    if not finished:
        sys.exit("the connection closed before the service said it had finished")
    json.dump([token.model_dump(exclude_none=True) for token in tokens], sys.stdout)


if __name__ == "__main__":
    main()
