"""The lab's hands in the guest: takes requests, one JSON object a line, from a virtio port, and answers there.

    {"id": 1, "do": "run", "script": "…"}       lines of output as they come, {"id": 1, "line": "…"}, then the exit code
    {"id": 2, "do": "python", "source": "…", "arguments": {…}}   calls its `main(**arguments)`; its value is the answer
    {"id": 3, "do": "put", "path": "…", "data": "base64", "mode": 420}
    {"id": 4, "do": "get", "path": "…"}
    {"id": 5, "do": "kill", "of": 1}            ends a command that runs

The last answer to a request holds "done".
"""
import base64
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import traceback

PORT = "/dev/virtio-ports/chalkbox.lab"
writing = threading.Lock()
processes = {}


def answer(port, number, **fields):
    line = memoryview(json.dumps({"id": number, **fields}).encode() + b"\n")
    with writing:
        while line:
            line = line[os.write(port, line):]


def run(port, request):
    process = subprocess.Popen(
        ["/bin/bash", "-c", request["script"]], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True)
    processes[request["id"]] = process
    for line in process.stdout:
        answer(port, request["id"], line=line.decode(errors="replace").rstrip("\n"))
    del processes[request["id"]]
    return process.wait()


def python(request):
    scope = {"__name__": "lab"}
    exec(compile(request["source"], "lab", "exec"), scope)
    return scope["main"](**request.get("arguments", {}))


def put(request):
    path = pathlib.Path(request["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(base64.b64decode(request["data"]))
    path.chmod(request.get("mode", 0o644))


def kill(request):
    process = processes.get(request["of"])
    if process:
        os.killpg(process.pid, signal.SIGTERM)


def serve(port, request):
    try:
        match request["do"]:
            case "run":
                value = run(port, request)
            case "python":
                value = python(request)
            case "put":
                value = put(request)
            case "get":
                value = base64.b64encode(pathlib.Path(request["path"]).read_bytes()).decode()
            case "kill":
                value = kill(request)
        answer(port, request["id"], done=value)
    except Exception:
        answer(port, request["id"], done=None, error=traceback.format_exc())


def main():
    while not os.path.exists(PORT):
        time.sleep(0.02)
    port = os.open(PORT, os.O_RDWR)
    # What the machine was saying when it was started anew ends here.
    os.write(port, b"\n")
    answer(port, 0, hello=time.monotonic())
    pending = []
    while True:
        part = os.read(port, 1 << 16)
        if not part:
            time.sleep(0.05)  # nobody has the other end
            continue
        pending.append(part)
        if b"\n" not in part:
            continue  # a file comes in thousands of parts: they are joined once
        *lines, rest = b"".join(pending).split(b"\n")
        pending = [rest]
        for line in lines:
            threading.Thread(target=serve, args=(port, json.loads(line)), daemon=True).start()


main()
