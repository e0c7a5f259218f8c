"""Pictures of every page, light and dark, for the documentation: `make screenshots`. Needs Debian's chromium.

The demo is served from a folder of its own, two models are asked and one is measured.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Route, ViewportSize, sync_playwright

from swaplab_core.builtin.recipe_schema1 import Schema1Parser
from swaplab_core.testing.recipe_kit.folders import Style, make_kit
from swaplab_docker.testing_dockerd import Dockerd, running_dockerd
from swaplab_hub.testing import COMMIT, make_cached
from swaplab_llamacpp.recipes import LlamaCppRecipeParser

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
SWAPLAB = Path(sys.executable).with_name("swaplab")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PAGES = {
    "overview": "/", "playground": "/playground", "models": "/models", "model": "/models/scripted",
    "connect": "/connect",
    "activity": "/activity", "request": "/activity/1", "timeline": "/timeline", "logs": "/logs", "jobs": "/jobs",
    "recipes": "/x/recipes/catalogue", "recipe": "/x/recipes/recipe?recipe=spark-vllm-docker:qwen.yaml",
    "backends": "/x/recipes/backends", "cluster": "/x/cluster/nodes",
    "hub": "/x/hub/models",
    "performance": "/performance", "hardware": "/performance/hardware", "benchmarks": "/x/benchy/runs",
    "images": "/x/docker/images", "containers": "/x/docker/containers",
    "configuration": "/config", "plugins": "/plugins", "settings": "/settings",
}  # fmt: skip
CACHED = {
    "Qwen/Qwen3-8B": {f"model-0000{part}-of-00003.safetensors": 5_460_000_000 for part in (1, 2, 3)},
    "ggml-org/gpt-oss-20b-GGUF": {"gpt-oss-20b-mxfp4.gguf": 12_109_566_560},
    "HuggingFaceTB/SmolLM2-135M-Instruct-GGUF": {"smollm2-135m-instruct-Q8_0.gguf": 144_811_360},
}
SHOWN = (
    "**/api/recipes/**", "**/api/plugins/hub/**", "**/api/config/editor", "**/api/benchy*", "**/api/benchy/*",
    "**/api/models/*", "**/api/captures/*", "**/api/diagnostics*",
)  # fmt: skip
"""Answers in which folders of this machine stand."""
SETTLE_MS = 1500
SIZE: ViewportSize = {"width": 1280, "height": 800}
BENCHY = ROOT / ".cache" / "benchy" / "bin" / "llama-benchy"


@contextmanager
def containers() -> Iterator[dict[str, str]]:
    """An engine with some images and containers, where one can be started: what makes the demo find it."""
    with running_dockerd() as engine:
        if isinstance(engine, str):
            print(f"The pages of containers show none: {engine}")
            yield {"DOCKER_HOST": "unix:///run/no-such.sock"}
            return
        fill(engine)
        yield engine.environment


def fill(engine: Dockerd) -> None:
    """Some images, and containers of another swaplab and of somebody else."""
    programs = [Path(path).resolve() for path in ("/bin/dash", "/bin/sleep")]
    for name in ("llama-cpp-spark:last", "vllm-node:latest", "team/engine:1.2"):
        engine.build(name, programs, files={"name": name.encode()}, entrypoint=("/bin/dash", "-c"))
    engine.docker("tag", "team/engine:1.2", "team/engine:stable")
    run = ("run", "--detach", "--init", "--network", "none")
    labels = ("--label", "swaplab.managed=1", "--label", "swaplab.instance=lab-2", "--label", "swaplab.model=qwen")
    engine.docker(*run, "--name", "swaplab_qwen_lab-2", *labels, "vllm-node:latest", "echo ready; sleep 600")
    engine.docker(*run, "--name", "tools", "team/engine:1.2", "sleep 600")


@contextmanager
def demo(folder: Path, more: dict[str, str]) -> Iterator[str]:
    """Serve the demo; answers its address."""
    cache_models(folder / "hf" / "hub")
    ours = {"SWAPLAB_STATE_DIR": str(folder / "state"), "HF_HOME": str(folder / "hf"), "PYTHONUNBUFFERED": "1"}
    ours |= {"LLAMA_BENCHY_CMD": str(BENCHY)} if BENCHY.exists() else {}
    environment = {**os.environ, **ours, **more}
    argv = [SWAPLAB, "demo", "--folder", folder / "demo", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                    yield found[0]
                    break
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def cache_models(cache: Path) -> None:
    """A model cache to look at; the weights are holes."""
    for repo, files in CACHED.items():
        folder = make_cached(cache, f"models--{repo.replace('/', '--')}", revisions={}, refs={"main": COMMIT})
        for name, size in files.items():
            blob, link = folder / "blobs" / name, folder / "snapshots" / COMMIT / name
            link.parent.mkdir(parents=True, exist_ok=True)
            with blob.open("wb") as file:
                file.truncate(size)
            link.symlink_to(f"../../blobs/{name}")


def some_recipes(folder: Path) -> None:
    """Two backend folders with recipes beside the demo's configuration, one of which has a mistake."""
    kit, recipe = make_kit(folder / "demo"), Schema1Parser().template()
    broken = recipe.replace("{port}", "{prot}").replace("New recipe", "Coder")
    recipes = {"qwen.yaml": recipe.replace("New recipe", "Qwen, one machine"), "team/coder.yaml": broken}
    kit.folder("spark-vllm-docker", Style.GEN2, recipes)
    kit.folder("spark-llama-cpp", Style.LLAMACPP, {"small.yaml": LlamaCppRecipeParser().template()})


def login(url: str, folder: Path) -> str:
    """A link that makes the browser the administrator."""
    argv = [SWAPLAB, "ui", "--url", url, "--state-dir", folder / "state"]
    output = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    found = re.search(r"http://\S+", output)
    assert found, output
    return found[0]


def live_a_little(page: Page, url: str) -> None:
    """Ask both models, so that there is something to see."""
    for model in ("scripted", "smollm2", "scripted"):
        body = {"model": model, "max_tokens": 48, "messages": [{"role": "user", "content": "What can you do?"}]}
        page.request.post(f"{url}/v1/chat/completions", data=body, timeout=120_000)
    page.goto(f"{url}/ui/#/playground?model=scripted")
    page.get_by_label("Message").fill("What can you do?")
    page.keyboard.press("Enter")
    page.locator("[data-state=done]").first.wait_for(timeout=60_000)


def benchmark_a_little(page: Page, url: str) -> None:
    """Two runs of the real model, where llama-benchy is, so that there is something to compare."""
    if not BENCHY.exists():
        return
    body = {
        "model": "smollm2",
        "pp": [32, 64],
        "tg": [16],
        "depth": [0, 64],
        "runs": 5,
        "skipCoherence": True,
        "exactTg": True,
    }
    for _ in range(2):
        run = page.request.post(f"{url}/api/benchy", data=body, headers={"X-Swaplab": "1"}).json()["id"]
        while "finishedAt" not in page.request.get(f"{url}/api/benchy/{run}").json():
            page.wait_for_timeout(SETTLE_MS)


def choose_results(page: Page) -> None:
    """Compare what was measured; the page is long."""
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.reload()
    page.wait_for_timeout(SETTLE_MS)
    for box in page.locator("[data-result] input").all():
        box.check()
    page.wait_for_timeout(2 * SETTLE_MS)


def without_our_paths(route: Route, folder: Path) -> None:
    """Pass an answer on with the folders of this machine named as a reader's would be."""
    answer = route.fetch()
    text = answer.text().replace(str(ROOT), "/home/you/swaplab").replace(str(folder), "/home/you/swaplab")
    route.fulfill(response=answer, body=text)


def take(browser: Browser, url: str, link: str, folder: Path) -> None:
    """Every page in both lights."""
    context = browser.new_context(viewport=SIZE)
    page = context.new_page()
    for shown in SHOWN:
        page.route(shown, lambda route: without_our_paths(route, folder))
    page.goto(link)
    page.wait_for_timeout(SETTLE_MS)
    live_a_little(page, url)
    benchmark_a_little(page, url)
    for name, path in PAGES.items():
        page.goto(f"{url}/ui/#{path}")
        page.wait_for_timeout(SETTLE_MS)
        if name == "benchmarks":
            choose_results(page)
        for light in ("light", "dark"):
            page.emulate_media(color_scheme=light)
            page.wait_for_timeout(250)
            page.screenshot(path=IMAGES / f"{name}-{light}.png")
        page.set_viewport_size(SIZE)


def main() -> None:
    """Take them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="swaplab-shots-") as name,
        containers() as engine,
        demo(Path(name), engine) as url,
    ):
        time.sleep(1)
        some_recipes(Path(name))
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            take(browser, url, login(url, Path(name)), Path(name))
            browser.close()


if __name__ == "__main__":
    main()
