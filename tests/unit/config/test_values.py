"""Rules about single values."""

from __future__ import annotations

from typing import get_args

import attrs
import pytest

from swaplab_core.config.check import NOT_YET, not_supported
from swaplab_core.config.schema import Config
from swaplab_core.config.structure import fields_by_key
from swaplab_core.config.text import parse


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("apiKeys: [a, '']\n", "apiKeys[1]", "key 1 is empty"),
        ("apiKeys: ['a b']\n", "apiKeys[0]", "key 0 holds a space"),
        ("apiKeys: secret\n", "apiKeys", "must be a list, not the text 'secret'"),
        ("allowedOrigins: [example.org]\n", "allowedOrigins[0]", "'example.org' is no web origin"),
        ("allowedOrigins: ['http://h/path']\n", "allowedOrigins[0]", "'http://h/path' is no web origin"),
        ("globalTTL: -1\n", "globalTTL", "must be at least 0, not -1"),
        ("unloadTimeout: -1\n", "unloadTimeout", "must be at least 0, not -1"),
        ("logToStdout: all\n", "logToStdout", "'all' is none of: proxy, upstream, both, none"),
        ("store: {}\n", "store", "says nowhere where the activity is kept"),
        ("store: {path: ''}\n", "store", "says nowhere where the activity is kept"),
        ("store: {path: '  '}\n", "store", "says nowhere where the activity is kept"),
        ("store: {maxRows: 5}\n", "store", "says nowhere where the activity is kept"),
        ("store: {path: a.db, url: 'postgresql://h/d'}\n", "store", "has both `path` and `url`"),
        ("store: {url: 'mysql://u:secret@h/d'}\n", "store.url", "is no address of a PostgreSQL database"),
        ("store: {url: a.db}\n", "store.url", "is no address of a PostgreSQL database"),
        ("store: {path: a.db, maxRows: -1}\n", "store.maxRows", "must be at least 0, not -1"),
        ("store: {path: a.db, maxAge: 30d}\n", "store.maxAge", "must be a duration, not the text '30d'"),
        ("performance: {every: 4s}\n", "performance.every", "4 seconds is too often"),
        ("performance: {every: often}\n", "performance.every", "must be a duration, not the text 'often'"),
        ("performance: {every: 10}\n", "performance.every", "must be a duration, not the number 10"),
        ("hooks: later\n", "hooks", "must be a mapping of keys, not the text 'later'"),
        ("models: [a]\n", "models", "must be a mapping, not a list"),
    ],
)
def test_a_wrong_value_is_named(errors, text, path, message):
    assert errors(text) == [(path, message)]


def test_a_pattern_that_is_none_is_named(errors):
    ((path, message),) = errors("upstream: {ignorePaths: ['ok', '(open']}\n")
    assert path == "upstream.ignorePaths[1]"
    assert message.startswith("this is no regular expression: ")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10s", 10), ("1m30s", 90), ("1h", 3600), ("2h10s", 7210), ("5500ms", 5.5), ("0.1h", 360), ("0", 5)],
)
def test_durations_are_written_as_go_writes_them(good, text, seconds):
    assert good(f"performance: {{every: {text}}}\n").performance.every_seconds == pytest.approx(seconds)


def test_a_part_of_a_section_leaves_the_rest_at_its_defaults(good):
    one, other = good("performance: {disabled: true}\n"), good("performance: {every: 2h10s}\n")
    assert (one.performance.disabled, one.performance.every_seconds) == (True, 5)
    assert (other.performance.disabled, other.performance.every_seconds) == (False, 7210)


def test_numbers_that_mean_something_else(good):
    config = good("unloadTimeout: 0\nmetricsMaxInMemory: -3\nhealthCheckTimeout: 3\ncaptureBuffer: 0\n")
    assert config.unload_timeout_seconds == 10
    assert config.metrics_max_in_memory == 1000
    assert config.health_check_timeout_seconds == 15
    assert config.capture_buffer_mib == 0


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("healthCheckTimeout: 3\n", "healthCheckTimeout", "is raised to 15 seconds"),
        ("logRequests: true\n", "logRequests", "has no effect: requests are always logged"),
        ("logLevel: verbose\n", "logLevel", "there is no log level 'verbose', info is used"),
        ("logTimeFormat: iso\n", "logTimeFormat", "there is no time format 'iso', none is used"),
        (
            "models: {m: {cmd: 'x ${PORT}', healthCheckTimeout: 5}}\n",
            "models.m.healthCheckTimeout",
            "has no effect in a model",
        ),
    ],
)
def test_what_does_not_do_what_one_may_think_is_a_warning(warnings_of, text, path, message):
    assert warnings_of(text) == [(path, message)]


@pytest.mark.parametrize("layout", ["rfc3339", "RFC3339Nano", "kitchen", ""])
def test_known_time_formats_are_fine(warnings_of, layout):
    assert warnings_of(f"logTimeFormat: '{layout}'\n") == []


def test_session_headers_are_tidied_and_may_be_none(good):
    assert good("ui: {activity: {session_id: [' A ', a, '', B]}}\n").ui.activity.session_id == ("A", "B")
    assert good("ui: {activity: {session_id: []}}\n").ui.activity.session_id == ()


def test_no_patterns_means_the_default_ones(good):
    assert good("upstream: {ignorePaths: []}\n").upstream == good("").upstream


def test_a_key_that_nothing_acts_on_yet_is_a_warning_at_its_first_place():
    root = parse("a: {b: 1}\nmodels:\n  x.y: {k: 1}\n  z: {k: 2}\n  w: 3\n", "c").root
    found = list(not_supported(root, ("a.b", "models.*.k", "nothing", "a.b.c")))
    assert [(problem.path, problem.line) for problem in found] == [("a.b", 1), ("models.x.y.k", 3)]
    assert "2 places" in found[1].message


def knows(cls, steps):
    """Is this the path of a key? `*` is any name of a mapping."""
    first, *rest = steps
    field = fields_by_key(cls).get(first)
    if field is None or not rest:
        return field is not None
    inner = [field.type, *get_args(field.type)]
    classes = [type_ for type_ in inner if attrs.has(type_)]
    return any(knows(type_, rest[1:] if rest[0] == "*" else rest) for type_ in classes)


@pytest.mark.parametrize("pattern", [*NOT_YET, "models.*.ttl"])
def test_each_entry_of_that_list_is_a_key(pattern):
    assert knows(Config, pattern.split("."))


def test_that_check_finds_a_misspelt_entry():
    assert not knows(Config, ["models", "*", "tll"])
    assert not knows(Config, ["hooks", "on_start", "preload"])
