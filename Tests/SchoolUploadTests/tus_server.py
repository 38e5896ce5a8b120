"""An independent tus server on a loopback port: tus_server.py DIRECTORY. Prints the port when it listens."""

import socket
import sys

import uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router

listener = socket.create_server(("127.0.0.1", 0))
app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir=sys.argv[1]))
server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
print(listener.getsockname()[1], flush=True)
server.run(sockets=[listener])
