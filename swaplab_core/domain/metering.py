"""What an engine tells about its own work: how far a load is, how many tokens a request took."""

from __future__ import annotations

from attrs import frozen


@frozen
class Progress:
    """How far a load is, read from one log line.

    `stage` is a short word for people ("weights", "graphs", "ready"); `fraction` is 0..1 of the whole load,
    or None when the engine names the stage without a number.
    """

    stage: str
    fraction: float | None = None


@frozen
class Usage:
    """Tokens and speeds of one request; None means that the engine did not say.

    Speeds are tokens per second.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    draft_tokens: int | None = None
    draft_accepted_tokens: int | None = None
    prompt_per_second: float | None = None
    output_per_second: float | None = None
