"""`useModelName`: the engine is told another name, and not one other byte of the body changes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from running_swaplab import Swaplab, running_swaplab, sim


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory) -> Iterator[Swaplab]:
    models = {
        "public": {**sim(), "useModelName": 'org/"real" ü', "aliases": ["p"]},
        "plain": {**sim(), "aliases": ["q"]},
    }
    with running_swaplab(tmp_path_factory.mktemp("model-name"), models) as swaplab:
        yield swaplab


TOLD = '"org/\\"real\\" ü"'


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ('{"model":"public","x":1}', '{"model":%s,"x":1}'),
        ('{ "messages" : [ ] ,\n\t"model"  :  "p" }\r\n', '{ "messages" : [ ] ,\n\t"model"  :  %s }\r\n'),
        ('{"a":{"model":"public"},"model":"public"}', '{"a":{"model":"public"},"model":%s}'),
        ('{"model":"public","s":"\\"model\\":\\"public\\" } ] \\u0041\\/ é 😀"}', None),
        ('{"model":"x","n":1.10e+05,"big":123456789012345678901234567890,"model":"public"}', None),
        ('{"m\\u006fdel":"public","z":-0}', '{"m\\u006fdel":%s,"z":-0}'),
    ],
)
def test_only_the_name_is_replaced(swaplab, sent, arrives):
    expected = arrives % TOLD if arrives else sent.replace('"model":"public"', f'"model":{TOLD}')
    expected = expected.replace('"model":"x"', f'"model":{TOLD}')

    answer = swaplab.ask("POST", "/v1/chat/completions", body=sent.encode())

    assert answer.json()["sim"]["body"] == expected
    assert answer.json()["sim"]["content_length"] == str(len(expected.encode()))


def test_without_it_the_body_arrives_as_it_was_sent(swaplab):
    sent = '{ "model" :"q" , "x": 1.0 }'

    assert swaplab.ask("POST", "/v1/chat/completions", body=sent.encode()).json()["sim"]["body"] == sent
