"""Engines' metrics passed through: the label is added, nothing harmful passes, one block for each family."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from swaplab_core.server.metrics.engines import Engine, fetch, merged
from swaplab_core.testing.fake_hardware import FakeReader

VLLM = """# HELP vllm:num_requests_running Requests being worked on.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="Qwen/Qwen3"} 2.0
# HELP vllm:time_to_first_token_seconds Time to the first token.
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.001",model_name="Qwen/Qwen3"} 0.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="+Inf",model_name="Qwen/Qwen3"} 7.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="Qwen/Qwen3"} 7.0
vllm:time_to_first_token_seconds_sum{engine="0",model_name="Qwen/Qwen3"} 3.5
"""
LLAMA = """# HELP llamacpp:requests_processing Requests.
# TYPE llamacpp:requests_processing gauge
llamacpp:requests_processing 1
"""


def relabel(text, model):
    """One engine's page with the label added."""
    return merged([(model, text.encode())]).decode()


def test_every_sample_gets_the_label_and_keeps_its_own():
    page = relabel(VLLM, "qwen")
    assert 'vllm:num_requests_running{model="qwen",engine="0",model_name="Qwen/Qwen3"} 2.0\n' in page
    assert page.count('{model="qwen",') == 5
    assert page.count("# TYPE") == page.count("# HELP") == 2


def test_a_sample_without_labels_gets_one():
    assert relabel(LLAMA, "tiny").endswith('\nllamacpp:requests_processing{model="tiny"} 1\n')


@pytest.mark.parametrize("line", ["x{} 1", "x 1", "x\t1", "x  1 "])
def test_all_spellings_of_a_plain_sample(line):
    assert relabel(line, "m") == 'x{model="m"} 1\n'


def test_the_label_is_escaped():
    assert relabel("x 1", 'a"b\\c\nd') == 'x{model="a\\"b\\\\c\\nd"} 1\n'


def test_a_label_of_the_same_name_is_kept_under_another():
    assert relabel('x{model="theirs",a="1"} 1', "ours") == 'x{model="ours",exported_model="theirs",a="1"} 1\n'


def test_a_value_that_looks_like_the_label_is_left_alone():
    line = 'x{a="y,model=",b=",model=\\"z\\"",} 1'
    assert relabel(line, "m") == 'x{model="m",a="y,model=",b=",model=\\"z\\""} 1\n'


@pytest.mark.parametrize("value", ["1", "-1.5e-7", "+Inf", "-Inf", "NaN", ".5", "1.", "3 1700000000000"])
def test_values_and_timestamps_are_kept_as_they_are(value):
    assert relabel(f"x {value}", "m") == f'x{{model="m"}} {value}\n'


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# a comment",
        "# EOF",
        "<html>",
        '[{"iter": 1}]',
        "x",
        "x one",
        "x 1 2 3",
        "x 1.5.5",
        "x \u0661",
        '{model="n"} 1',
        'x{a="1" 1',
        'x{a="1"b="2"} 1',
        'x{a="\\q"} 1',
        'x{a="1",a="2"} 1',
        'x{model="1",exported_model="2"} 1',
        'x{1a="1"} 1',
        'x 1 # {trace="1"} 2',
        "1x 1",
    ],
)
def test_what_is_no_sample_does_not_pass(line):
    assert relabel(line, "m") == ""


@pytest.mark.parametrize("name", ["swaplab_requests_total", "llamaswap_memory_total_bytes", "swaplab_"])
def test_an_engine_cannot_speak_in_our_name(name):
    assert relabel(f"# TYPE {name} gauge\n{name} 1\n{name}_sum 1\nfine 1\n", "m") == 'fine{model="m"} 1\n'


def test_a_type_that_does_not_exist_is_left_out():
    assert relabel("# TYPE x rocket\nx 1\n", "m") == 'x{model="m"} 1\n'


def test_a_family_without_samples_is_left_out():
    assert relabel("# HELP x y\n# TYPE x gauge\n", "m") == ""


def test_a_page_with_carriage_returns_is_read():
    assert relabel(LLAMA.replace("\n", "\r\n"), "tiny") == relabel(LLAMA, "tiny")


def test_two_engines_share_one_block_for_each_family():
    page = merged([("a", VLLM.encode()), ("b", LLAMA.encode()), ("c", VLLM.encode())]).decode()
    read = {family.name: family for family in text_string_to_metric_families(page)}
    assert page.count("# TYPE vllm:num_requests_running ") == 1
    running = read["vllm:num_requests_running"].samples
    assert [(sample.labels["model"], sample.value) for sample in running] == [("a", 2), ("c", 2)]
    assert len(read["vllm:time_to_first_token_seconds"].samples) == 8


def test_samples_of_one_family_told_in_two_pieces_come_together():
    assert relabel('x{a="1"} 1\ny 1\nx{a="2"} 2\n', "m").splitlines() == [
        'x{model="m",a="1"} 1',
        'x{model="m",a="2"} 2',
        'y{model="m"} 1',
    ]


def test_of_two_engines_that_call_a_name_differently_the_first_is_right():
    page = merged([("a", b"# TYPE x gauge\nx 1\n"), ("b", b"# TYPE x counter\nx 2\n")])
    assert page == b'# TYPE x gauge\nx{model="a"} 1\n'


LINES = st.one_of(
    st.text(max_size=40),
    st.from_regex(
        r'[a-z:]{1,4}(\{([a-z]{1,3}="[^"\n]{0,5}",?){0,3}\})?[ \t]+[0-9.eE+-]{1,5}( [0-9]+)?', fullmatch=True
    ),
    st.sampled_from(
        ["# TYPE x counter", "# HELP x \\", "# TYPE x_sum gauge", 'x{model="1"} 1', "x_sum 1", "x_total 2"]
    ),
)


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.lists(LINES, max_size=8)), max_size=3))
def test_whatever_engines_print_the_page_can_be_read_and_names_the_model(pages):
    text = merged([(model, "\n".join(lines).encode("utf-8", "replace")) for model, lines in pages]).decode()
    models = {model.encode("utf-8", "replace").decode() for model, _ in pages}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert sample.labels["model"] in models


def fetched(pages, *engines):
    async def run():
        reader = FakeReader(pages)
        return await fetch(reader, engines), reader.read_urls

    return asyncio.run(run())


def test_all_engines_are_asked_at_their_own_paths():
    pages = {"http://a:1/metrics": LLAMA.encode(), "http://b:2/v1/prometheus/metrics": VLLM.encode()}
    page, urls = fetched(pages, Engine("a", "http://a:1"), Engine("b", "http://b:2/v1", "/prometheus/metrics"))
    assert urls == list(pages)
    assert b'{model="a"}' in page
    assert b'{model="b",' in page


@pytest.mark.parametrize("answer", [None, b"", b"\xff\xfe", gzip.compress(VLLM.encode()), b"x 1\n" * 2**20])
def test_an_engine_without_metrics_is_left_out(answer):
    pages = {"http://b:2/metrics": LLAMA.encode()}
    if answer is not None:
        pages["http://a:1/metrics"] = answer
    page, _ = fetched(pages, Engine("a", "http://a:1"), Engine("b", "http://b:2"))
    assert page.decode() == relabel(LLAMA, "b")


def test_without_engines_there_is_nothing():
    assert fetched({}) == (b"", [])
