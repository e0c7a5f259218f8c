"""Images and containers in a browser: what is there, a deletion that is typed, and what to do without an engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import barriers
from playwright.sync_api import expect
from running_swaplab import running_swaplab

from swaplab_core.testing.require import missing
from swaplab_docker.testing_dockerd import ADVICE, running_dockerd


@pytest.fixture(scope="module")
def dockerd():
    with running_dockerd() as engine:
        if isinstance(engine, str):
            missing("docker", f"{engine}; {ADVICE}")
        engine.build("team/engine:1", [Path("/bin/dash"), Path("/bin/sleep")], entrypoint=("/bin/dash", "-c"))
        engine.docker("tag", "team/engine:1", "team/engine:old")
        yield engine


def test_an_image_is_deleted_when_its_name_is_typed(visitor, dockerd, tmp_path):
    dockerd.docker(
        "run", "-d", "--init", "--name", "worker", "--network", "none", "team/engine:1", "echo hi; sleep 600"
    )
    with running_swaplab(tmp_path, {}, env=dockerd.environment) as swaplab:
        with visitor.visit(swaplab, "/x/docker/images", key=swaplab.admin_token) as page:
            row = page.get_by_role("row").filter(has_text="team/engine:old")
            expect(row).to_contain_text("container worker")
            assert barriers(page) == []
            row.get_by_role("button", name="Delete").click()
            form = page.get_by_role("dialog", name="Delete")
            expect(form).to_contain_text("docker rmi team/engine:old")
            form.get_by_role("button", name="Run").click()
            question = page.get_by_role("dialog").filter(has_text="deleted from the machine")
            go = question.get_by_role("button", name="Delete")
            expect(go).to_be_disabled()
            question.get_by_role("textbox").fill("team/engine:old")
            go.click()
            expect(page.get_by_role("dialog").get_by_role("status").first).to_have_text("Succeeded")
            page.keyboard.press("Escape")
            expect(row).to_have_count(0)
            expect(page.get_by_role("row").filter(has_text="team/engine:1")).to_be_visible()
        with visitor.visit(swaplab, "/x/docker/containers", theme="dark", key=swaplab.admin_token) as page:
            row = page.get_by_role("row").filter(has_text="worker")
            expect(row).to_contain_text("not swaplab")
            expect(row.get_by_role("button", name="Stop and remove")).to_have_count(0)
            assert barriers(page) == []
            row.get_by_role("link", name="log").click()
            expect(page.get_by_role("log")).to_contain_text("hi")
    dockerd.docker("rm", "--force", "worker")


def test_without_an_engine_the_pages_say_what_to_do(visitor, tmp_path):
    with running_swaplab(tmp_path, {}, env={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}) as swaplab:
        for place in ("/x/docker/images", "/x/docker/containers"):
            with visitor.visit(swaplab, place) as page:
                expect(page.get_by_role("main")).to_contain_text("No container engine")
                expect(page.get_by_role("main")).to_contain_text("plugins.docker.host")
                assert barriers(page) == []
