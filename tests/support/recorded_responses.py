"""What engines answer (tests/fixtures/responses), with what a Meter must find in it."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from swaplab_core.domain.metering import Usage

FOLDER = Path(__file__).parents[1] / "fixtures" / "responses"


@frozen
class Recorded:
    """One body. `events` is the number of stream events with text in them."""

    name: str
    usage: Usage
    events: int = 0

    @property
    def body(self) -> bytes:
        return (FOLDER / self.name).read_bytes()

    @property
    def content_type(self) -> str:
        return "text/event-stream" if self.name.endswith(".sse") else "application/json; charset=utf-8"


RECORDED = (
    Recorded("llamacpp_chat.json", Usage(21, 6, 0, None, None, 37634.408602150535, 20242.914979757086)),
    Recorded("llamacpp_chat.sse", Usage(1, 6, 20, None, None, 3144.6540880503144, 8787.346221441127), 5),
    Recorded("llamacpp_chat_usage.sse", Usage(1, 6, 20, None, None, 2949.852507374631, 8818.342151675486), 5),
    Recorded(
        "llamacpp_chat_timings_per_token.sse", Usage(1, 6, 20, None, None, 3816.793893129771, 22321.42857142857), 5
    ),
    Recorded("llamacpp_completion.json", Usage(2, 4, 0, None, None, 6451.612903225807, 22222.22222222222)),
    Recorded("llamacpp_completion.sse", Usage(1, 4, 1, None, None, 5847.953216374269, 22388.059701492537), 4),
    Recorded("llamacpp_embeddings.json", Usage(4)),
    Recorded("llamacpp_messages.json", Usage(1, 6, 20)),
    Recorded("llamacpp_messages.sse", Usage(1, 6, 20), 5),
    Recorded("llamacpp_responses.json", Usage(21, 6, 20)),
    Recorded("llamacpp_responses.sse", Usage(1, 6, 20, None, None, 5347.593582887701, 20661.15702479339), 5),
    Recorded("vllm_chat.json", Usage(21, 17)),
    Recorded("vllm_chat_usage.sse", Usage(21, 17), 16),
    Recorded("sglang_chat.json", Usage(21, 6, 16, 6, 4)),
    Recorded("sglang_chat_usage.sse", Usage(21, 6), 5),
    Recorded("trtllm_chat.json", Usage(21, 6, 5)),
    Recorded("trtllm_chat_usage.sse", Usage(21, 6, 5), 6),
)
