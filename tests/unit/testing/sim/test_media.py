from __future__ import annotations

import io
import wave

import pytest
from aiohttp import web

from swaplab_core.testing.sim.form import Part, form_parts
from swaplab_core.testing.sim.media import pixel, received_form, silence

FORM = (
    b'--X\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n'
    b'--X\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    b"\r\n\x00--Y\r\n\r\n--X--\r\n"
)  # fmt: skip


def test_a_form_is_taken_apart_byte_for_byte():
    assert form_parts(FORM, 'multipart/form-data; boundary="X"') == [
        Part("model", None, b"whisper"),
        Part("file", "a.wav", b"\r\n\x00--Y\r\n"),
    ]


def test_what_is_no_form_is_a_bad_request():
    with pytest.raises(web.HTTPBadRequest):
        received_form(b"{}", "application/json")


def test_silence_is_a_wav_file():
    with wave.open(io.BytesIO(silence(0.5))) as audio:
        assert (audio.getnchannels(), audio.getframerate(), audio.getnframes()) == (1, 8000, 4000)


def test_the_pixel_is_a_png_of_one_by_one():
    assert pixel().startswith(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1")
