"""What a run is asked for: defaults, names, and a message for each wrong value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from swaplab_benchy.options import Intelligence, LatencyMode, RunOptions, normal_plugins, read_options, read_start
from swaplab_core.domain.errors import InvalidRequest

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()


def read(**body):
    return read_options(body, now=NOW, zone=UTC)


def test_only_a_model_is_needed():
    assert read(model=" qwen ") == RunOptions(models=("qwen",))


def test_a_queue_replaces_the_model_and_keeps_its_order_and_repeats():
    assert read(model="x", queueModels=["b", " ", "a", "b"]).models == ("b", "a", "b")


def test_an_empty_queue_leaves_the_model():
    assert read(model="x", queueModels=["", " "]).models == ("x",)


def test_every_option_is_read():
    options = read(
        model="m",
        tokenizer="org/m",
        baseUrl="http://127.0.0.1:9/",
        pp=[16],
        tg=[4],
        depth=[0, 32],
        concurrency=[1, 2],
        runs=3,
        latencyMode="Generation",
        noCache=True,
        noWarmup=True,
        adaptPrompt=False,
        enablePrefixCaching=True,
        trustRemoteCode=True,
        enableIntelligence=True,
        intelligencePlugins=["MMLU", "mmlu", "gsm8k"],
        datasetCacheDir="~/d",
        outputDir="/o",
        maxConcurrent=4,
    )
    assert options == RunOptions(
        models=("m",),
        tokenizer="org/m",
        base_url="http://127.0.0.1:9/v1",
        pp=(16,),
        tg=(4,),
        depth=(0, 32),
        concurrency=(1, 2),
        runs=3,
        latency_mode=LatencyMode.GENERATION,
        no_cache=True,
        no_warmup=True,
        adapt_prompt=False,
        enable_prefix_caching=True,
        trust_remote_code=True,
        intelligence=Intelligence(("mmlu", "gsm8k"), dataset_cache_dir="~/d", output_dir="/o", max_concurrent=4),
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "model is required"),
        ({"model": 3}, "model must be text"),
        ({"model": "m", "pp": [0]}, "pp[0] must be > 0"),
        ({"model": "m", "tg": [8, -1]}, "tg[1] must be > 0"),
        ({"model": "m", "depth": [-1]}, "depth[0] must be >= 0"),
        ({"model": "m", "concurrency": ["2"]}, "concurrency[0] must be > 0"),
        ({"model": "m", "pp": 512}, "pp must be a list"),
        ({"model": "m", "pp": [True]}, "pp[0] must be > 0"),
        ({"model": "m", "runs": -1}, "runs must be a whole number > 0"),
        ({"model": "m", "latencyMode": "fast"}, "latencyMode must be one of: api, generation, none"),
        ({"model": "m", "noCache": "yes"}, "noCache must be true or false"),
        ({"model": "m", "baseUrl": "ftp://x"}, "baseUrl must begin with http"),
        ({"model": "m", "enableIntelligence": True}, "intelligencePlugins must name at least one plugin"),
        ({"model": "m", "intelligencePlugins": ["iq"]}, "unknown intelligence plugin 'iq'"),
        ({"model": "m", "intelligencePlugins": ["mmlu"], "maxConcurrent": 0}, "maxConcurrent must be > 0"),
        ({"model": "m", "tokenizer": "a\nb"}, "tokenizer must be one line"),
        ({"model": "m", "startAt": "soon"}, "startAt must be RFC3339 or yyyy-mm-ddThh:mm"),
        ({"model": "m", "startAt": "2026-03-01"}, "startAt must be RFC3339"),
        ({"model": "m", "startAt": "2026-03-01T11:59"}, "startAt is in the past"),
        ({"model": "m", "corpus": "poem"}, "corpus must be one of"),
    ],
)
def test_a_wrong_value_is_named(body, message):
    with pytest.raises(InvalidRequest) as caught:
        read_options(body, now=NOW, zone=UTC)
    assert message in str(caught.value)


@pytest.mark.parametrize("plugin", ["all", "evalplus", "terminal_bench", "aider", "swebench_verified"])
def test_suites_that_run_code_need_leave_and_say_so_in_the_documented_words(plugin):
    with pytest.raises(InvalidRequest) as caught:
        read(model="m", intelligencePlugins=[plugin])
    assert caught.value.message == f"plugin '{plugin}' requires allowCodeExec=true"
    allowed = read(model="m", intelligencePlugins=[plugin], allowCodeExec=True)
    assert allowed.intelligence == Intelligence((plugin,), allow_code_exec=True)


def test_plugins_are_lower_case_and_named_once():
    assert normal_plugins(["ARC-C", "arc-c", "", "IFEval"]) == ("arc-c", "ifeval")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T13:00:00Z", NOW + 3600),
        ("2026-03-01T13:00:00.5+00:00", NOW + 3600.5),
        ("2026-03-01T14:00:00+01:00", NOW + 3600),
        ("2026-03-01T11:59:57Z", NOW - 3),
    ],
)
def test_a_time_with_a_zone_is_that_moment(text, expected):
    assert read_start(text, now=NOW, zone=UTC) == expected


@pytest.mark.parametrize("text", ["2026-03-01T15:00", "2026-03-01T15:00:00", "2026-03-01 15:00", "2026-03-01 15:00:00"])
def test_a_time_without_a_zone_is_the_servers(text):
    assert read_start(text, now=NOW, zone=timezone(timedelta(hours=2))) == NOW + 3600


def test_no_time_means_at_once():
    assert read_start("", now=NOW, zone=UTC) is None
