"""Swap Laboratories' environment variables: each is followed, and a test says so, or it is refused with its reason."""

from __future__ import annotations

import re

import pytest
from repository import ROOT

PATHS, ACTIONS = "tests/unit/services/test_recipe_paths.py", "tests/integration/recipes/test_backend_actions.py"
CLI, PLACES = "tests/unit/cli/test_options.py", "plugins/swaplab_hub/tests/test_places.py"
CLUSTER = "plugins/swaplab_cluster/tests"
SETTINGS, AGENT, STATUS = f"{CLUSTER}/test_settings.py", f"{CLUSTER}/test_agent.py", f"{CLUSTER}/test_status.py"
BENCHY, RUNNER = "plugins/swaplab_benchy/tests/test_environment.py", "plugins/swaplab_benchy/tests/test_runner.py"
LLAMACPP, TRTLLM = "plugins/swaplab_llamacpp/tests/test_recipes.py", "plugins/swaplab_trtllm/tests/test_trtllm.py"
CLIENTS, MODELS = (
    "tests/integration/server/test_careful_with_clients.py",
    "tests/integration/recipes/test_managed_models.py",
)

FOLLOWED = {
    "LLAMA_SWAP_RECIPES_BACKEND_DIR": ACTIONS,
    "LLAMA_SWAP_RECIPES_BACKEND_OVERRIDE_FILE": PATHS,
    "LLAMA_SWAP_RECIPES_DIR": PATHS,
    "LLAMA_SWAP_LOCAL_RECIPES_DIR": PATHS,
    "LLAMA_SWAP_CONFIG_PATH": CLI,
    "LLAMA_SWAP_LISTEN": CLI,
    "LLAMA_SWAP_CLUSTER_AUTODISCOVER_PATH": SETTINGS,
    "LLAMA_SWAP_CLUSTER_STATUS_CACHE_TTL_SECONDS": SETTINGS,
    "LLAMA_SWAP_CLUSTER_STOP_TIMEOUT_SECONDS": SETTINGS,
    "LLAMA_SWAP_CLUSTER_EXEC_MODE": SETTINGS,
    "LLAMA_SWAP_CLUSTER_INVENTORY_FILE": SETTINGS,
    "LLAMA_SWAP_CLUSTER_SETTINGS_FILE": SETTINGS,
    "LLAMA_SWAP_CLUSTER_HEAD_NODE": SETTINGS,
    "LLAMA_SWAP_CLUSTER_DEFAULT_SSH_USER": SETTINGS,
    "LLAMA_SWAP_CLUSTER_AGENT_REMOTE_ROOT": SETTINGS,
    "LLAMA_SWAP_AGENT_DEFAULT_PORT": SETTINGS,
    "LLAMA_SWAP_AGENT_TOKEN_FILE": SETTINGS,
    "LLAMA_SWAP_AGENT_TOKEN": AGENT,
    "LLAMA_SWAP_AGENT_LISTEN": AGENT,
    "LLAMA_SWAP_CLUSTER_RDMA_REQUIRED": SETTINGS,
    "LLAMA_SWAP_CLUSTER_RDMA_ETH_IF": SETTINGS,
    "LLAMA_SWAP_CLUSTER_RDMA_IB_IF": SETTINGS,
    "LLAMA_SWAP_HF_DOWNLOAD_SCRIPT": ACTIONS,
    "LLAMA_SWAP_HF_HUB_PATH": PLACES,
    "LLAMA_SWAP_HF_HUB_PATH_OVERRIDE_FILE": PLACES,
    "LLAMA_SWAP_TRTLLM_SOURCE_IMAGE": TRTLLM,
    "LLAMA_SWAP_LLAMACPP_SOURCE_IMAGE": LLAMACPP,
    "LLAMA_BENCHY_CMD": RUNNER,
    "LLAMA_BENCHY_DISABLE": BENCHY,
    "LLAMA_BENCHY_OUTPUT_DIR": BENCHY,
    "LLAMA_BENCHY_HF_HOME": BENCHY,
    "LLAMA_SWAP_BENCHY_PY_SHIM_DIR": BENCHY,
    "LLAMA_SWAP_SWEBENCH_TEXT_COMPAT": BENCHY,
    "HF_HOME": PLACES,
    "TRANSFORMERS_CACHE": STATUS,
    "LLAMA_CPP_SPARK_IMAGE": LLAMACPP,
    "LLAMA_SWAP_SECURITY_HEADERS": CLIENTS,
    "LLAMA_SWAP_RATE_LIMIT_RPM": CLIENTS,
    "LLAMA_SWAP_RATE_LIMIT_BURST": CLIENTS,
    "LLAMA_SWAP_RATE_LIMIT_TTL_SECONDS": CLIENTS,
    "VLLM_SPARK_EXTRA_DOCKER_ARGS": "plugins/swaplab_vllm/tests/test_vllm.py",
}
REFUSED = {"GIN_MODE": "it speaks to a framework that is not used here"}
OF_RUNNERS = ("LLAMA_CPP_CACHE_DIR", "LLAMA_CPP_PREFER_HF_SNAPSHOT")
"""What the runner of a backend folder reads: it has the daemon's environment, where they are."""


def _source() -> str:
    files = [*ROOT.glob("swaplab_core/**/*.py"), *ROOT.glob("plugins/*/swaplab_*/**/*.py")]
    return "\n".join(file.read_text() for file in files)


SOURCE = frozenset(re.findall(r"[A-Z][A-Z0-9_]+", _source()))


@pytest.mark.parametrize("variable", FOLLOWED)
def test_a_variable_is_followed_and_its_test_names_it(variable):
    assert variable in SOURCE
    test = (ROOT / FOLLOWED[variable]).read_text()
    assert re.search(rf"\b{variable}\b", test), f"{FOLLOWED[variable]} says nothing of {variable}"


@pytest.mark.parametrize("variable", REFUSED)
def test_a_variable_is_refused_for_a_reason_and_read_nowhere(variable):
    assert REFUSED[variable]
    assert variable not in SOURCE


@pytest.mark.parametrize("variable", OF_RUNNERS)
def test_a_variable_of_runners_reaches_them(variable):
    assert variable in (ROOT / MODELS).read_text()
