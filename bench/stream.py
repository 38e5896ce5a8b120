"""Streams raw 16 kHz mono s16le from standard input through the speech service's own client, until it ends."""

import argparse
import sys
import threading

from soniox import SonioxClient
from soniox.types import RealtimeSTTConfig

CHUNK = 3_200  # 100 ms


def chunks():
    while part := sys.stdin.buffer.read(CHUNK):
        yield part


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="WebSocket URL")
    parser.add_argument("--key", required=True, help="API key")
    options = parser.parse_args()
    client = SonioxClient(api_key=options.key, websocket_base_url=options.url)
    config = RealtimeSTTConfig(
        model="stt-rt-v6", audio_format="pcm_s16le", sample_rate=16_000, num_channels=1,
        enable_speaker_diarization=True, enable_language_identification=True)
    with client.realtime.stt.connect(config=config) as session:
        threading.Thread(target=session.send_bytes, args=(chunks(),), daemon=True).start()
        for event in session.receive_events():
            if event.error_code is not None:
                sys.exit(f"error {event.error_code}: {event.error_message}")
            text = "".join(token.text for token in event.tokens if token.is_final)
            if text:
                print(text, end="", flush=True)


if __name__ == "__main__":
    main()
