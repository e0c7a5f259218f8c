"""`options` of a request: what each is called by OpenAI and the engines, or why it is left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest

_ENGINE = "belongs to the model's entry in the configuration: it is fixed when the engine starts"
_GONE = "no engine knows it any more"


@frozen
class Sent:
    """An option that is handed on: as `names`, when it `fits` (a description for people, and the check)."""

    fits: tuple[str, Callable[[object], bool]]
    names: tuple[str, ...]


@frozen
class Ignored:
    """An option that is left out, and why."""

    why: str


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


NUMBER, INTEGER, TEXTS = ("a number", _is_number), ("an integer", _is_integer), ("a list of texts", _is_texts)

OPTIONS: Mapping[str, Sent | Ignored] = {
    "temperature": Sent(NUMBER, ("temperature",)),
    "top_p": Sent(NUMBER, ("top_p",)),
    "top_k": Sent(INTEGER, ("top_k",)),
    "min_p": Sent(NUMBER, ("min_p",)),
    "typical_p": Sent(NUMBER, ("typical_p",)),
    "seed": Sent(INTEGER, ("seed",)),
    "stop": Sent(TEXTS, ("stop",)),
    "num_predict": Sent(INTEGER, ("max_tokens",)),
    "num_keep": Sent(INTEGER, ("n_keep",)),
    "presence_penalty": Sent(NUMBER, ("presence_penalty",)),
    "frequency_penalty": Sent(NUMBER, ("frequency_penalty",)),
    "repeat_penalty": Sent(NUMBER, ("repeat_penalty", "repetition_penalty")),  # llama.cpp's name, vLLM's and SGLang's
    "repeat_last_n": Sent(INTEGER, ("repeat_last_n",)),
    "mirostat": Sent(INTEGER, ("mirostat",)),
    "mirostat_tau": Sent(NUMBER, ("mirostat_tau",)),
    "mirostat_eta": Sent(NUMBER, ("mirostat_eta",)),
    "num_ctx": Ignored(_ENGINE),
    "num_batch": Ignored(_ENGINE),
    "num_gpu": Ignored(_ENGINE),
    "main_gpu": Ignored(_ENGINE),
    "num_thread": Ignored(_ENGINE),
    "numa": Ignored(_ENGINE),
    "use_mmap": Ignored(_ENGINE),
    "use_mlock": Ignored(_ENGINE),
    "low_vram": Ignored(_ENGINE),
    "f16_kv": Ignored(_ENGINE),
    "draft_num_predict": Ignored(_ENGINE),
    "embedding_only": Ignored(_ENGINE),
    "vocab_only": Ignored(_ENGINE),
    "logits_all": Ignored(_GONE),
    "penalize_newline": Ignored(_GONE),
    "tfs_z": Ignored(_GONE),
}

UNKNOWN = Ignored("is no option of Ollama's")


def read_options(options: object) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the fields of the OpenAI request, and the names of the options that are left out.

    Raises InvalidRequest for a value of the wrong type. None counts as not given.
    """
    given = _given(options)
    fields = {name: value for option, said in given.items() for name, value in _fields(option, said)}
    return fields, tuple(option for option in given if isinstance(OPTIONS.get(option, UNKNOWN), Ignored))


def _given(options: object) -> dict[str, Any]:
    if options is None:
        return {}
    if not isinstance(options, Mapping):
        raise InvalidRequest('"options" must be an object')
    return {name: value for name, value in options.items() if value is not None}


def _fields(option: str, value: Any) -> Iterator[tuple[str, Any]]:
    known = OPTIONS.get(option, UNKNOWN)
    if isinstance(known, Ignored):
        return
    what, fits = known.fits
    if not fits(value):
        raise InvalidRequest(f"option {option!r} must be {what}")
    if option == "num_predict" and value <= 0:
        return  # no limit, which is what leaving it out means
    for name in known.names:
        yield name, int(value) if known.fits is INTEGER else value
