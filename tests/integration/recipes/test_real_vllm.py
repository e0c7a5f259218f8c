"""The real vLLM on a CPU with a tiny model in it: loaded, answering, gone. `make nightly` installs it."""

from __future__ import annotations

import http.client
import json
import os

import pytest
from repository import ROOT
from running_swaplab import running_swaplab

from swaplab_core.testing.network import LOOPBACK
from swaplab_core.testing.require import require

VLLM = ROOT / ".cache" / "vllm"
SMALL = ["--max-model-len", "2048", "--max-num-seqs", "4", "--enforce-eager", "--dtype", "float32"]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_real_vllm_loads_answers_and_goes(tmp_path):
    program = VLLM / "bin" / "vllm"
    require("vllm", program if program.is_file() else None, "run `make .cache/vllm/.installed` (3 GB)")
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    entry = {"backend": "vllm", "model": str(VLLM / "tiny"), "extraArgs": SMALL}
    env |= {"VLLM_CPU_KVCACHE_SPACE": "1"}
    body = json.dumps({"model": "tiny", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with running_swaplab(tmp_path, {"tiny": entry}, env=env, healthCheckTimeout=500) as swaplab:
        client = http.client.HTTPConnection(LOOPBACK, swaplab.port, timeout=500)
        client.request("POST", "/v1/chat/completions", body, {"Content-Type": "application/json"})
        answer = json.loads(client.getresponse().read())
        client.close()
        assert answer["usage"]["completion_tokens"] == 8
        assert swaplab.model("tiny")["state"] == "ready"
