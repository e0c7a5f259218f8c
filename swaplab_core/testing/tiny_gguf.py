"""Write a GGUF model of half a megabyte that a real llama-server loads at once and that says exactly one text.

It is a true `llama` model with a byte-level vocabulary, only its weights are a table instead of training:

- token embeddings are the identity, so the state after a token *is* that token;
- attention and feed-forward weights are zero, so the one layer passes the state through;
- the output matrix holds one entry per token: after this one, say that one.

The text is cut into pieces, each a token of its own that no prompt can produce. After whatever the prompt ends with
comes the first piece, after a piece the next, after the last the end-of-turn token (or the first piece again: endless).
A prompt is one token per byte, so give llama-server a context of some thousand.

Needs only the standard library: `python -m swaplab_core.testing.tiny_gguf OUT.gguf --say 'Hello.'`
"""

from __future__ import annotations

import argparse
import math
import re
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

DEFAULT_SAY = "Hello from a tiny model that fits in half a megabyte and always says the same thing."
DEFAULT_NAME = "swaplab-tiny"

START, END = "<|im_start|>", "<|im_end|>"
SPECIALS = ("<unk>", START, END)
UNKNOWN_ID, START_ID, END_ID = range(len(SPECIALS))

CERTAIN, SECOND_CHOICE = 40.0, 20.0
"""Logits: so far above 0 that the text comes out at any usual temperature; the second choice serves `ignore_eos`."""

HEAD_SIZE = 32
ALIGNMENT = 32

PLAIN_TEMPLATE = (
    "{% for message in messages %}"
    f"{{{{ '{START}' + message['role'] + '\\n' + message['content'] + '{END}\\n' }}}}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{{{{ '{START}assistant\\n' }}}}{{% endif %}}"
)

RICH_TEMPLATE = """\
{%- if tools %}
    {{- '<|im_start|>system\\nFunctions you may call:\\n<tools>\\n' }}
    {%- for tool in tools %}{{- tool | tojson }}{{- '\\n' }}{%- endfor %}
    {{- '</tools>\\nCall one with:\\n<tool_call>\\n{"name": "...", "arguments": {}}\\n</tool_call><|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if message.role == 'assistant' %}
        {{- '<|im_start|>assistant\\n' }}
        {%- if message.reasoning_content %}
            {{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}
        {%- endif %}
        {%- if message.content %}{{- message.content }}{%- endif %}
        {%- for call in message.tool_calls or [] %}
            {{- '<tool_call>\\n{"name": "' + call.function.name + '", "arguments": ' }}
            {%- if call.function.arguments is string %}
                {{- call.function.arguments }}
            {%- else %}
                {{- call.function.arguments | tojson }}
            {%- endif %}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}
"""
"""llama-server learns from its chat template how to cut reasoning and tool calls out of the text."""


def write_tiny_gguf(
    path: Path, *, say: str, endless: bool = False, rich: bool = False, name: str = DEFAULT_NAME, context: int = 8192
) -> None:
    """Write the model to `path`; see `tiny_gguf_bytes`."""
    path.write_bytes(tiny_gguf_bytes(say=say, endless=endless, rich=rich, name=name, context=context))


def tiny_gguf_bytes(
    *, say: str, endless: bool = False, rich: bool = False, name: str = DEFAULT_NAME, context: int = 8192
) -> bytes:
    """Return a GGUF file whose model answers any chat with `say`.

    `endless` repeats the text until the client stops. `rich` gives a chat template with tools
    and thinking: then `<think>…</think>` in `say` comes out as reasoning_content, and
    `<tool_call>\\n{"name": …, "arguments": …}\\n</tool_call>` as tool_calls. `context` is the trained context.
    Raises ValueError for a text that cannot be said: one with a special token in it, or an endless silence.
    """
    pieces = cut(say)
    if endless and not pieces:
        raise ValueError("an endless model needs some text to say")
    tokens = _vocabulary(pieces)
    numbers = {token.text: number for number, token in enumerate(tokens)}
    chain = [numbers[_printable(piece)] for piece in pieces]
    metadata = _metadata(tokens, RICH_TEMPLATE if rich else PLAIN_TEMPLATE, name, context)
    return _file(metadata, _tensors(len(tokens), _logits(chain, len(tokens), endless=endless)))


def cut(text: str) -> list[str]:
    """Cut a text into pieces that are all different and longer than one byte (prompts are made of single bytes).

    A text of one single byte is its own piece. Raises ValueError when the text holds a special token.
    """
    for special in SPECIALS:
        if special in text:
            raise ValueError(f"the text to say must not hold {special}: it is a special token of the model")
    pieces: list[str] = []
    rest = ""
    for word in re.findall(r"\s*\S+|\s+$", text):
        rest += word
        if len(rest.encode()) > 1 and rest not in pieces:
            pieces.append(rest)
            rest = ""
    while rest:  # a repeated last word: lengthen the piece before it until it is new
        rest = (pieces.pop() if pieces else "") + rest
        if rest not in pieces:
            pieces.append(rest)
            rest = ""
    return pieces


def _byte_table() -> str:
    """Return the printable stand-in of each byte, as the gpt2 tokenizer writes them: itself, or one above U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    stand_ins = iter(range(0x100, 0x200))
    return "".join(chr(byte if byte in printable else next(stand_ins)) for byte in range(256))


BYTE_TABLE = _byte_table()


def _printable(text: str) -> str:
    return "".join(BYTE_TABLE[byte] for byte in text.encode())


class Token(NamedTuple):
    """One entry of the vocabulary; `kind` is llama.cpp's: 1 normal, 2 unknown, 3 control, 5 unused."""

    text: str
    kind: int


def _vocabulary(pieces: Sequence[str]) -> list[Token]:
    """Special tokens, the 256 bytes, the pieces, and padding to whole rows."""
    tokens = [Token("<unk>", 2), Token(START, 3), Token(END, 3)]
    tokens += [Token(stand_in, 1) for stand_in in BYTE_TABLE]
    tokens += [Token(text, 1) for text in map(_printable, pieces) if text not in set(BYTE_TABLE)]
    return tokens + [Token(f"<padding {number}>", 5) for number in range(-len(tokens) % ALIGNMENT)]


def _logits(chain: Sequence[int], vocabulary_size: int, *, endless: bool) -> dict[tuple[int, int], float]:
    """Map (next token, present token) to its logit; all others are 0."""
    script = [*chain, END_ID]
    follower = dict.fromkeys(range(vocabulary_size), script[0])
    follower.update(zip(chain, script[1:], strict=True))
    if endless:
        follower[chain[-1]] = chain[0]
    logits = {(chain[0], chain[-1]): SECOND_CHOICE} if chain else {}
    return logits | {(following, present): CERTAIN for present, following in follower.items()}


class Tensor(NamedTuple):
    """One tensor, rows first; `kind` is GGUF's: 0 float32, 1 float16."""

    name: str
    shape: tuple[int, ...]
    kind: int
    content: bytes


def _tensors(size: int, logits: Mapping[tuple[int, int], float]) -> list[Tensor]:
    """All weights of the one-layer model; `size` is both the vocabulary's and the state's."""
    # The last norm turns a one-hot state into sqrt(size) at the same place.
    output = {place: logit / math.sqrt(size) for place, logit in logits.items()}
    return [
        _matrix("token_embd.weight", (size, size), {(token, token): 1.0 for token in range(size)}),
        _ones("output_norm.weight", size),
        _matrix("output.weight", (size, size), output),
        _ones("blk.0.attn_norm.weight", size),
        _matrix("blk.0.attn_q.weight", (HEAD_SIZE, size)),
        _matrix("blk.0.attn_k.weight", (HEAD_SIZE, size)),
        _matrix("blk.0.attn_v.weight", (HEAD_SIZE, size)),
        _matrix("blk.0.attn_output.weight", (size, HEAD_SIZE)),
        _ones("blk.0.ffn_norm.weight", size),
        _matrix("blk.0.ffn_gate.weight", (HEAD_SIZE, size)),
        _matrix("blk.0.ffn_up.weight", (HEAD_SIZE, size)),
        _matrix("blk.0.ffn_down.weight", (size, HEAD_SIZE)),
    ]


def _matrix(name: str, shape: tuple[int, int], entries: Mapping[tuple[int, int], float] | None = None) -> Tensor:
    rows, columns = shape
    content = bytearray(2 * rows * columns)
    for (row, column), value in (entries or {}).items():
        struct.pack_into("<e", content, 2 * (row * columns + column), value)
    return Tensor(name, shape, 1, bytes(content))


def _ones(name: str, length: int) -> Tensor:
    return Tensor(name, (length,), 0, struct.pack("<f", 1.0) * length)


def _metadata(tokens: Sequence[Token], template: str, name: str, context: int) -> dict[str, bytes]:
    return {
        "general.architecture": _text("llama"),
        "general.type": _text("model"),
        "general.name": _text(name),
        "general.license": _text("CC0-1.0"),
        "general.file_type": _unsigned(1),
        "llama.block_count": _unsigned(1),
        "llama.context_length": _unsigned(context),
        "llama.embedding_length": _unsigned(len(tokens)),
        "llama.feed_forward_length": _unsigned(HEAD_SIZE),
        "llama.attention.head_count": _unsigned(1),
        "llama.attention.head_count_kv": _unsigned(1),
        "llama.attention.key_length": _unsigned(HEAD_SIZE),
        "llama.attention.value_length": _unsigned(HEAD_SIZE),
        "llama.attention.layer_norm_rms_epsilon": _float(1e-6),
        "llama.rope.dimension_count": _unsigned(HEAD_SIZE),
        "llama.rope.freq_base": _float(10000.0),
        "llama.vocab_size": _unsigned(len(tokens)),
        "tokenizer.ggml.model": _text("gpt2"),
        "tokenizer.ggml.pre": _text("gpt-2"),
        "tokenizer.ggml.tokens": _texts([token.text for token in tokens]),
        "tokenizer.ggml.token_type": _integers([token.kind for token in tokens]),
        "tokenizer.ggml.merges": _texts(()),
        "tokenizer.ggml.bos_token_id": _unsigned(START_ID),
        "tokenizer.ggml.eos_token_id": _unsigned(END_ID),
        "tokenizer.ggml.unknown_token_id": _unsigned(UNKNOWN_ID),
        "tokenizer.ggml.padding_token_id": _unsigned(END_ID),
        "tokenizer.ggml.add_bos_token": _boolean(False),
        "tokenizer.chat_template": _text(template),
    }


def _file(metadata: Mapping[str, bytes], tensors: Sequence[Tensor]) -> bytes:
    """Lay out GGUF version 3: header, metadata, tensor directory, aligned tensor data."""
    head = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        head += _string(key) + value
    data = bytearray()
    for tensor in tensors:
        sizes = tuple(reversed(tensor.shape))  # GGUF counts columns first
        head += _string(tensor.name) + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        head += struct.pack("<IQ", tensor.kind, len(data))
        data += _aligned(tensor.content)
    return _aligned(head) + bytes(data)


def _aligned(content: bytes | bytearray) -> bytes:
    return bytes(content) + bytes(-len(content) % ALIGNMENT)


def _string(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _unsigned(value: int) -> bytes:
    return struct.pack("<II", 4, value)


def _float(value: float) -> bytes:
    return struct.pack("<If", 6, value)


def _boolean(value: bool) -> bytes:
    return struct.pack("<I?", 7, value)


def _text(value: str) -> bytes:
    return struct.pack("<I", 8) + _string(value)


def _texts(values: Sequence[str]) -> bytes:
    return struct.pack("<IIQ", 9, 8, len(values)) + b"".join(map(_string, values))


def _integers(values: Sequence[int]) -> bytes:
    return struct.pack(f"<IIQ{len(values)}i", 9, 5, len(values), *values)


def main(arguments: Iterable[str] | None = None) -> None:
    """Write a model from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m swaplab_core.testing.tiny_gguf",
        description="Write a tiny GGUF model that a real llama-server loads and that says exactly one text.",
    )
    parser.add_argument("path", metavar="OUT", type=Path, help="the file to write")
    parser.add_argument("--say", default=DEFAULT_SAY, help="what it answers")
    parser.add_argument("--endless", action="store_true", help="repeat the text until the client stops")
    parser.add_argument("--rich", action="store_true", help="chat template with tools and thinking")
    parser.add_argument("--name", default=DEFAULT_NAME, help="the model's name in its metadata")
    parser.add_argument("--context", type=int, default=8192, metavar="TOKENS", help="trained context length")
    options = parser.parse_args(None if arguments is None else list(arguments))
    path: Path = options.path
    try:
        write_tiny_gguf(
            path,
            say=options.say,
            endless=options.endless,
            rich=options.rich,
            name=options.name,
            context=options.context,
        )
    except (ValueError, OSError) as error:
        parser.error(str(error))
    sys.stdout.write(f"{path}: {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
