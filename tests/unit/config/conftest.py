"""Loading texts with two small backends: a plain command, and one with typed options and a port of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from attrs import field, frozen

from swaplab_core.config.load import BackendSchema, Source, load
from swaplab_core.domain.problem import Severity

CONFIGS = Path(__file__).parents[2] / "fixtures" / "configs"


@frozen
class CommandOptions:
    cmd: tuple[str, ...] = field(metadata={"command": True})


@frozen
class TypedOptions:
    model: str
    context_size: int | None = None
    layers: int | str = "auto"
    mode: Literal["fast", "safe"] = "fast"
    draft_command: tuple[str, ...] = field(default=(), metadata={"command": True})
    parallel: int = field(default=1, metadata={"minimum": 1})


@pytest.fixture(scope="session")
def backends():
    return {"command": BackendSchema(CommandOptions, False), "typed": BackendSchema(TypedOptions, True)}


@pytest.fixture(scope="session")
def load_text(backends):
    """Load one text, or several files as (name, text)."""

    def load_text(*texts, environment=(), keep_ports=()):
        sources = [Source(*text) if isinstance(text, tuple) else Source("config.yaml", text) for text in texts]
        return load(sources, environment=dict(environment), backends=backends, keep_ports=dict(keep_ports))

    return load_text


@pytest.fixture(scope="session")
def good(load_text):
    """Load a text that must have no error."""

    def good(*texts, **options):
        loaded = load_text(*texts, **options)
        assert loaded.config is not None, [str(problem) for problem in loaded.problems]
        return loaded.config

    return good


@pytest.fixture(scope="session")
def errors(load_text):
    """Return the errors of a text as (path, message), in the order of the file."""

    def errors(*texts, **options):
        loaded = load_text(*texts, **options)
        found = [problem for problem in loaded.problems if problem.severity is Severity.ERROR]
        assert (loaded.config is None) == bool(found)
        return [(problem.path, problem.message) for problem in found]

    return errors


@pytest.fixture(scope="session")
def warnings_of(load_text):
    """Return the warnings of a text as (path, message), without those about keys that wait for their feature."""

    def warnings_of(*texts, **options):
        found = [problem for problem in load_text(*texts, **options).problems if problem.severity is Severity.WARNING]
        return [(problem.path, problem.message) for problem in found if "not supported yet" not in problem.message]

    return warnings_of
