"""The command line of llama-server, its log lines and its numbers: all without running it."""

from __future__ import annotations

import pytest
from attrs import fields

from swaplab_core.plugin import LaunchRequest, ModelId, PluginFailed, Progress, Usage
from swaplab_llamacpp.backend import LlamaCppBackend, find_server
from swaplab_llamacpp.options import LlamaCppOptions

INSTALLED = {"llama-server": "/usr/bin/llama-server", "my-server": "/opt/my-server"}


def launch(model="/models/a.gguf", *, model_id="qwen", programs=INSTALLED, **options):
    request = LaunchRequest(ModelId(model_id), LlamaCppOptions(model=model, **options), "127.0.0.1", 5800, programs.get)
    return LlamaCppBackend().launch(request)


def test_the_smallest_entry_makes_a_complete_command_line():
    assert launch().argv == (
        "/usr/bin/llama-server",
        *("-m", "/models/a.gguf"),
        *("--alias", "qwen"),
        *("--host", "127.0.0.1"),
        *("--port", "5800"),
        *("--jinja", "--metrics", "--no-webui"),
    )


def test_every_option_becomes_its_flag():
    argv = launch(
        ctx_size=8192,
        gpu_layers=33,
        parallel=2,
        threads=6,
        flash_attention="on",
        cache_type_k="q8_0",
        cache_type_v="q4_0",
        mmproj="/models/mm.gguf",
        embeddings=True,
        reranking=True,
        pooling="mean",
        jinja=False,
        chat_template="chatml",
        chat_template_file="/models/t.jinja",
        metrics=False,
        slots=True,
        webui=True,
        extra_args=("--mlock", "--seed", "7"),
    ).argv
    assert argv[9:] == (
        *("--ctx-size", "8192"),
        *("--gpu-layers", "33"),
        *("--parallel", "2"),
        *("--threads", "6"),
        *("--flash-attn", "on"),
        *("--cache-type-k", "q8_0"),
        *("--cache-type-v", "q4_0"),
        *("--mmproj", "/models/mm.gguf"),
        *("--embeddings", "--reranking"),
        *("--pooling", "mean"),
        "--no-jinja",
        *("--chat-template", "chatml"),
        *("--chat-template-file", "/models/t.jinja"),
        *("--slots", "--webui"),
        *("--mlock", "--seed", "7"),
    )


def test_zero_is_a_value_and_not_left_out():
    argv = launch(gpu_layers=0, ctx_size=0).argv
    assert argv[9:13] == ("--ctx-size", "0", "--gpu-layers", "0")


def test_readiness_is_the_health_of_the_server():
    spec = launch()
    assert spec.readiness.path == "/health"
    assert spec.base_url == "http://127.0.0.1:5800"


def test_pages_of_other_origins_are_kept_out_in_a_way_that_older_builds_survive():
    spec = launch()
    assert spec.env == {"LLAMA_ARG_CORS_ORIGINS": "localhost"}
    assert not [argument for argument in spec.argv if "cors" in argument]


def test_the_first_installed_program_is_used():
    assert find_server({"llama-server-vulkan": "/v", "llama-server": "/l"}.get) == "/l"
    assert find_server({"llama-server-vulkan": "/v"}.get) == "/v"
    assert find_server({}.get) is None


def test_the_entry_can_name_the_program():
    assert launch(binary="my-server").argv[0] == "/opt/my-server"


def test_a_missing_program_is_refused_with_advice():
    with pytest.raises(PluginFailed, match=r"llama-server or llama-server-vulkan was not found \(install llama\.cpp"):
        launch(programs={})
    with pytest.raises(PluginFailed, match="mine was not found"):
        launch(binary="mine")


@pytest.mark.parametrize("option", ["model", "mmproj", "chat_template_file"])
def test_a_path_that_begins_with_a_dash_is_no_flag(option):
    argv = launch(**{"model": "/models/a.gguf", option: "-x.gguf"}).argv
    assert "./-x.gguf" in argv
    assert "-x.gguf" not in argv


@pytest.mark.parametrize(
    ("model_id", "alias"),
    [
        ("org/name:Q4", "org/name:Q4"),
        ("a,b", "a_b"),
        ("--host", "_host"),
        ("two\nlines", "two_lines"),
        (",", "_"),
    ],
)
def test_the_alias_is_one_name_whatever_the_model_is_called(model_id, alias):
    argv = launch(model_id=model_id).argv
    assert argv[argv.index("--alias") + 1] == alias


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"model": "~/models/a.gguf"}, r"~/models/a\.gguf: no shell runs .* \(write \$\{env\.HOME\}"),
        ({"model": "/m/big-00002-of-00003.gguf"}, "is not the first part of the model"),
        ({"model": "/m/a\n.gguf"}, "holds a line break"),
        ({"chat_template": "{% for m in messages %}\n{% endfor %}"}, "chatTemplateFile"),
        ({"extra_args": ("a\0b",)}, "holds a line break"),
    ],
)
def test_what_cannot_work_is_refused_with_advice(options, complaint):
    with pytest.raises(PluginFailed, match=complaint) as caught:
        launch(**options)
    assert caught.value.advice


@pytest.mark.parametrize("model", ["/m/big-00001-of-00003.gguf", "/m/00002-of-00003/a.gguf", "/m/a-2-of-3.gguf"])
def test_the_first_part_and_names_that_only_look_alike_are_taken(model):
    assert model in launch(model).argv


CONTAINER = {"image": "llama:1", "programs": {"docker": "/usr/bin/docker"}}


def test_a_container_publishes_its_port_on_one_address_and_sees_the_folders_of_its_files():
    argv = launch(**CONTAINER, chat_template_file="/templates/t.jinja", gpu_layers=0).argv
    run, arguments = argv[: argv.index("llama:1")], argv[argv.index("llama:1") + 1 :]
    assert run[run.index("-p") + 1] == "127.0.0.1:5800:5800"
    assert [run[at + 1] for at, word in enumerate(run) if word == "-v"] == [
        "/models:/models:ro",
        "/templates:/templates:ro",
    ]
    assert "--network" not in run
    assert arguments[4:8] == ("--host", "0.0.0.0", "--port", "5800")


@pytest.mark.parametrize("words", [("--network=host",), ("--network", "host"), ("--net=host",)])
def test_a_container_on_the_machines_network_listens_at_the_models_address_only(words):
    argv = launch(**CONTAINER, docker_args=words).argv
    assert "-p" not in argv
    assert argv[argv.index("--host") + 1] == "127.0.0.1"
    assert [word for word in argv if "net" in word] == [word for word in words if "net" in word]


def test_a_router_is_told_only_what_the_entry_says():
    """What it is told beats its presets, so defaults of ours would take them away."""
    argv = launch("", presets="/srv/small.ini", models_max=2, ctx_size=512, extra_args=("-v",)).argv
    assert argv == (
        "/usr/bin/llama-server",
        *("--models-preset", "/srv/small.ini", "--models-max", "2"),
        *("--host", "127.0.0.1", "--port", "5800"),
        *("--ctx-size", "512", "-v"),
    )


def test_a_router_in_a_container_sees_its_folder():
    argv = launch("", **CONTAINER, models_dir="/srv/models").argv
    assert argv[argv.index("-v") + 1] == "/srv/models:/srv/models:ro"
    assert argv[argv.index("--models-dir") + 1] == "/srv/models"


def test_every_option_is_documented_in_the_readme(request):
    readme = (request.path.parents[1] / "README.md").read_text()
    for option in fields(LlamaCppOptions):
        first, *others = option.name.split("_")
        key = first + "".join(word.title() for word in others)
        assert f"| `{key}` |" in readme


@pytest.mark.parametrize(
    ("line", "progress"),
    [
        ("0.00.004.272 I srv    load_model: loading model '/models/a.gguf'", Progress("weights")),
        ("load_tensors: loading model tensors, this can take a while... (mmap = true)", Progress("weights")),
        ("main: loading model", Progress("weights")),
        ("common_init_: warming up the model with an empty run - please wait ...", Progress("warm-up")),
        ("0.00.010.612 I srv    load_model: initializing, n_slots = 2, n_ctx_slot = 2048", Progress("slots")),
        ("srv    load_model: initializing slots, n_slots = 4", Progress("slots")),
        ("0.00.735.553 I srv  llama_server: model loaded", Progress("ready", 1.0)),
        ("0.00.735.578 I srv  llama_server: listening on http://127.0.0.1:5800", Progress("ready", 1.0)),
        ("main: server is listening on http://127.0.0.1:5800 - starting the main loop", Progress("ready", 1.0)),
        ("main: HTTP server is listening, hostname: 127.0.0.1, port: 5800, http threads: 11", None),
        ("srv    load_model: loading model '/tmp/x: model loaded'", Progress("weights")),
        ("llama_model_loader: - type  f32:   61 tensors", None),
        ("....................", None),
        ("", None),
    ],
)
def test_log_lines_of_current_and_older_builds_are_progress(line, progress):
    assert LlamaCppBackend().progress(line) == progress


def test_the_timings_of_a_response_are_its_usage():
    message = {
        "usage": {"prompt_tokens": 31, "completion_tokens": 8},
        "timings": {"cache_n": 30, "prompt_n": 1, "predicted_n": 8, "predicted_per_second": 29.1},
    }
    assert LlamaCppBackend().usage(message) == Usage(1, 8, 30, output_per_second=29.1)
