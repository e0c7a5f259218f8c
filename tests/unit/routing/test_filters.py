"""Changes to a body: which, in which order, and not a byte more."""

from __future__ import annotations

import pytest

from swaplab_core.config.schema import Filters
from swaplab_core.routing.filters import compile_filters

BODY = b'{ "model":"m",  "temperature" : 0.70, "stop": ["a", "b"], "opts": {"a": 1,  "b": 2} }'


def applied(body=BODY, *, model=None, requested="m", **filters):
    return compile_filters(Filters(**filters)).apply(body, model=model, requested=requested)


def test_without_filters_the_body_is_the_same_object():
    assert applied() is BODY


def test_stripping_takes_out_members_and_leaves_every_other_byte():
    edited = applied(strip_params=("opts.a", "temperature", "unheard.of"))

    assert edited == b'{ "model":"m",  "stop": ["a", "b"], "opts": {"b": 2} }'


def test_setting_replaces_in_place_and_appends_what_is_new_in_the_order_of_the_keys():
    edited = applied(set_params={"z": None, "temperature": 1, "b": [True, {"c": "ü"}]})

    assert edited == (
        b'{ "model":"m",  "temperature" : 1, "stop": ["a", "b"], "opts": {"a": 1,  "b": 2},'
        b'"b":[true,{"c":"\xc3\xbc"}],"z":null }'
    )


def test_dots_go_into_objects_and_make_those_that_are_missing():
    edited = applied(set_params={"opts.b": 3, "chat_template_kwargs.enable_thinking": False, "stop.x": 1})

    assert edited == (
        b'{ "model":"m",  "temperature" : 0.70, "stop": {"x":1}, "opts": {"a": 1,  "b": 3},'
        b'"chat_template_kwargs":{"enable_thinking":false} }'
    )


def test_an_escaped_dot_belongs_to_the_key():
    body = b'{"a.b": 1, "a": {"b": 2}}'

    assert applied(body, strip_params=("a\\.b",)) == b'{"a": {"b": 2}}'
    assert applied(body, set_params={"a\\.b": 3}) == b'{"a.b": 3, "a": {"b": 2}}'


def test_what_is_set_for_the_requested_name_comes_last():
    by_id = {"m:high": {"effort": "high", "temperature": 0}, "m:low": {"effort": "low"}}
    filters = {"strip_params": ("temperature",), "set_params": {"effort": "medium"}, "set_params_by_id": by_id}

    assert applied(b'{"temperature": 1}', requested="m", **filters) == b'{"effort":"medium"}'
    assert applied(b'{"temperature": 1}', requested="m:low", **filters) == b'{"effort":"low"}'
    assert applied(b'{"temperature": 1}', requested="m:high", **filters) == b'{"effort":"high","temperature":0}'


@pytest.mark.parametrize("key", ["model", "model.name", "model\\.", "mod\\.el"])
def test_the_model_is_changed_by_its_name_only(key):
    filters = {"strip_params": (key,), "set_params": {key: "x"}, "set_params_by_id": {"m": {key: "y"}}}

    assert applied(**filters, model="theirs").startswith(b'{ "model":"theirs",  "temperature" : 0.70,')
    assert applied(**filters).startswith(b'{ "model":"m",')


def test_a_key_that_only_begins_like_the_model_is_no_exception():
    assert applied(b'{"model_x":1}', strip_params=("model_x",)) == b"{}"


def test_a_body_that_was_too_clever_with_its_keys_is_filtered_all_the_same():
    body = b'{"model": "a", "temperature": 1, "temper\\u0061ture": 2, "model": "b"}'

    assert applied(body, model="m", strip_params=("temperature",)) == b'{"model": "m", "model": "m"}'
