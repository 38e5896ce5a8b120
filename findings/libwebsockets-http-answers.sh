#!/usr/bin/env bash
# libwebsockets 4.1.6-3 (Debian 12): its HTTP client takes four answers that RFC 9110 and RFC 9112 allow for others.
#
# Seen, with a client that only prints what the callbacks say, and a server on loopback that sends fixed bytes:
#   100 or 103, then 200     status 100 (103); the real answer's head and body are the "body" (RFC 9110, 15.2: a client
#                            must be able to parse interim answers, and may ignore them)
#   a chunk with extensions  no body, closed without being completed (RFC 9112, 7.1.1: ignore what is unrecognised)
#   a chunked trailer        the body is there, but it is closed without being completed (RFC 9112, 7.1.2)
#   chunked without either, 204, a length: as they should be
# What follows for a recorder: an answer with a status below 200 says nothing about the server, and a body that ends
# without being completed is no answer: neither may end attempts for good.
#
# Needs apt, gcc, python3 and the network's Debian mirror as the system has it set; changes nothing outside its folder.
set -euo pipefail

version=4.1.6-3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -qq "libwebsockets17=$version" "libwebsockets-dev=$version" >/dev/null
for package in ./*.deb; do dpkg -x "$package" root; done
libraries=$(dirname "$(find root -name 'libwebsockets.so.17')")

cat >client.c <<'C'
#include <libwebsockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_over;

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    char buffer[LWS_PRE + 4096], *start = buffer + LWS_PRE;
    int room = sizeof(buffer) - LWS_PRE;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP: printf("status=%u ", lws_http_client_http_response(wsi)); break;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP: return lws_http_client_read(wsi, &start, &room) < 0 ? -1 : 0;
    case LWS_CALLBACK_RECEIVE_CLIENT_HTTP_READ: printf("body=%zu ", length); break;
    case LWS_CALLBACK_COMPLETED_CLIENT_HTTP: printf("completed "); is_over = 1; break;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: printf("error "); is_over = 1; break;
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP: printf("closed "); is_over = 1; break;
    default: break;
    }
    return 0;
}

int main(int argc, char **argv) {
    static const struct lws_protocols protocols[] = {{"http", on_event, 0, 0, 0, NULL, 0}, {0}};
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN, .protocols = protocols};
    struct lws_client_connect_info request = {
        .address = "127.0.0.1", .host = "127.0.0.1", .origin = "127.0.0.1", .path = "/", .method = "GET",
        .protocol = "http", .port = argc > 1 ? atoi(argv[1]) : 0};
    lws_set_log_level(0, NULL);
    request.context = lws_create_context(&info);
    lws_client_connect_via_info(&request);
    for (int turn = 0; turn < 50 && !is_over; turn++) lws_service(request.context, 0);
    lws_context_destroy(request.context);
    return 0;
}
C
gcc -Iroot/usr/include client.c -o client -L"$libraries" -l:libwebsockets.so.17

cat >server.py <<'PY'
import socket, subprocess, sys, threading

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CASES = [
    ("a length", LENGTH, "status=200 body=2 completed closed"),
    ("chunked", CHUNKED + b"2\r\nok\r\n0\r\n\r\n", "status=200 body=2 completed closed"),
    ("204", b"HTTP/1.1 204 No Content\r\n\r\n", "status=204 completed closed"),
    ("100 first", b"HTTP/1.1 100 Continue\r\n\r\n" + LENGTH, "status=100 body=40 completed closed"),
    ("103 first", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" + LENGTH,
     "status=103 body=40 completed closed"),
    ("a chunk's extension", CHUNKED + b"2;name=value\r\nok\r\n0\r\n\r\n", "status=200 closed"),
    ("a trailer", CHUNKED + b"2\r\nok\r\n0\r\nChecksum: 1\r\n\r\n", "status=200 body=2 closed"),
]


def serve(answer):
    listener = socket.create_server(("127.0.0.1", 0))

    def run():
        connection, _ = listener.accept()
        request = b""
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096)
        connection.sendall(answer)
        connection.settimeout(5)
        try:
            while connection.recv(4096):
                pass
        except OSError:
            pass
        connection.close()

    threading.Thread(target=run, daemon=True).start()
    return str(listener.getsockname()[1])


changed = 0
for name, answer, expected in CASES:
    seen = subprocess.run(["timeout", "20", "./client", serve(answer)], capture_output=True, text=True).stdout.strip()
    print(f"{'as described' if seen == expected else 'CHANGED':13} {name}: {seen}")
    changed += seen != expected
sys.exit(1 if changed else 0)
PY
LD_LIBRARY_PATH=$libraries python3 server.py
