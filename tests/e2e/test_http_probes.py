"""Handshakes and HTTP requests that no honest client sends, on raw sockets: at most one answer, and the server goes on."""
import contextlib
import json
import socket

import pytest

from server import READY_S

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
BASE = {"Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Protocol": "parley.v1.json"}


def handshake(line="GET /v1/ws HTTP/1.1", extra="", **changes):
    headers = {**BASE, **{name.replace("_", "-"): value for name, value in changes.items()}}
    lines = [line] + [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return ("\r\n".join(lines) + "\r\n" + extra + "\r\n").encode("latin-1")


HANDSHAKES = {
    "no version": handshake(Sec_WebSocket_Version=None),
    "version 12": handshake(Sec_WebSocket_Version="12"),
    "version 99": handshake(Sec_WebSocket_Version="99"),
    "no key": handshake(Sec_WebSocket_Key=None),
    "key of 3 bytes": handshake(Sec_WebSocket_Key="abc"),
    "key of 15 raw bytes": handshake(Sec_WebSocket_Key="AAAAAAAAAAAAAAAAAAAA"),
    "key of 200 bytes": handshake(Sec_WebSocket_Key="A" * 200),
    "POST": handshake("POST /v1/ws HTTP/1.1"),
    "HEAD": handshake("HEAD /v1/ws HTTP/1.1"),
    "HTTP/1.0": handshake("GET /v1/ws HTTP/1.0"),
    "HTTP/2.0": handshake("GET /v1/ws HTTP/2.0"),
    "another path": handshake("GET /v1/other HTTP/1.1"),
    "no host": handshake(Host=None),
    "empty host": handshake(Host=""),
    "two hosts": handshake(extra="Host: other\r\n"),
    "upgrade to h2c": handshake(Upgrade="h2c"),
    "upgrade to foo": handshake(Upgrade="foo"),
    "connection keep-alive": handshake(Connection="keep-alive"),
    "no subprotocol": handshake(Sec_WebSocket_Protocol=None),
    "unknown subprotocol": handshake(Sec_WebSocket_Protocol="chat"),
    "a body": handshake(extra="Content-Length: 5\r\n") + b"hello",
    "chunked": handshake(extra="Transfer-Encoding: chunked\r\n"),
}

LOGIN = json.dumps({"email": "nobody@example.com", "password": "wrong"}).encode()
HIDDEN = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"


def request(headers, body=LOGIN, line="POST /v1/login HTTP/1.1", length=True):
    size = f"Content-Length: {len(body)}\r\n" if length else ""
    return (f"{line}\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}{size}\r\n").encode("latin-1") + body


PREFIXES = ["A", "X", "O", "Co", "Cook", "X-F", "Content", "Content-L", "Tran", "Hos", "Orig", "Auth", "Sec-WebSocket", "If-", "Ac"]
REQUESTS = {
    **{f"length {value!r}": request(f"Content-Length: {value}\r\n", length=False)
       for value in ("+5", "-5", "0x5", "5_0", "5abc", "5, 5", "5, 6", "", "18446744073709551616")},
    "two lengths": request("Content-Length: 5\r\n"),
    "no length": request("", length=False),
    "length and chunked": request("Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    **{f"transfer {value!r}": request(f"Transfer-Encoding: {value}\r\n", b"0\r\n\r\n", length=False)
       for value in ("chunked", "Chunked", "xchunked", " chunked", "identity", "gzip, chunked", "chunked, chunked")},
    "obs-fold": request("Content-Length: 5\r\n 5\r\n", length=False),
    "no host": b"GET /v1/conversations HTTP/1.1\r\n\r\n",
    "HTTP/0.9": b"GET /v1/conversations\r\n\r\n",
    "CONNECT": b"CONNECT localhost:22 HTTP/1.1\r\nHost: localhost:22\r\n\r\n",
    "TRACE": b"TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "BREW": b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS hello": bytes.fromhex("16030100c8010000c40303") + bytes(190),
    "path of 16 KiB": b"GET /" + b"a" * 16384 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "header of 16 KiB": request("X-Long: " + "a" * 16384 + "\r\n"),
    "1,000 headers": request("".join(f"X-{n}: {n}\r\n" for n in range(1000))),
    "dots": b"GET /v1/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "escaped dots": b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "escaped NUL": b"GET /v1/%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "body over the limit": request("Content-Length: 300000\r\n", b"", length=False),
}


def exchange(server, data, timeout=READY_S):
    """All that the server answers until it closes; a server that waits for more is told that no more will come."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=timeout) as sock:
        answer = b""
        with contextlib.suppress(OSError):      # reset, or closed before we were
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while more := sock.recv(65536):
                answer += more
        return answer


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else None


def test_handshakes(shop):
    with shop.serve() as server:
        assert status(exchange(server, handshake())) == 101
        for name, data in HANDSHAKES.items():
            answer = exchange(server, data)
            assert status(answer) in (None, 400, 403, 404, 405, 411, 413, 426, 505), (name, answer[:200])
            assert answer.count(b"HTTP/1.1 ") <= 1, (name, answer)
        assert status(exchange(server, handshake())) == 101


def test_requests(shop):
    with shop.serve() as server:
        assert status(exchange(server, request(""))) == 401
        for name, data in REQUESTS.items():
            answer = exchange(server, data)
            assert status(answer) is None or status(answer) >= 400, (name, answer[:200])
            assert status(answer) != 401 and answer.count(b"HTTP/1.1 ") <= 1, (name, answer[:200])
        assert status(exchange(server, request(""))) == 401


@pytest.mark.parametrize("place", ["before the length", "before host", "last"])
def test_header_names_that_begin_like_known_ones_smuggle_nothing(shop, place):
    with shop.serve() as server:
        for prefix in PREFIXES:
            size = f"Content-Length: {len(HIDDEN)}\r\n"
            headers = {"before the length": f"Host: localhost\r\n{prefix}: x\r\n{size}",
                       "before host": f"{prefix}: x\r\nHost: localhost\r\n{size}",
                       "last": f"Host: localhost\r\n{size}{prefix}: x\r\n"}[place]
            answer = exchange(server, f"POST /v1/login HTTP/1.1\r\n{headers}\r\n".encode() + HIDDEN)
            assert answer.count(b"HTTP/1.1 ") <= 1 and status(answer) != 200, (prefix, answer[:300])
        assert status(exchange(server, request(""))) == 401


def test_pipelined_requests_get_one_answer(shop):
    with shop.serve() as server:
        assert exchange(server, request("") * 3).count(b"HTTP/1.1 ") == 1
        assert exchange(server, HIDDEN * 3).count(b"HTTP/1.1 ") <= 1


def test_every_answer_carries_the_headers_that_protect(shop):
    with shop.serve() as server:
        head = exchange(server, request("")).split(b"\r\n\r\n")[0].lower()
        for header in (b"x-content-type-options: nosniff", b"cache-control: no-store", b"connection: close"):
            assert header in head, head
        assert b"libwebsockets" not in head
