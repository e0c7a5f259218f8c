"""Answers as engines send them, in the pieces in which they come: whole ones, broken ones, and what is none."""

from __future__ import annotations

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

WHOLE = {
    "a length": (HEAD + b"Content-Length: 5\r\n\r\n", b"hel", b"lo"),
    "chunks": (CHUNKED + b"3\r\nhel\r\n", b"2\r\nlo\r\n", b"0\r\n\r\n"),
    "chunks cut anywhere": (CHUNKED[:-1], b"\n3", b"\r", b"\nh", b"el\r\n2\r\nlo\r\n0\r", b"\n\r\n"),
    "chunks with extensions": (CHUNKED + b"5;name=value;x\r\nhello\r\n0;last\r\n\r\n",),
    "chunks with trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",),
    "an end by closing": (HEAD + b"\r\n", b"hel", b"lo"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello",),
    "interim answers before it": (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD,
        b"Content-Length: 5\r\n\r\nhello",
    ),
}

BROKEN = {
    "a length not reached": HEAD + b"Content-Length: 50\r\n\r\nhello",
    "no last chunk": CHUNKED + b"5\r\nhello\r\n",
    "half a chunk": CHUNKED + b"50\r\nhello",
    "an end without its last line": CHUNKED + b"5\r\nhello\r\n0\r\n",
    "a size that is none": CHUNKED + b"5\r\nhello\r\nfive\r\nhello\r\n0\r\n\r\n",
    "a chunk longer than it says": CHUNKED + b"2\r\nhello\r\n0\r\n\r\n",
    "trailers without end": CHUNKED + b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 100_000,
}

WRONG = {
    "nothing": b"",
    "half a head": HEAD + b"Content-Le",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00" * 10,
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "headers without end": HEAD + b"X: " + b"x" * 200_000,
    "a length that is no number": HEAD + b"Content-Length: two\r\n\r\nOK",
    "a negative length": HEAD + b"Content-Length: -2\r\n\r\nOK",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nOK123",
    "a name with a space": HEAD + b"Content-Length : 2\r\n\r\nOK",
    "a NUL in a value": HEAD + b"X: a\0b\r\nContent-Length: 2\r\n\r\nOK",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
}
