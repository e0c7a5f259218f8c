"""How fast the web pages are there, and how smoothly a long log moves, in a real Chromium.

    python -m benchmarks.pages [--rounds 7] [--json]

Each round is a browser that knows nothing yet: from the address until the models are shown and a key that is pressed is
written; the scripts that this took, as they came over the line. Then 50 000 lines of a log, moved by a screen at a
time: how long each frame took. Times are of the clock, so an idle machine says most.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.reload import running_daemon
from swaplab_core.testing.sim_process import SIM_ARGV

TARGETS = {"interactive_ms": 1000, "scripts_kib": 80, "frame_p95_ms": 34}
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
MODELS = 20
LINES = 50_000
SCREENS = 120
_LOG = f"""Array.from({{length: {LINES}}}, (_, n) => ({{seq: n, ts: n, source: 'model:x', text: `line ${{n}}`}}))
  .map(r => `event: line\\nid: ${{r.seq}}\\ndata: ${{JSON.stringify(r)}}\\n\\n`).join('')"""
_SCRIPTS = """performance.getEntriesByType('resource').filter(each => each.name.endsWith('.js'))
  .reduce((sum, each) => sum + each.encodedBodySize, 0)"""
_SCROLL = f"""async box => {{
  const frames = [], began = box.scrollTop;
  let last = await new Promise(requestAnimationFrame);
  for (let screen = 0; screen < {SCREENS}; screen += 1) {{
    box.scrollTop -= box.clientHeight;
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }}
  if (began - box.scrollTop < {SCREENS} * box.clientHeight * 0.9) throw new Error('the log has not moved');
  return frames;
}}"""


def first_visit(browser: Browser, url: str) -> tuple[float, float]:
    """Milliseconds until a person can search the models, and KiB of scripts until then."""
    page = browser.new_page()
    began = time.perf_counter()
    page.goto(f"{url}/ui/#/models")
    page.get_by_role("link", name="model-1", exact=True).wait_for()
    page.keyboard.press("/")
    page.keyboard.type("model-7")
    page.get_by_role("link", name="model-1", exact=True).wait_for(state="detached")
    took = (time.perf_counter() - began) * 1000
    scripts = page.evaluate(_SCRIPTS) / 1024
    page.close()
    return took, scripts


def scrolled(page: Page, url: str) -> list[float]:
    """Milliseconds of each frame while a long log is moved."""
    page.goto(f"{url}/ui/#/models")
    body = page.evaluate(_LOG)
    page.route("**/api/logs/stream?*", lambda route: route.fulfill(body=body, content_type="text/event-stream"))
    page.goto(f"{url}/ui/#/logs")
    page.get_by_text(f"line {LINES - 1}", exact=True).wait_for()
    return list(page.get_by_role("log").evaluate(_SCROLL))


def measure(program: str, rounds: int) -> dict[str, float]:
    """What `TARGETS` name."""
    command = " ".join(SIM_ARGV) + " --port ${PORT}"
    config = json.dumps({"models": {f"model-{number}": {"cmd": command} for number in range(MODELS)}})
    with (
        tempfile.TemporaryDirectory(prefix="swaplab-pages-") as folder,
        running_daemon(Path(folder), config, "--state-dir", folder) as (daemon, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        visits = [first_visit(browser, daemon.url) for _ in range(rounds + 1)][1:]
        frames = sorted(scrolled(browser.new_page(), daemon.url))
        browser.close()
    return {
        "interactive_ms": round(statistics.median(took for took, _ in visits), 1),
        "scripts_kib": round(max(scripts for _, scripts in visits), 1),
        "frame_p50_ms": round(statistics.median(frames), 1),
        "frame_p95_ms": round(frames[int(len(frames) * 0.95)], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    program = next((found for name in ("chromium-headless-shell", "chromium") if (found := shutil.which(name))), None)
    if program is None:
        raise SystemExit("there is no Chromium: apt install chromium")
    told = measure(program, options.rounds)
    if options.json:
        print(json.dumps(told))
        return
    for name, value in told.items():
        most = f"at most {TARGETS[name]}" if name in TARGETS else ""
        print(f"{name:16} {value:>8} {most}")


if __name__ == "__main__":
    main()
