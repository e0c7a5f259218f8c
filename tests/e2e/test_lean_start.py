"""What an idle daemon has in memory: no library that only some use, or that is needed later if at all.

A daemon that imports everything starts a second later and is twice as large. Whoever fails here imports a library at
the top of a module that the start needs: import it in the function that needs it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

USED_LATER_OR_NEVER = {
    "aiodocker", "alembic", "anthropic", "bcrypt", "certifi", "cffi", "cryptography", "docker", "fabric", "fsspec",
    "gguf", "google_re2", "greenlet", "hf_xet", "httpx", "huggingface_hub", "hypothesis", "invoke", "jinja2",
    "jsonschema", "litellm", "mako", "markupsafe", "multiprocessing", "nacl", "numpy", "ollama", "openai",
    "opentelemetry", "packaging", "pandas", "paramiko", "pip", "pkg_resources", "prometheus_client", "psycopg",
    "pydantic", "pydoc", "pygments", "pynvml", "pytest", "re2", "requests", "rich", "ruamel", "scipy", "setuptools",
    "sqlalchemy", "sqlite3", "tarfile", "tokenizers", "tomllib", "torch", "tqdm", "transformers", "unittest",
    "urllib3", "websockets", "wrapt", "xml", "yaml",
}  # fmt: skip

STARTED = """
import json, os, signal, sys
from swaplab_core.cli import commands

def announce(*_):
    print(json.dumps(sorted(sys.modules)), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

commands._announce = announce
commands.main(["serve", "--config", sys.argv[1], "--listen", "127.0.0.1:0"])
"""


def test_the_start_imports_nothing_that_only_some_use(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("models: {m: {cmd: 'sleep 1', proxy: 'http://127.0.0.1:9'}}\n")
    argv, env = [sys.executable, "-c", STARTED, config], {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    run = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=env)
    line = next((line for line in run.stdout.splitlines() if line.startswith('["')), None)
    assert line is not None, run.stdout + run.stderr
    modules = json.loads(line)
    assert "swaplab_cluster.ssh" in modules, "the plugins of this repository are loaded"
    assert sorted(USED_LATER_OR_NEVER & {name.partition(".")[0] for name in modules}) == []
    assert [name for name in modules if name.startswith("swaplab_core.testing")] == []
