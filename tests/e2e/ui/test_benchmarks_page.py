"""The page Benchmarks in a real browser: real llama-benchy, through the proxy, against real weights on llama-server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser import barriers
from llama_benchy import llama_benchy, smollm2
from playwright.sync_api import expect
from running_swaplab import marked_processes, running_swaplab

from swaplab_core.testing.waiting import wait_until

PAGE = "/x/benchy/runs"
LONG_MS = 90_000
pytestmark = pytest.mark.xdist_group("benchmarks")


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, tiny_gguf, llama_server):
    folder = tmp_path_factory.mktemp("benchmarks-page")
    engine = {"backend": "llamacpp", "server": str(llama_server)}
    models = {
        "smol": {**engine, "model": str(smollm2()), "ctxSize": 2048},
        "tiny": {**engine, "model": str(tiny_gguf("The capital is Paris.", endless=True)), "ctxSize": 4096},
    }
    env = {"LLAMA_BENCHY_CMD": str(llama_benchy())}
    with running_swaplab(folder, models, env=env, healthCheckTimeout=60) as running:
        yield running


def start(page, model, **fields):
    """Fill the form as a person does, and send it; the drawer of the job that opens is closed again."""
    page.locator(".benchy").get_by_role("button", name="Run a benchmark").click()
    form = page.get_by_role("dialog", name="Run a benchmark")
    form.get_by_label("Model", exact=True).fill(model)
    for summary in form.locator("summary").all():
        if summary.locator("..").get_attribute("open") is None:
            summary.click()
    for label, value in {"Repetitions": "2", "Latency": "none", **fields}.items():
        field = form.get_by_label(label, exact=True)
        if value is True:
            field.check()
        elif field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(label=value)
        else:
            field.fill(value)
    form.get_by_label("Skip the coherence test").check()
    form.get_by_label("No warm-up").check()
    form.get_by_role("button", name="Run", exact=True).click()
    drawer = page.locator("dialog.drawer[open]")
    expect(drawer).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()


def newest(page):
    return page.locator(".run").first


def state(run):
    return run.locator("[data-state]")


def test_a_run_is_started_watched_stored_charted_and_compared(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token, size=(1280, 1600)) as page:
        sizes = {
            "Prompt tokens": "32",
            "Generated tokens": "16",
            "Context depth": "0, 64",
            "Exactly so many tokens": True,
        }
        start(page, "smol", **sizes, Repetitions="5")
        run = newest(page)
        expect(run.get_by_role("progressbar")).to_have_attribute("aria-valuenow", re.compile("[1-9]"), timeout=LONG_MS)
        expect(run).to_contain_text(re.compile(r"about \d+ (s|min) left"), timeout=LONG_MS)
        run.get_by_role("button", name="Log").click()
        expect(run.locator("sl-log")).to_contain_text("llama-benchy", timeout=LONG_MS)
        assert barriers(page) == []
        expect(state(newest(page))).to_have_text("done", timeout=LONG_MS)
        row = page.locator("[data-result]").first
        expect(row).to_contain_text("pp32 tg16 @ d64")
        expect(row).to_contain_text("smol")
        row.get_by_role("checkbox").check()
        chart = page.locator("[data-chart]")
        expect(chart.get_by_role("img", name="Writing (tokens/s) against context depth")).to_be_visible()
        assert chart.locator("circle").count() == 2
        chart.get_by_role("button", name="Reading (tokens/s)").click()
        expect(chart.get_by_role("img", name="Reading (tokens/s) against context depth")).to_be_visible()
        page.locator("details", has_text="What produced it").locator("summary").click()
        expect(page.locator(".origin")).to_contain_text(".gguf")

        start(page, "smol", **sizes, Repetitions="5")
        expect(page.locator("[data-result]")).to_have_count(2, timeout=LONG_MS)
        page.locator("[data-result]").first.get_by_role("checkbox").check()
        verdict = page.locator("[data-comparison] [data-verdict]").first
        expect(verdict).to_be_visible(timeout=LONG_MS)  # numpy and scipy are loaded first
        expect(page.locator("[data-history] circle")).to_have_count(2)
        expect(page.locator("[data-board]")).to_contain_text("smol")
        assert barriers(page) == []
        with page.expect_download() as exported:
            page.get_by_role("link", name="CSV").click()
        assert Path(exported.value.path()).read_text().count("\n") == 1 + 2 * 2

    with visitor.visit(swaplab, "/models/smol?tab=benchy:model", key=swaplab.admin_token, theme="dark") as page:
        expect(page.locator("[data-result]")).to_have_count(2)
        expect(page.locator("[data-history]")).to_be_visible()
        assert barriers(page) == []


def test_two_runs_of_a_model_queue_and_one_that_is_cancelled_at_half_leaves_no_process(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        start(page, "tiny", **{"Prompt tokens": "64", "Generated tokens": "256", "Repetitions": "100"})
        running = newest(page)
        expect(running.get_by_role("progressbar")).to_have_attribute(
            "aria-valuenow", re.compile("[1-9]"), timeout=LONG_MS
        )
        start(page, "tiny", **{"Prompt tokens": "32", "Generated tokens": "8"})
        expect(state(newest(page))).to_have_text("waiting")
        expect(newest(page)).to_contain_text("benchmark")
        page.locator(".run", has=page.locator("[data-state=running]")).get_by_role("button", name="Cancel").click()
        expect(page.locator("[data-state=cancelled]")).to_have_count(1)
        expect(page.locator("[data-result]").first).to_contain_text("pp32 tg8", timeout=LONG_MS)
        expect(page.locator("[data-result]", has_text="pp64")).to_have_count(0)
        expect(page.locator("[data-state=running], [data-state=queued]")).to_have_count(0, timeout=LONG_MS)
        wait_until(lambda: not benchmarks_of(swaplab), "all of both runs to be gone")


def benchmarks_of(swaplab):
    def is_benchmark(pid):
        try:
            return b"llama-benchy" in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return False

    return [pid for pid in marked_processes(swaplab.mark) if is_benchmark(pid)]


def test_what_went_wrong_is_said_on_the_page(visitor, swaplab):
    quick = {"Prompt tokens": "32", "Generated tokens": "8"}
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        for fields, said in (
            ({**quick, "Prompt tokens": "9000"}, "does not fit the model's context of 4096"),
            ({**quick, "Tokenizer": "/nonexistent/tokenizer"}, "the tokenizer '/nonexistent/tokenizer' could not be"),
            ({**quick, "Address": "http://127.0.0.1:9"}, "nobody answers at 127.0.0.1:9"),
        ):
            start(page, "tiny", **fields)
            expect(newest(page).get_by_role("alert")).to_contain_text(said, timeout=LONG_MS)
        assert barriers(page) == []


def test_a_run_is_scheduled_in_the_persons_own_time(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        start(page, "tiny", **{"Start at": "2040-01-01T12:00"})
        expect(state(newest(page))).to_have_text("scheduled")
        expect(newest(page)).to_contain_text("starts at 1/1/40, 12:00")
        newest(page).get_by_role("button", name="Cancel").click()
        expect(state(newest(page))).to_have_text("cancelled")


def test_the_page_speaks_spanish(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token, language="es") as page:
        expect(page.get_by_role("heading", name="Resultados")).to_be_visible()
