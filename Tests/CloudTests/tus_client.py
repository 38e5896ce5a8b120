"""Uploads a file through the tuspy client, cut connections or not, and prints the upload's URL."""

import argparse

from tusclient import client


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--url", required=True, help="where uploads are created")
    parser.add_argument("--bearer", required=True, help="secret of the upload server")
    parser.add_argument("--object", required=True, help="BUCKET/NAME")
    parser.add_argument("--chunk", type=int, required=True, help="bytes a request")
    parser.add_argument("--checksum", action="store_true", help="with Upload-Checksum")
    options = parser.parse_args()

    bucket, name = options.object.split("/", 1)
    uploader = client.TusClient(options.url, headers={"Authorization": f"Bearer {options.bearer}"}).uploader(
        options.file,
        chunk_size=options.chunk,
        metadata={"bucketName": bucket, "objectName": name, "contentType": "audio/flac"},
        retries=50,
        retry_delay=0,
        upload_checksum=options.checksum,
    )
    uploader.upload()
    print(uploader.url)


if __name__ == "__main__":
    main()
