"""The Cluster page in a browser, with real machines behind it: two that answer, and one that is lost."""

from __future__ import annotations

import re

import pytest
from browser import barriers
from node_models import alone, sim_on
from playwright.sync_api import expect
from running_swaplab import running_swaplab

from swaplab_cluster.testing_machines import running_machines
from swaplab_cluster.testing_sshd import find_sshd
from swaplab_core.testing.require import require
from swaplab_core.testing.waiting import wait_until

PAGE = "/x/cluster/nodes"
REPO = "models--org--name"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    program = require("ssh", find_sshd(), "apt install openssh-server")
    with running_machines(tmp_path_factory.mktemp("room"), program, 3) as room:
        snapshot = room.machines["m1"].home / ".cache/huggingface/hub" / REPO / "snapshots" / "abc"
        snapshot.mkdir(parents=True)
        room.machines["m3"].cut_off()
        yield room


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory, room):
    folder = tmp_path_factory.mktemp("cluster-page")
    (folder / "cluster-inventory.yaml").write_text(room.inventory())
    cluster = {"sshIdentity": str(room.identity), "knownHosts": str(room.known_hosts), "collectSeconds": 3}
    models = {"far": sim_on("m1", "127.0.0.21"), "other": sim_on("m2", "127.0.0.22")}
    with running_swaplab(folder, models, plugins={"cluster": cluster}, **alone(*models)) as running:
        assert running.chat("far").status == 200
        yield running


def card(page, title):
    """The panel with this heading."""
    return (
        page.locator("section.sl-card, .sl-card").filter(has=page.get_by_role("heading", name=title, exact=True)).last
    )


def test_the_system_log_of_a_machine_is_a_source_of_the_logs(visitor, swaplab):
    with visitor.visit(swaplab, "/logs?source=proxy", key=swaplab.admin_token) as page:
        page.get_by_role("button", name="Sources:").click()
        expect(page.get_by_role("menuitemcheckbox", name="m1")).to_be_visible()
        page.get_by_role("menuitemcheckbox", name="m3").click()
        expect(page).to_have_url(re.compile("view%3Acluster%3Alog-m3"))
        page.get_by_role("searchbox").fill("m3: ")
        expect(page.get_by_role("log")).to_contain_text("cannot be reached")
    with visitor.visit(swaplab, "/logs?source=view:cluster:log-m3") as page:
        expect(page.get_by_role("heading", name="Log in")).to_be_visible()  # such logs are for the administrator


def test_the_page_tells_who_is_well_and_what_runs_where(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        expect(page.get_by_text("1 of 3 nodes cannot be reached: m3.")).to_be_visible()
        well, lost = card(page, "m1"), card(page, "m3")
        expect(well).to_contain_text("127.0.1.21")
        expect(well).to_contain_text("far")
        expect(lost).to_contain_text("Connection refused")
        assert barriers(page) == []
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token, theme="dark") as page:
        page.get_by_role("tab", name="Health").click()
        expect(page.get_by_role("row", name="m1")).to_contain_text("ms")
        expect(page.get_by_role("row", name="m1")).to_contain_text("%")
        expect(page.get_by_role("columnheader", name="RDMA")).to_be_visible()
        assert barriers(page) == []


def test_the_overview_says_it_in_a_word_and_the_pages_in_the_persons_language(visitor, swaplab):
    with visitor.visit(swaplab, key=swaplab.admin_token) as page:
        said = card(page, "Cluster")
        expect(said.get_by_text("not reachable")).to_have_count(1)
        expect(said.get_by_text("well", exact=True)).to_have_count(2)
        assert barriers(page) == []
        said.get_by_role("link", name="Details").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cluster")
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token, language="es") as page:
        expect(page.get_by_text("No se llega a 1 de 3 nodos: m3.")).to_be_visible()
        expect(card(page, "m3")).to_contain_text("inalcanzable")


def test_charts_storage_and_caches_have_a_tab_each(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        page.get_by_role("tab", name="Charts").click()
        expect(card(page, "Processor").get_by_role("img")).to_be_visible()
        expect(card(page, "Memory used").get_by_role("img")).to_be_visible()
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        page.get_by_role("tab", name="Storage").click()
        expect(page.get_by_role("row", name="~/.cache/huggingface/hub")).to_be_visible()
        assert barriers(page) == []
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        page.get_by_role("tab", name="Remote disks").click()
        expect(page.get_by_role("row", name="m1")).to_contain_text("none")
        page.get_by_role("tab", name="Model cache").click()
        expect(page.get_by_role("row", name="org/name")).to_be_visible()


def test_a_node_is_drained_from_its_card_and_takes_models_again(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        card(page, "m2").get_by_role("button", name="Drain").click()
        form = page.get_by_role("dialog", name="Drain")
        form.get_by_label("Reason").fill("a new cable")
        form.get_by_role("button", name="Run").click()
        expect(card(page, "m2")).to_contain_text("takes no models")
        assert "a new cable" in swaplab.chat("other").error["message"]
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        card(page, "m2").get_by_role("button", name="Undrain").click()
        page.get_by_role("dialog", name="Undrain").get_by_role("button", name="Run").click()
        wait_until(lambda: swaplab.chat("other").status == 200, "the node to take models again")


def test_a_copy_is_told_from_where_and_to_where_by_choosing(visitor, swaplab):
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        page.get_by_role("button", name="Copy a model").click()
        form = page.get_by_role("dialog", name="Copy a model")
        form.get_by_label("Model").fill(REPO)
        form.get_by_label("From").select_option(label="m1")
        form.get_by_role("checkbox", name="m2").check()
        expect(form.get_by_role("checkbox", name="m3")).to_be_visible()
        assert barriers(page) == []


def test_a_reboot_wants_more_than_a_click(visitor, swaplab):
    before = len(swaplab.ask_as_admin("GET", "/api/jobs").json()["jobs"])
    with visitor.visit(swaplab, PAGE, key=swaplab.admin_token) as page:
        page.get_by_role("button", name="Update and reboot").first.click()
        form = page.get_by_role("dialog", name="Update and reboot")
        form.get_by_role("checkbox", name="m1").check()
        expect(form.get_by_label("What will happen")).to_contain_text("UpdateAndReboot")
        form.get_by_role("button", name="Run").click()
        question = page.get_by_role("dialog").filter(has_text="The nodes reboot.")
        sure = question.get_by_role("button", name="Update and reboot")
        expect(sure).to_be_disabled()
        question.get_by_role("textbox").fill("yes")
        expect(sure).to_be_disabled()
        assert barriers(page) == []
    assert len(swaplab.ask_as_admin("GET", "/api/jobs").json()["jobs"]) == before
