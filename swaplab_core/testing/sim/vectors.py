"""Embeddings, reranking, tokens: deterministic, and plausible enough to compare."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from swaplab_core.testing.sim.dialects import Json
from swaplab_core.testing.sim.generation import count_tokens
from swaplab_core.testing.sim.http import bad_request, engine_of, json_body, reply

DIMENSIONS = 16


async def embeddings(request: web.Request) -> web.Response:
    """A unit vector for each input; the same input gives the same vector."""
    body = await json_body(request)
    encodes = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector) if encodes else vector}
        for index, vector in enumerate(map(embed, _inputs(body.get("input", ""))))
    ]
    tokens = count_tokens(body)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return reply({"object": "list", "model": _model(request, body), "data": data, "usage": usage})


async def rerank(request: web.Request) -> web.Response:
    """Documents by the share of the query's words they hold, best first; `top_n` cuts the list."""
    body = await json_body(request)
    query, documents = body.get("query"), body.get("documents")
    if not isinstance(query, str) or not isinstance(documents, list):
        raise bad_request("a rerank request needs `query`, a text, and `documents`, a list")
    scores = [relevance(query, document) for document in documents]
    best = sorted(range(len(documents)), key=lambda index: -scores[index])[: body.get("top_n")]
    results = [{"index": index, "relevance_score": scores[index]} for index in best]
    tokens = count_tokens({"prompt": [query, *documents]})
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return reply({"object": "list", "model": _model(request, body), "results": results, "usage": usage})


async def tokenize(request: web.Request) -> web.Response:
    """A token a byte, as our tiny GGUF; llama.cpp sends `content`, vLLM `prompt`."""
    body = await json_body(request)
    tokens = list(str(body.get("content", body.get("prompt", ""))).encode())
    return reply({"tokens": tokens, "count": len(tokens), "max_model_len": engine_of(request).options.context})


async def detokenize(request: web.Request) -> web.Response:
    """The reverse of `tokenize`."""
    tokens = (await json_body(request)).get("tokens", [])
    try:
        text = bytes(tokens).decode(errors="replace")
    except (TypeError, ValueError) as error:
        raise bad_request("`tokens` must be numbers from 0 to 255: this engine's tokens are bytes") from error
    return reply({"content": text, "prompt": text})


async def count_message_tokens(request: web.Request) -> web.Response:
    """Anthropic's count: a word a token."""
    return reply({"input_tokens": count_tokens(await json_body(request))})


def embed(value: Any) -> list[float]:
    """A unit vector that depends on the input and nothing else."""
    digest = hashlib.sha512(str(value).encode(errors="replace")).digest()
    numbers = [number / 2**31 for number in struct.unpack(f"<{DIMENSIONS}i", digest)]
    length = math.sqrt(sum(number * number for number in numbers))
    return [number / length for number in numbers]


def relevance(query: str, document: Any) -> float:
    """Which part of the query's words the document holds, 0 to 1."""
    text = document.get("text", "") if isinstance(document, dict) else document
    wanted = set(query.lower().split())
    return len(wanted & set(str(text).lower().split())) / max(1, len(wanted))


def _inputs(value: Any) -> Sequence[Any]:
    """One text, one list of token numbers, or a list of either."""
    is_many = isinstance(value, list) and not all(isinstance(item, int) for item in value)
    return value if is_many else [value]


def _encoded(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def _model(request: web.Request, body: Json) -> str:
    return str(body.get("model") or engine_of(request).options.model)
