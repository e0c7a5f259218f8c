"""Whole files: the example of the repository, one that has every key, realistic ones, and one full of mistakes."""

from __future__ import annotations

import re
from pathlib import Path

import attrs
import pytest

from swaplab_core.config.load import Source, load
from swaplab_core.config.schema import Config, ModelConfig, Peer
from swaplab_core.config.structure import fields_by_key
from swaplab_core.config.text import parse
from swaplab_core.domain.problem import Severity

HERE = Path(__file__).parent
CONFIGS = HERE.parents[1] / "fixtures" / "configs"
EXAMPLE = HERE.parents[2] / "config.example.yaml"
ENVIRONMENT = dict.fromkeys(["CLIENT_KEY", "ATTIC_KEY", "TEAM_KEY", "HOSTED_KEY", "HF_TOKEN"], "key") | {
    "MODELS": "/srv/models",
    "HOME": "/home/me",
}


@pytest.fixture
def load_file(backends):
    def load_file(path):
        text = path.read_text(encoding="utf-8")
        return load([Source(path.name, text)], environment=ENVIRONMENT, backends=backends)

    return load_file


@pytest.fixture
def every_key(load_file):
    return load_file(HERE / "every_key.yaml").config


# --- every key of llama-swap ---


def test_the_top_level_keys_are_read(every_key):
    assert (every_key.health_check_timeout_seconds, every_key.global_ttl_seconds) == (45, 900)
    assert (every_key.unload_timeout_seconds, every_key.start_port) == (20, 7000)
    assert (every_key.log_level, every_key.log_time_format, every_key.log_to_stdout) == ("debug", "RFC3339", "both")
    assert (every_key.metrics_max_in_memory, every_key.capture_buffer_mib) == (250, 12)
    assert (every_key.send_loading_state, every_key.include_aliases_in_list) == (True, True)
    assert every_key.store.path == "/var/lib/swaplab/activity.db"
    assert (every_key.performance.disabled, every_key.performance.every_seconds) == (True, 90)
    assert every_key.ui.activity.session_id == ("X-Session-ID", "X-Chat")
    assert every_key.upstream.ignore_paths == (r"\.(css|js)$", "^/ws$")
    assert every_key.api_keys == ("key", "second-key")
    assert every_key.allowed_origins == ("https://chat.example.org", "*")
    assert every_key.hooks.on_startup.preload == ("alpha", "beta")


def test_alpha_has_its_macros_its_port_and_its_types(every_key):
    alpha = every_key.models["alpha"]
    command = ("/opt/engine/bin/serve", "--listen", "7000", "--title", "alpha", "--context", "16384")
    assert (alpha.options.cmd, alpha.port, alpha.proxy) == (command, 7000, "http://localhost:7000")
    assert alpha.aliases == ("al", "alpha:deep")
    assert dict(alpha.env) == {"MODE": "fast", "OPTIONS": "a=b c"}
    assert (alpha.ttl_seconds, alpha.unload_timeout_seconds, alpha.concurrency_limit) == (0, 3, 6)
    assert (alpha.use_model_name, alpha.send_loading_state) == ("alpha-upstream", True)
    assert alpha.filters.strip_params == ("logit_bias", "top_p")
    assert dict(alpha.filters.set_params) == {"seed": 11}
    assert alpha.filters.set_params_by_id == {"alpha:deep": {"chat_template_kwargs": {"enable_thinking": True}}}
    assert alpha.metadata == {"port": 7000, "note": "up to 16384 tokens", "nested": [{"deep": 16384}]}
    assert (alpha.capabilities.inputs, alpha.capabilities.outputs) == (("text", "image"), ("text",))
    assert (alpha.capabilities.tools, alpha.capabilities.context) == (True, 16384)
    assert (alpha.timeouts.connect_seconds, alpha.timeouts.keepalive_seconds) == (4, 30)
    assert alpha.compat.ignore_websockets is True


def test_beta_and_gamma(every_key):
    beta, gamma = every_key.models["beta"], every_key.models["lab/gamma:8b"]
    assert (beta.port, beta.cmd_stop, beta.check_endpoint) == (7001, ("kill", "-INT", "${PID}"), None)
    assert (beta.unlisted, beta.send_loading_state, beta.ttl_seconds) == (True, False, 900)
    assert (gamma.port, gamma.proxy) == (None, "http://127.0.0.1:7999/v2")
    assert (gamma.name, gamma.description) == ("Gamma", "by lab/gamma:8b")


def test_routing_profiles_selectors_and_peers(every_key):
    router, scheduler = every_key.routing.router, every_key.routing.scheduler
    assert router.use == "matrix"
    assert list(router.settings.matrix.sets.items()) == [("two", "alpha & (beta | g)"), ("one", "+two | g")]
    assert dict(router.settings.matrix.evict_costs) == {"alpha": 30, "g": 4}
    assert (dict(scheduler.settings.fifo.priority), scheduler.settings.fifo.patience) == ({"alpha": 7}, 3)
    assert dict(every_key.profiles["desk"].pins) == {"writer": "al", "closed": None, "shut": None}
    assert every_key.selectors["near"].targets == ("alpha", "beta")
    assert every_key.selectors["pool"].settings.spillover == 3
    attic = every_key.peers["attic"]
    assert (attic.proxy, attic.api_key, attic.models) == ("http://10.1.1.9:8080", "key", ("big", "org/small"))
    assert (attic.filters.strip_params, attic.timeouts.response_header_seconds) == (("top_k",), 240)


# --- the example ---


def test_the_example_has_no_errors_and_names_nothing_unknown(load_file):
    loaded = load_file(EXAMPLE)
    assert loaded.config is not None, [str(problem) for problem in loaded.problems]
    assert [problem for problem in loaded.problems if "not supported yet" not in problem.message] == []


def test_the_example_shows_every_key(backends):
    root = parse(EXAMPLE.read_text(encoding="utf-8"), "example").root
    no_longer = {"logRequests", "healthCheckTimeout of a model"}
    assert set(fields_by_key(Config)) - set(root) <= no_longer
    shown = {key for model in root["models"].values() for key in model}
    assert set(fields_by_key(ModelConfig)) - shown == {"healthCheckTimeout"}
    for cls, node in ((Peer, root["peers"]["lab"]), (ModelConfig, root["models"]["qwen-coder"])):
        for key, field in fields_by_key(cls).items():
            if attrs.has(field.type):
                assert set(fields_by_key(field.type)) == set(node[key]), key


# --- realistic files ---


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_realistic_file_loads(load_file, path):
    loaded = load_file(path)
    assert [str(problem) for problem in loaded.problems if problem.severity is Severity.ERROR] == []
    assert loaded.config.models


def test_there_are_realistic_files():
    assert len(list(CONFIGS.glob("*.yaml"))) >= 5


def test_the_workstation(load_file):
    config = load_file(CONFIGS / "groups.yaml").config
    qwen = config.models["qwen-32b"].options.cmd
    assert qwen[-6:] == ("-m", "/srv/gguf/qwen2.5-32b.gguf", "-md", "/srv/gguf/qwen2.5-0.5b.gguf", "--draft-max", "16")
    assert config.models["qwen-32b"].filters.strip_params == ("temperature", "top_p")
    assert config.groups["always"].members == ("nomic-embed", "bge-reranker")
    assert config.groups["(default)"].members == ("whisper",)


def test_the_containers(load_file):
    models = load_file(CONFIGS / "docker.yaml").config.models
    gemma, mistral = models["gemma"], models["mistral-small"]
    assert gemma.options.cmd[:8] == ("docker", "run", "--rm", "--init", "--gpus", '"device=1"', "-p", "5801:8080")
    assert "/srv/gguf files:/models:ro" in gemma.options.cmd
    assert "DEBUG=1" not in gemma.options.cmd
    assert mistral.cmd_stop == ("docker", "stop", "--time", "20", "swap-mistral-small")
    assert "HF_TOKEN=key" in mistral.options.cmd
    assert models["comfyui_auto"].concurrency_limit == 50


def test_the_anchors(load_file):
    loaded = load_file(CONFIGS / "anchors.yaml")
    models = loaded.config.models
    assert models["medium"].options.cmd[4:8] == ("99", "--ctx-size", "32768", "--cache-type-k")
    assert models["medium"].metadata == {"flash": True, "ctx": 32768, "temperature": 0.7, "label": "ctx 32768"}
    assert models["small"].metadata["label"] == "ctx 8192"
    assert (models["small"].ttl_seconds, models["medium"].ttl_seconds, models["large"].unlisted) == (300, 900, True)
    assert models["large"].options.cmd[-2:] == ("--override", "40")
    assert models["large"].aliases == ("big-one", "large-latest")
    assert dict(models["large"].env) == {"CUDA_VISIBLE_DEVICES": "0", "GGML_CUDA_ENABLE_UNIFIED_MEMORY": "1"}
    warned = [(problem.line, problem.message) for problem in loaded.problems if "uses a YAML" in problem.message]
    assert [line for line, _ in warned] == [3, 24]


def test_twelve_mistakes_are_all_reported_each_with_its_line(load_file):
    path = CONFIGS / "broken" / "twelve_mistakes.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    planted = [number for number, line in enumerate(lines, 1) if re.search(r"# \d+:", line)]
    loaded = load_file(path)
    assert loaded.config is None
    assert len(planted) == 12
    assert sorted(problem.line for problem in loaded.problems) == planted
    assert all(problem.file == path.name and problem.column for problem in loaded.problems)
