"""What is unwise in a `docker run`, as `swaplab check` tells it."""

from __future__ import annotations

import shlex

import pytest

from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.plugin import ConfigFacts
from swaplab_core.plugin.run_command import read_run
from swaplab_docker import advice

GOOD = "docker run --rm --init --name box -p 127.0.0.1:5800:8000 img"


def told(line, **entry):
    return [message for message, _ in advice.warnings(read_run(shlex.split(line)), {"cmd": line, **entry})]


def test_a_good_one_is_not_commented_on():
    assert told(GOOD) == []
    assert told(GOOD, cmdStop="docker stop -t 5 box") == []
    assert told(GOOD, cmdStop="docker stop box", unloadTimeout=20) == []


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("docker run --init --name box img", "keeps its name"),
        ("docker run --rm --name box img", "may not hear"),
        ("docker run --rm --init -d --name box img", "ends at once"),
        ("docker run --rm --init -it --name box img", "no terminal"),
        ("docker run --rm --init -p 5800:8000 img", "open to other machines"),
        ("docker run --rm --init -p 0.0.0.0:5800:8000 img", "open to other machines"),
        ("docker run --rm --init --publish=8000 img", "open to other machines"),
    ],
)
def test_one_mistake_is_one_warning(line, word):
    [message] = told(line)
    assert word in message


@pytest.mark.parametrize("stop", ["docker stop box", "docker stop -t 10 box", "docker stop --time=30 box"])
def test_a_stop_that_waits_as_long_as_swaplab_is_told(stop):
    [message] = told(GOOD, cmdStop=stop)
    assert "may wait as long as swaplab" in message


def test_a_stop_of_another_container_is_told():
    [message] = told(GOOD, cmdStop="docker stop -t 1 bx")
    assert "does not name its container" in message


def test_entries_are_told_by_their_place_and_two_that_share_a_name_too():
    def warning(message, advice, *path):
        return Problem(message, advice, ".".join(map(str, path)), severity=Severity.WARNING)

    models = {
        "a": {"cmd": GOOD},
        "b": {"cmd": GOOD},
        "c": {"cmd": "llama-server --port 1"},
        "d": {"cmd": "docker 'run"},
    }
    [problem] = advice.check(ConfigFacts(models, {}, warning, warning))
    assert problem.path == "models.b.cmd"
    assert "same name as that of a" in problem.message
