"""The stand-in cloud on this machine, as the guest reaches it: by name, over TLS, through QEMU's network."""
import functools
import http.server
import json
import pathlib
import select
import signal
import ssl
import subprocess
import threading
import time

from machine import LabError

#: What QEMU's user network calls this machine, and what the guest's hosts file calls that.
ADDRESS, NAME = "10.0.2.2", "cloud.test"
BEARER = "room-12-secret"


class Cloud:
    """`chalkbox-cloud serve` with a certificate of its own authority."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        self.control = directory / "cloud.sock"
        self.process = None
        self.authority = self.certificates()

    def certificates(self):
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.directory)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=Chalkbox lab authority",
                "-keyout", "ca.key", "-out", "ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={NAME}", "-keyout", "server.key",
                "-out", "server.csr")
        (self.directory / "names").write_text(f"subjectAltName=IP:{ADDRESS},DNS:{NAME}\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", 2, "-extfile", "names", "-out", "server.pem")
        return self.directory / "ca.pem"

    def start(self, port=0):
        ready = self.directory / "cloud.json"
        with open(self.directory / "cloud.out", "ab") as output:
            self.process = subprocess.Popen(
                [self.program, "serve", "--host", "127.0.0.1", "--port", str(port), "--bearer", BEARER,
                 "--log", self.directory / "cloud.log", "--ready-file", ready, "--control", self.control,
                 "--tls-certificate", self.directory / "server.pem", "--tls-key", self.directory / "server.key"],
                stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        end = time.monotonic() + 60
        while not ready.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise LabError(f"the stand-in cloud did not start:\n{(self.directory / 'cloud.out').read_text()}")
            select.select([], [], [], 0.05)
        addresses = json.loads(ready.read_text())
        self.port = addresses["port"]
        self.token_url = self.seen_by_guest(addresses["tokenURL"])
        self.web_socket_url = self.seen_by_guest(addresses["webSocketURL"])
        self.upload_url = self.seen_by_guest(addresses["uploadURL"])
        self.manifest_url = self.seen_by_guest(addresses["manifestURL"])

    def seen_by_guest(self, url):
        return url.replace("127.0.0.1", NAME)

    def command(self, *words):
        return subprocess.run([self.program, "control", "--socket", self.control, *words], check=True,
                              capture_output=True, text=True).stdout

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None


class FileServer:
    """A directory by https, with the cloud's certificate, while its block runs; the value is its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def __init__(self, cloud, directory):
        handler = functools.partial(self.Handler, directory=directory)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cloud.directory / "server.pem", cloud.directory / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"https://{ADDRESS}:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Script:
    """A lesson of tone-coded words: its samples, and the truth about them."""

    def __init__(self, program, directory, seconds, seed=1, speakers=2):
        self.seconds = seconds
        self.path = pathlib.Path(directory) / f"lesson-{seed}-{seconds}.raw"
        truth = self.path.with_suffix(".json")
        subprocess.run([program, "lesson", "--seconds", str(seconds), "--speakers", str(speakers), "--seed", str(seed),
                        "--output", self.path, "--truth", truth], check=True)
        self.samples = self.path.read_bytes()
        self.words = json.loads(truth.read_text())
        self.texts = [word["text"] for word in self.words]
        #: Where in the bytes the first sample lies that is not zero.
        self.first_sound = next(at for at in range(0, len(self.samples), 2) if self.samples[at:at + 2] != b"\0\0")

    def place_in(self, recorded):
        """Where it begins in a recording that has all of its samples, in samples."""
        place = recorded.find(self.samples[self.first_sound:][:3200]) - self.first_sound
        if place < 0 or place % 2 != 0:
            raise LabError("the beginning of the lesson was not found in the recording")
        if recorded[place:place + len(self.samples)] != self.samples:
            raise LabError("samples differ from the played ones")
        return place // 2
