"""One daemon for all tests of waiting clients: they wait long enough. Every test has its own models."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import pytest
import raw_upstream
from running_swaplab import Swaplab, chat_body, command, running_swaplab, sim

SAYS = "This is what the model says."
FOREVER = ("--tokens", "1000000", "--tokens-per-second", "20")
RAW_EVENTS = 'data: {"a":  1}\r\n\r\n: its own\n\nevent: x\ndata:no space ü\ndata: two\n\n\n\ndata: [DONE]'.encode()
RAW_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\r\n"


def slow(seconds: str = "0.9", *more: str) -> dict[str, object]:
    return sim("--load-seconds", seconds, "--say", SAYS, *more)


def told(*arguments: str, **more: object) -> dict[str, object]:
    """A model with the loading state."""
    return {**slow(*arguments), "sendLoadingState": True, **more}


def raw_engine(file: Path, reply: bytes) -> dict[str, object]:
    """An engine that is ready at once and answers every request with these bytes."""
    file.write_bytes(reply)
    return {"cmd": command(sys.executable, raw_upstream.__file__, "${PORT}", file)}


def entries(folder: Path) -> dict[str, dict[str, object]]:
    dies = ("0.7", "--die-at-start", "3")
    together = {
        "comments-chat": slow(),
        "comments-completions": slow(),
        "comments-openai": slow(),
        "comments-dies": slow(*dies),
        "comments-never": slow("0", "--never-ready"),
        "story": told("1.6"),
        "story-openai": told(),
        "story-completions": told(),
        "story-whole": told(),
        "story-ready": told("0"),
        "story-dies": told(*dies),
        "story-dies-openai": told(*dies),
        "story-never": told("0", "--never-ready"),
        "story-picky": told("0.3", "--model", "another", "--check-model"),
        "story-mute": {**raw_engine(folder / "nothing", b""), "sendLoadingState": True},
        "story-dying": told("0.3", "--die-after-chunks", "2"),
        "story-zipped": told("0.3", "--gzip"),
        "narrow": told("4", concurrencyLimit=1),
        "never": slow("0", "--never-ready"),
    }
    in_turn = {
        "busy": sim(*FOREVER),
        "raw": raw_engine(folder / "events", RAW_HEAD + RAW_EVENTS),
        "story-queued": told("1.7"),
    }
    return {**together, **in_turn}


@pytest.fixture(scope="package")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    """Comments come every fifth of a second; `busy`, `raw` and `story-queued` push each other out, the rest do not."""
    folder = tmp_path_factory.mktemp("waiting")
    models = entries(folder)
    in_turn = ["busy", "raw", "story-queued"]
    groups = {
        "together": {"swap": False, "exclusive": False, "members": [name for name in models if name not in in_turn]},
        "in turn": {"swap": True, "exclusive": False, "members": in_turn},
    }
    with running_swaplab(folder, models, "--keep-alive-seconds", "0.2", groups=groups) as swaplab:
        yield swaplab


@pytest.fixture
def streamed(swaplab) -> Callable[..., bytes]:
    """Read the whole body of a stream that begins with 200."""

    def read(model: str, path: str = "/v1/chat/completions") -> bytes:
        answer = swaplab.ask("POST", path, json_body={**chat_body(model, stream=True), "prompt": "Hi"})
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"
        return answer.body

    return read


@contextmanager
def openai_client(swaplab: Swaplab) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{swaplab.url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def client(swaplab) -> Iterator[openai.OpenAI]:
    with openai_client(swaplab) as client:
        yield client
