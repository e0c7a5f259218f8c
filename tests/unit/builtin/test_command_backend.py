"""The plain command line, without running one."""

from __future__ import annotations

import pytest

from swaplab_core.builtin.command_backend import CommandBackend, CommandOptions
from swaplab_core.plugin import LaunchRequest, ModelId, PluginFailed, Progress


def request(*cmd, port=None, host="127.0.0.1"):
    return LaunchRequest(ModelId("m"), CommandOptions(cmd), host, port, find_program={}.get)


def test_the_command_runs_as_it_is_written():
    assert CommandBackend().launch(request("vllm", "serve", "--port", "5800")).argv == (
        "vllm",
        "serve",
        "--port",
        "5800",
    )


def test_with_a_port_the_server_is_expected_on_it():
    assert CommandBackend().launch(request("x", port=5801)).base_url == "http://127.0.0.1:5801"


def test_an_ipv6_address_is_put_in_brackets():
    assert CommandBackend().launch(request("x", port=5801, host="::1")).base_url == "http://[::1]:5801"


def test_without_a_port_the_address_is_left_to_the_entry():
    assert CommandBackend().launch(request("x")).base_url == ""


def test_an_empty_command_is_refused_with_advice():
    with pytest.raises(PluginFailed, match=r"the command of model 'm' is empty \(write cmd: program arguments\)"):
        CommandBackend().launch(request())


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("Loading safetensors checkpoint shards:  43% Completed | 3/7 [00:02<00:03]", Progress("loading", 0.43)),
        ("Downloading model.safetensors: 7.5%", Progress("downloading", 0.075)),
        ("Fetching 12 files:  50%|█████     | 6/12", Progress("downloading", 0.5)),
        ("Capturing CUDA graphs (PIECEWISE):  91%|█████████ | 61/67", Progress("graphs", 0.91)),
        ("torch compiling 100 %", Progress("compiling", 1.0)),
        ("loading: 250%", Progress("loading", 1.0)),
        ("GPU KV cache usage: 42%", None),
        ("42% of users loading", None),
        ("loading model", None),
        ("", None),
    ],
)
def test_percentages_in_lines_about_loading_are_progress(line, progress):
    assert CommandBackend().progress(line) == progress


def test_usage_is_read():
    usage = CommandBackend().usage({"usage": {"prompt_tokens": 3}})
    assert usage is not None
    assert usage.input_tokens == 3
