"""Reloading: every wish is honoured, every revision applied once, and a file with errors changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading

import pytest
from attrs import evolve

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.config.diff import Difference
from swaplab_core.config.load import Loaded, Source
from swaplab_core.config.schema import Config, ModelConfig
from swaplab_core.domain.errors import ConfigError
from swaplab_core.domain.problem import Problem, Severity
from swaplab_core.runtime.reload import Reloader, describe, digest
from swaplab_core.testing.waiting import wait_until_async


def config(*models, **top):
    return Config(models={model: ModelConfig(id=model, port=5800 + len(model)) for model in models}, **top)


class Files:
    """Files whose text names their models (`a bb`), and everything that was asked of them.

    A text with `!` has an error, one with `?` a warning. `gate` keeps the loader waiting while it is cleared.
    """

    def __init__(self, text):
        self.text, self.reads, self.loads, self.applied = text, 0, [], []
        self.gate = threading.Event()
        self.gate.set()

    def read(self):
        self.reads += 1
        if self.text is None:
            raise ConfigError([Problem("there is no such file", file="config.yaml")])
        return [Source("config.yaml", self.text)]

    def load(self, sources, ports):
        self.gate.wait(120)
        text = sources[0].text
        self.loads.append((text, ports))
        if "!" in text:
            return Loaded(None, (Problem("must not shout", line=3, column=7, file="config.yaml"),))
        warnings = (Problem("is this so?", severity=Severity.WARNING),) if "?" in text else ()
        return Loaded(config(*text.replace("?", "").split()), warnings)

    def apply(self, new, difference):
        self.applied.append((list(new.models), difference))

    def reloader(self):
        return Reloader(self.read, self.load, self.apply, config(*self.text.split()), self.read(), LoopClock())


@contextlib.asynccontextmanager
async def running(reloader):
    task = asyncio.get_running_loop().create_task(reloader.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def files():
    return Files("a")


def test_new_content_is_applied_with_what_it_changes(files):
    reloader = files.reloader()
    files.text = "bb"

    difference = asyncio.run(reloader.reload())

    assert difference == Difference(added=frozenset({"bb"}), removed=frozenset({"a"}))
    assert files.applied == [(["bb"], difference)]
    assert list(reloader.config.models) == ["bb"]


def test_the_loader_is_told_the_ports_that_models_have(files):
    reloader = files.reloader()
    files.text = "a bb"

    asyncio.run(reloader.reload())

    assert files.loads == [("a bb", {"a": 5801})]


def test_a_revision_is_applied_once(files):
    reloader = files.reloader()

    async def scenario():
        for text in ("a", "a bb", "a bb", "a bb"):
            files.text = text
            await reloader.reload()

    asyncio.run(scenario())

    assert [models for models, _ in files.applied] == [["a", "bb"]]
    assert len(files.loads) == 1, "the same content is not even checked"


def test_a_file_with_errors_changes_nothing_and_says_why_and_where(files, caplog):
    reloader = files.reloader()
    files.text = "a bb !"

    assert asyncio.run(reloader.reload()) is None

    assert files.applied == []
    assert list(reloader.config.models) == ["a"]
    assert "config.yaml:3:7: must not shout" in caplog.text
    assert "the configuration stays as it is" in caplog.text


def test_an_error_is_told_again_when_asked_again_and_mending_it_works(files, caplog):
    reloader = files.reloader()

    async def scenario():
        for text in ("!", "!", "a", "bb"):
            files.text = text
            await reloader.reload()

    asyncio.run(scenario())

    assert caplog.text.count("must not shout") == 2
    assert [models for models, _ in files.applied] == [["bb"]], "going back to what is in force is no change"


def test_files_that_cannot_be_read_change_nothing(files, caplog):
    reloader = files.reloader()
    files.text = None

    assert asyncio.run(reloader.reload()) is None

    assert files.applied == []
    assert "there is no such file" in caplog.text


def test_warnings_are_told_and_do_not_stop_a_reload(files, caplog):
    reloader = files.reloader()
    files.text = "bb?"

    assert asyncio.run(reloader.reload()) is not None

    (warning,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "is this so?" in warning.getMessage()


def test_wishes_during_a_reload_become_one_more_round(files):
    reloader = files.reloader()

    async def scenario():
        files.reads = 0
        async with running(reloader):
            files.gate.clear()
            files.text = "bb"
            reloader.request()
            await wait_until_async(lambda: files.reads == 1, "the first read")
            files.text = "ccc"
            for _ in range(5):
                reloader.request()
            files.gate.set()
            await wait_until_async(lambda: files.applied, "the new content to be applied")

    asyncio.run(scenario())

    assert [text for text, _ in files.loads] == ["bb", "ccc"]
    assert [models for models, _ in files.applied] == [["ccc"]], "what was checked first was no longer there"


def test_wishes_that_come_at_once_are_one_reload_and_later_ones_another(files):
    reloader = files.reloader()

    async def scenario():
        async with running(reloader):
            for text in ("bb", "ccc"):
                files.text = text
                for _ in range(5):
                    reloader.request()
                await wait_until_async(lambda: text in reloader.config.models, f"{text} to be applied")  # noqa: B023

    asyncio.run(scenario())

    assert [models for models, _ in files.applied] == [["bb"], ["ccc"]]
    assert files.reads == 1 + 2 + 2, "each reload reads twice, and nobody reads without a wish"


def test_a_file_that_is_still_being_written_is_not_applied_though_what_is_there_is_valid(files):
    reloader = files.reloader()
    states = iter(["", "a bb"])  # emptied first, then complete

    def read():
        return [Source("config.yaml", next(states, "a bb"))]

    reloader.read = read

    async def scenario():
        async with running(reloader):
            reloader.request()
            await wait_until_async(lambda: files.applied, "the whole file to be applied")

    asyncio.run(scenario())

    assert [text for text, _ in files.loads] == ["", "a bb"]
    assert [models for models, _ in files.applied] == [["a", "bb"]]


def test_reloads_go_on_after_one_that_failed_in_an_unforeseen_way(files, caplog):
    reloader = files.reloader()

    def broken(sources, ports):
        raise ZeroDivisionError

    async def scenario():
        good, reloader.load = reloader.load, broken
        async with running(reloader):
            files.text = "bb"
            reloader.request()
            await wait_until_async(lambda: "ZeroDivisionError" in caplog.text, "the failure in the log")
            reloader.load = good
            reloader.request()
            await wait_until_async(lambda: files.applied, "the reload after it")

    asyncio.run(scenario())

    assert [models for models, _ in files.applied] == [["bb"]]


def test_the_digest_is_of_names_and_content_and_their_order():
    one, two = Source("a", "text"), Source("b", "text")

    different = [[], [one], [two], [one, two], [two, one], [Source("a", "tex"), Source("t", "")], [Source("at", "ext")]]

    assert len({digest(sources) for sources in different}) == len(different)
    assert digest([one, two]) == digest([evolve(one), evolve(two)])


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        (Difference(), "nothing that matters has changed"),
        (Difference(added=frozenset("ba")), "added a, b"),
        (
            Difference(frozenset("a"), frozenset("b"), frozenset("c"), frozenset("d"), True, frozenset({"api_keys"})),
            "added a; removed b; replaced when idle c; adjusted d; routing changed; api_keys changed",
        ),
    ],
)
def test_what_changed_is_told_in_words(difference, said):
    assert describe(difference) == said
