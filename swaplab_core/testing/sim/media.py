"""Speech, transcription and pictures: the smallest real files there are."""

from __future__ import annotations

import asyncio
import base64
import re
import struct
import time
import zlib

from aiohttp import web
from attrs import frozen

from swaplab_core.testing.sim.http import bad_request, engine_of, json_body, reply

SAMPLE_RATE = 8000
SECONDS_PER_WORD = 0.1
SAMPLE_BYTES = 4800
"""Of a word as bare samples: 16 bit at 24 kHz, as OpenAI's `pcm` is."""
VOICES = ("alloy", "echo")


@frozen
class Part:
    """One part of a multipart form; `filename` is None for a plain field."""

    name: str
    filename: str | None
    content: bytes


async def speech(request: web.Request) -> web.StreamResponse:
    """A tenth of a second of silence for each word, sent at the rate of tokens; 400 for any model but ours."""
    body, options = await json_body(request), engine_of(request).options
    if body.get("model") != options.model:
        raise bad_request(f"this engine speaks as {options.model!r}, not as {body.get('model')!r}")
    words = len(str(body.get("input", "")).split()) or 1
    is_bare = body.get("response_format") == "pcm"
    whole = b"\0" * (SAMPLE_BYTES * words) if is_bare else silence(SECONDS_PER_WORD * words)
    size = len(whole) // words + 1
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm" if is_bare else "audio/wav"})
    await response.prepare(request)
    for start in range(0, len(whole), size):
        await response.write(whole[start : start + size])
        if options.tokens_per_second:
            await asyncio.sleep(1 / options.tokens_per_second)
    return response


async def transcriptions(request: web.Request) -> web.Response:
    """What was received, as the transcript: model, file size, content type and length."""
    parts = {part.name: part for part in form_parts(await request.read(), request.headers.get("Content-Type", ""))}
    if "model" not in parts or "file" not in parts:
        raise bad_request("a transcription needs the form fields `model` and `file`")
    size = len(parts["file"].content)
    return reply(
        {
            "text": f"The length of the file is {size} bytes.",
            "model": parts["model"].content.decode(errors="replace"),
            "filename": parts["file"].filename,
            "content_type": request.headers.get("Content-Type"),
            "content_length": request.headers.get("Content-Length"),
        }
    )


async def voices(request: web.Request) -> web.Response:
    """The voices, and the model that was asked for."""
    return reply({"voices": list(VOICES), "model": request.query.get("model", engine_of(request).options.model)})


async def images(_request: web.Request) -> web.Response:
    """One white pixel, in OpenAI's shape; takes JSON and multipart."""
    return reply({"created": int(time.time()), "data": [{"b64_json": base64.b64encode(pixel()).decode()}]})


async def stable_diffusion(request: web.Request) -> web.Response:
    """One white pixel, in stable-diffusion's shape."""
    body = await json_body(request)
    picture = base64.b64encode(pixel()).decode()
    return reply({"images": [picture], "model": body.get("model"), "parameters": body, "info": "{}"})


async def loras(_request: web.Request) -> web.Response:
    """One adapter."""
    return reply([{"name": "ink", "path": "ink.safetensors"}])


async def task(request: web.Request) -> web.Response:
    """A task of an audio API: done, with the received body."""
    return reply({"status": "done", "received": await json_body(request)})


def form_parts(body: bytes, content_type: str) -> list[Part]:
    """Take a multipart form apart, byte for byte. Raises HTTPBadRequest when it is none."""
    boundary = re.search(r'multipart/form-data.*boundary="?([^";]+)', content_type)
    if not boundary:
        raise bad_request(f"multipart/form-data with a boundary expected, not {content_type!r}")
    sections = (b"\r\n" + body).split(b"\r\n--" + boundary[1].encode())
    return [_part(section) for section in sections[1:-1]]


def _part(section: bytes) -> Part:
    head, _, content = section.partition(b"\r\n\r\n")
    attributes = dict(re.findall(r'\b(name|filename)="([^"]*)"', head.decode(errors="replace")))
    return Part(attributes.get("name", ""), attributes.get("filename"), content)


def silence(seconds: float = 0.1) -> bytes:
    """A WAV file: 8 bit, one channel."""
    samples = b"\x80" * int(SAMPLE_RATE * seconds)
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE, 1, 8)
    content = b"WAVE" + layout + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(content)) + content


def pixel() -> bytes:
    """A PNG file: one white pixel."""
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\x00\xff")),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
