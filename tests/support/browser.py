"""A real browser for tests of the web pages: one Chromium for the tests of a file, a clean profile for each visit.

`Visitor.visit` watches for what no page may do: throw, break the content policy, open a dialog of the browser, or ask
anybody but our own server. What is seen when a visit fails is kept as a picture in `.cache/screenshots`.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field
from playwright.sync_api import Browser, Page, expect, sync_playwright
from repository import ROOT
from running_swaplab import Swaplab

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that shows a moving circle, for pages that may use one
)
ADVICE = "install chromium (Debian and Ubuntu: apt install chromium)"
SCREENSHOTS = ROOT / ".cache" / "screenshots"
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
BUILT = ROOT / "swaplab_core" / "ui_dist" / "index.html"
DESKTOP, PHONE = (1280, 800), (390, 844)
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ESSENTIAL = 'class="piece '
"""A span of the swap timeline is as wide as it took long: WCAG 2.5.8 lets such targets be small, axe cannot know it."""
PATIENCE_MS = 60_000
"""For a machine that has other things to do."""

_LISTEN = """
window.told = [];
new MutationObserver(changes => {
  for (const { target } of changes) {
    const said = (target.closest ? target : target.parentElement)?.closest('[role=status]')?.textContent;
    if (said) window.told.push(said);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
_HARMLESS = re.compile(
    r"Failed to load resource: (the server responded with a status of|net::ERR_)"
    r"|Executing inline event handler violates the following Content Security Policy"
)
"""Written for every refusal, and whether that is right is for the test to say; and for what the sanitiser reads in a
document apart, before it takes it out: what ran would open a dialog."""


def find_browser(*, with_camera: bool = False) -> str | None:
    """A Chromium of this machine. One that never has windows has no camera, and a quarter of the work with a page."""
    names = ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    if with_camera:
        names.remove("chromium-headless-shell")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextlib.contextmanager
def running_browser(program: str) -> Iterator[Browser]:
    """Chromium, without its window."""
    expect.set_options(timeout=PATIENCE_MS)  # its own five seconds are not enough for a machine that is busy
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@define(eq=False)
class Visitor:
    """Opens pages and remembers what they did wrong."""

    browser: Browser
    name: str
    faults: list[str] = field(factory=list)
    _visits: int = 0

    @contextlib.contextmanager
    def visit(
        self,
        swaplab: Swaplab | str,
        place: str = "/",
        *,
        size: tuple[int, int] = DESKTOP,
        theme: str = "light",
        language: str = "en",
        key: str = "",
        prefix: str = "",
    ) -> Iterator[Page]:
        """Be at `place` (a hash route) of the pages. `key` logs in before."""
        url = swaplab if isinstance(swaplab, str) else swaplab.url
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme, locale=language, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        if key:
            answer = context.request.post(f"{url}/api/session", data={"key": key}, headers={"X-Swaplab": "1"})
            assert answer.ok, answer.text()
        context.add_init_script(_LISTEN)
        page = context.new_page()
        self._watch(page, urlsplit(url).netloc)
        page.goto(f"{url}{prefix}/ui/#{place}")
        page.locator("h1").first.wait_for()
        self._visits += 1
        try:
            yield page
        except BaseException:
            SCREENSHOTS.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=SCREENSHOTS / f"{_file_name(self.name)}-{self._visits}.png")
            raise
        finally:
            context.close()

    def forgive(self, *parts: str) -> None:
        """Forget the faults that hold one of these texts: the test wanted them."""
        self.faults = [fault for fault in self.faults if not any(part in fault for part in parts)]

    def _watch(self, page: Page, ours: str) -> None:
        def said(message: Any) -> None:
            if message.type == "error" and not _HARMLESS.match(message.text):
                self.faults.append(f"console: {message.text}")

        def asked(request: Any) -> None:
            target = urlsplit(request.url)
            if target.scheme not in {"data", "blob"} and target.netloc != ours:
                self.faults.append(f"asks {request.url}")

        def dialog(found: Any) -> None:
            self.faults.append(f"dialog: {found.message}")
            found.dismiss()

        page.on("console", said)
        page.on("pageerror", lambda error: self.faults.append(f"throws: {error}"))
        page.on("request", asked)
        page.on("dialog", dialog)


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-")[:120]


def told(page: Page, text: str) -> None:
    """Wait until the page has said this in passing: a message that goes by itself may be gone when it is looked for."""
    page.wait_for_function("text => window.told.some(said => said.includes(text))", arg=text)


def barriers(page: Page, *, rules: Sequence[str] = ()) -> list[str]:
    """What shuts people out of this page, by axe: all that is serious or worse, or only what `rules` find."""
    page.evaluate(AXE.read_text())
    only = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": TAGS}
    found = page.evaluate(
        "only => axe.run(document, {runOnly: only, resultTypes: ['violations'], iframes: false})", only
    )
    return [
        f"{violation['id']}: {violation['help']} at {node['target']}: {node.get('failureSummary', '')}"
        for violation in found["violations"]
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
        if not (violation["id"] == "target-size" and ESSENTIAL in node["html"])
    ]
