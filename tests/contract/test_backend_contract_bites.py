"""The suite for drivers notices a driver that breaks a promise: one misbehaving driver per promise."""

from __future__ import annotations

import itertools

import pytest
from attrs import field, frozen

from swaplab_core.plugin import Backend, LaunchSpec, PluginFailed, Progress, Usage
from swaplab_core.testing.contracts.backend import BackendContract

COUNTER = itertools.count()


@frozen
class Options:
    size: int = field(default=1, metadata={"help": "How large."})


@frozen
class SilentOptions:
    size: int = 1


class Good(Backend):
    name = "good"
    title = "Good"
    options = Options

    def launch(self, request):
        return LaunchSpec(argv=("/bin/engine", "--port", str(request.port)), base_url=request.base_url)


def with_argv(*argv):
    """A driver that makes this argv; `{model}` in it is the model's name."""

    class Driver(Good):
        def launch(self, request):
            filled = tuple(part.replace("{model}", request.model) if isinstance(part, str) else part for part in argv)
            return LaunchSpec(argv=filled, base_url=request.base_url)

    return Driver


class AddsAnArgument(Good):
    def launch(self, request):
        return LaunchSpec(argv=("/bin/engine", *request.model.split(",")), base_url=request.base_url)


class ServesElsewhere(Good):
    def launch(self, request):
        return LaunchSpec(argv=("/bin/engine",), base_url="http://0.0.0.0:8080")


class Changes(Good):
    def launch(self, request):
        return LaunchSpec(argv=("/bin/engine", str(next(COUNTER))), base_url=request.base_url)


class SetsAnOddVariable(Good):
    def launch(self, request):
        return LaunchSpec(argv=("/bin/engine",), base_url=request.base_url, env={"A=B": "c"})


class RefusesWithoutAdvice(Good):
    def launch(self, request):
        if request.find_program("engine") is None:
            raise PluginFailed("no engine")
        return LaunchSpec(argv=("/bin/engine",), base_url=request.base_url)


class ReadsTooMuch(Good):
    def progress(self, line):
        return Progress("loading", float(line.rpartition(" ")[2].strip("%")))


class ProgressBeyondTheEnd(Good):
    def progress(self, line):
        return Progress("loading", 1.5)


class TrustsTheEngine(Good):
    def usage(self, message):
        return Usage(input_tokens=message["usage"]["prompt_tokens"])


class Undocumented(Good):
    options = SilentOptions


class Nameless(Good):
    title = property()
    options = dict


def suite_for(driver, *samples):
    class Suite(BackendContract):
        backend = driver

    Suite.samples = samples
    return Suite()


def promises():
    return [name for name in dir(BackendContract) if name.startswith("test_")]


@pytest.mark.parametrize("promise", promises())
def test_a_good_driver_keeps_every_promise(promise):
    getattr(suite_for(Good, Options()), promise)()


@pytest.mark.parametrize(
    ("driver", "promise"),
    [
        (Undocumented, "test_every_option_says_what_it_means"),
        (with_argv("/bin/engine", "--name", "{model}"), "test_launch_makes_an_argv_that_means_the_same_to_everybody"),
        (with_argv("/bin/engine", "name={model}"), "test_launch_makes_an_argv_that_means_the_same_to_everybody"),
        (with_argv("-x"), "test_launch_makes_an_argv_that_means_the_same_to_everybody"),
        (with_argv("/bin/engine", 5800), "test_launch_makes_an_argv_that_means_the_same_to_everybody"),
        (AddsAnArgument, "test_launch_makes_an_argv_that_means_the_same_to_everybody"),
        (ServesElsewhere, "test_launch_serves_only_on_the_address_it_was_given"),
        (Changes, "test_launch_answers_the_same_to_the_same_request"),
        (SetsAnOddVariable, "test_launch_adds_only_text_to_the_environment"),
        (RefusesWithoutAdvice, "test_a_missing_program_is_refused_with_advice"),
        (ProgressBeyondTheEnd, "test_progress_takes_any_line"),
    ],
)
def test_a_driver_that_breaks_a_promise_is_noticed(driver, promise):
    with pytest.raises(AssertionError):
        getattr(suite_for(driver, driver.options()), promise)()


@pytest.mark.parametrize(
    ("driver", "promise", "error"),
    [
        (Nameless, "test_it_is_a_driver_that_the_catalogue_takes", PluginFailed),
        (ReadsTooMuch, "test_progress_takes_any_line", ValueError),
        (TrustsTheEngine, "test_usage_takes_any_json", (KeyError, TypeError)),
    ],
)
def test_a_driver_that_raises_is_noticed(driver, promise, error):
    with pytest.raises(error):
        getattr(suite_for(driver, Options()), promise)()


def test_a_suite_without_samples_promises_nothing():
    with pytest.raises(AssertionError):
        suite_for(Good).test_there_are_samples_of_its_own_options()
