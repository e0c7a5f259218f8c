"""Multipart forms: kept whole on the way through, in memory while small and in a temporary file when large.

The form is written down part by part as it is parsed (same boundary, same parts and part headers, in order), with the
place of the `model` field noted, so that another name can be put there without touching the files around it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from email.message import Message
from typing import IO

from aiohttp import web
from attrs import define, field
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser

from swaplab_core.domain.errors import InvalidRequest, TooLarge

IN_MEMORY_BYTES = 32 * 2**20
LARGEST_FORM_BYTES = 4 * 2**30
FIELD_BYTES = 4096
CHUNK_BYTES = 256 * 1024


@define(eq=False)
class Form:
    """One received form. `close` gives back the temporary file."""

    boundary: bytes
    model: str = ""
    streaming: bool = False
    _spool: IO[bytes] = field(factory=lambda: tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES))  # noqa: SIM115 - closed by close()
    _span: tuple[int, int] = (0, 0)

    def size(self, model: str | None) -> int:
        """Bytes of `content`."""
        end = self._spool.seek(0, 2)
        return end if model is None else end - (self._span[1] - self._span[0]) + len(model.encode())

    async def content(self, model: str | None) -> AsyncIterator[bytes]:
        """The form, with another `model` unless None."""
        begin, end = self._span
        if model is None:
            begin = end = 0
        pieces = _Pieces(self._spool, 0, begin)
        while piece := await asyncio.to_thread(pieces.next):  # large forms are on disk
            yield piece
        if model is not None:
            yield model.encode()
        pieces = _Pieces(self._spool, end, self._spool.seek(0, 2))
        while piece := await asyncio.to_thread(pieces.next):
            yield piece

    def close(self) -> None:
        """Delete the temporary file."""
        self._spool.close()

    def write(self, data: bytes) -> int:
        """Append; answers the offset behind it."""
        self._spool.write(data)
        return self._spool.tell()

    def note_field(self, name: str, value: bytes, span: tuple[int, int]) -> None:
        """Look at a small field that may matter."""
        text = value.decode("utf-8", "replace").strip()
        if name == "model":
            self.model, self._span = text, span
        elif name == "stream":
            self.streaming = text == "true"


@define
class _Pieces:
    """A part of a file, read in chunks: blocking, so in a thread."""

    file: IO[bytes]
    position: int
    stop: int

    def next(self) -> bytes:
        """The next chunk, b"" behind the last."""
        self.file.seek(self.position)
        data = self.file.read(min(CHUNK_BYTES, self.stop - self.position))
        self.position += len(data)
        return data


async def read_form(request: web.Request) -> Form:
    """Read a whole multipart body. Raises InvalidRequest when it is malformed, TooLarge past 4 GiB."""
    form = Form(_boundary(request.headers.get("Content-Type", "")))
    writer = _Writer(form)
    parser = MultipartParser(form.boundary, writer.callbacks())  # type: ignore[arg-type]  # a TypedDict
    received = 0
    try:
        async for chunk in request.content.iter_chunked(CHUNK_BYTES):
            received += len(chunk)
            if received > LARGEST_FORM_BYTES:
                raise TooLarge(f"the form is larger than {LARGEST_FORM_BYTES // 2**30} GiB")
            if received > IN_MEMORY_BYTES:
                await asyncio.to_thread(parser.write, chunk)  # it goes to disk
            else:
                parser.write(chunk)
        parser.finalize()
        if not writer.ended:
            raise InvalidRequest("the multipart form is cut off before its end")
    except MultipartParseError as error:
        form.close()
        raise InvalidRequest(f"the multipart form is malformed: {error}") from None
    except BaseException:
        form.close()
        raise
    return form


def _boundary(content_type: str) -> bytes:
    message = Message()
    message["Content-Type"] = content_type
    boundary = message.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise InvalidRequest("the multipart form names no boundary in its Content-Type")
    return boundary.encode("latin-1", "replace")


@define(eq=False)
class _Writer:
    """Writes down what the parser sees."""

    form: Form
    ended: bool = False
    _header: bytes = b""
    _value: bytes = b""
    _name: str = ""
    _field: bytes | None = None
    _began: int = 0

    def callbacks(self) -> dict[str, object]:
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self.form.write(b"--" + self.form.boundary + b"\r\n")
        self._name, self._field = "", None

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self.form.write(self._header + b": " + self._value + b"\r\n")
        if self._header.lower() == b"content-disposition":
            message = Message()
            message["Content-Disposition"] = self._value.decode("utf-8", "replace")
            name = message.get_param("name", header="content-disposition")
            is_file = message.get_param("filename", header="content-disposition") is not None
            if isinstance(name, str) and not is_file:
                self._name, self._field = name, b""
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        self._began = self.form.write(b"\r\n")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self.form.write(data[start:end])
        if self._field is not None and len(self._field) < FIELD_BYTES:
            self._field += data[start:end]

    def _part_end(self) -> None:
        end = self.form.write(b"")
        if self._field is not None:
            self.form.note_field(self._name, self._field, (self._began, end))
        self.form.write(b"\r\n")

    def _end(self) -> None:
        self.form.write(b"--" + self.form.boundary + b"--\r\n")
        self.ended = True
