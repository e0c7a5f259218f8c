"""Speech, transcription and pictures: the smallest real files there are."""

from __future__ import annotations

import asyncio
import base64
import struct
import time
import zlib

from aiohttp import web

from swaplab_core.testing.sim.form import Part, form_parts
from swaplab_core.testing.sim.http import bad_request, engine_of, json_body, reply

SAMPLE_RATE = 8000
SECONDS_PER_WORD = 0.1
SAMPLE_BYTES = 4800
"""Of a word as bare samples: 16 bit at 24 kHz, as OpenAI's `pcm` is."""
VOICES = ("alloy", "echo")
MP3_FRAME = b"\xff\xfb\x14\xc0" + bytes(92)
"""A whole frame of MPEG-1 layer III: 32 kbit/s, 48 kHz, one channel; zeros mean silence, 24 ms of it."""
MP3_FRAMES_PER_WORD = 4


async def speech(request: web.Request) -> web.StreamResponse:
    """A tenth of a second of silence for each word, sent at the rate of tokens; 400 for any model but ours."""
    body, options = await json_body(request), engine_of(request).options
    if body.get("model") != options.model:
        raise bad_request(f"this engine speaks as {options.model!r}, not as {body.get('model')!r}")
    words = len(str(body.get("input", "")).split()) or 1
    kind, whole = sound(str(body.get("response_format", "wav")), words)
    size = len(whole) // words + 1
    response = web.StreamResponse(headers={"Content-Type": kind})
    await response.prepare(request)
    for start in range(0, len(whole), size):
        await response.write(whole[start : start + size])
        if options.tokens_per_second:
            await asyncio.sleep(1 / options.tokens_per_second)
    return response


def sound(wanted: str, words: int) -> tuple[str, bytes]:
    """Content type and bytes of so many words: bare samples, mp3, or else WAV."""
    match wanted:
        case "pcm":
            return "audio/pcm", b"\0" * (SAMPLE_BYTES * words)
        case "mp3":
            return "audio/mpeg", MP3_FRAME * MP3_FRAMES_PER_WORD * words
        case _:
            return "audio/wav", silence(SECONDS_PER_WORD * words)


async def transcriptions(request: web.Request) -> web.Response:
    """What was received, as the transcript: model, file size, content type and length."""
    parts = {part.name: part for part in received_form(await request.read(), request.headers.get("Content-Type", ""))}
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


def received_form(body: bytes, content_type: str) -> list[Part]:
    """Take a multipart form apart. Raises HTTPBadRequest when it is none."""
    try:
        return form_parts(body, content_type)
    except ValueError as error:
        raise bad_request(str(error)) from None


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
