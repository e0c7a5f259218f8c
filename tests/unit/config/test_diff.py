"""What changed between two configurations."""

from __future__ import annotations

import pytest

from swaplab_core.config.diff import Difference, diff

BASE = """
models:
  a: {cmd: "x ${PORT}", ttl: 5}
  b: {cmd: "y ${PORT}"}
groups: {g: {members: [a]}}
"""


def test_the_same_text_is_no_change(good):
    assert diff(good(BASE), good("# a comment\n" + BASE)).is_empty


def test_the_order_of_the_models_does_not_matter(good):
    turned = "models: {b: {cmd: 'y ${PORT}'}, a: {cmd: 'x ${PORT}', ttl: 5}}\ngroups: {g: {members: [a]}}\n"
    assert diff(good(BASE), good(turned)).is_empty


def test_added_and_removed_models_change_the_default_group_and_leave_the_others_alone(good):
    old = good(BASE)
    ports = {name: model.port for name, model in old.models.items()}
    new = good(BASE.replace("b: {cmd", "aa: {cmd"), keep_ports=ports)
    found = diff(old, new)
    assert found == Difference(added=frozenset({"aa"}), removed=frozenset({"b"}), is_policy_changed=True)


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        ('{cmd: "x --more ${PORT}", ttl: 5}', "changed"),
        ('{cmd: "x ${PORT}", ttl: 5, proxy: "http://h:1"}', "changed"),
        ('{cmd: "x ${PORT}", ttl: 5, env: [A=1]}', "changed"),
        ('{cmd: "x ${PORT}", ttl: 5, cmdStop: "kill"}', "changed"),
        ('{cmd: "x ${PORT}", ttl: 5, checkEndpoint: none}', "changed"),
        ("{backend: typed, model: x, ttl: 5}", "changed"),
        ('{cmd: "x ${PORT}", ttl: 6}', "retuned"),
        ('{cmd: "x ${PORT}", ttl: 5, aliases: [z]}', "retuned"),
        ('{cmd: "x ${PORT}", ttl: 5, unloadTimeout: 1}', "retuned"),
        ('{cmd: "x ${PORT}", ttl: 5, description: z}', "retuned"),
        ('{cmd: "x ${PORT}", ttl: 5, concurrencyLimit: 1}', "retuned"),
    ],
)
def test_only_what_a_running_process_depends_on_needs_a_restart(good, entry, kind):
    new = good(BASE.replace('{cmd: "x ${PORT}", ttl: 5}', entry))
    found = diff(good(BASE), new)
    assert found == Difference(**{kind: frozenset({"a"})})


def test_a_global_value_reaches_the_models_that_inherit_it(good):
    found = diff(good(BASE), good("globalTTL: 9\n" + BASE))
    assert found == Difference(retuned=frozenset({"b"}), sections=frozenset({"global_ttl_seconds"}))


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("members: [a]", "members: [a], swap: false"),
        BASE + "routing: {scheduler: {settings: {fifo: {patience: 1}}}}\n",
        BASE + "routing: {scheduler: {settings: {fifo: {priority: {a: 1}}}}}\n",
    ],
)
def test_the_policy_changes_without_any_model(good, text):
    assert diff(good(BASE), good(text)) == Difference(is_policy_changed=True)


def test_other_sections_are_named(good):
    found = diff(good(BASE), good(BASE + "apiKeys: [k]\nlogLevel: warn\n"))
    assert found == Difference(sections=frozenset({"api_keys", "log_level"}))
