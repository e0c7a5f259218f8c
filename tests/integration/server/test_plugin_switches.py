"""Plugins switched off and on: over HTTP, by the command line, and what the next start makes of it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from running_swaplab import running_swaplab, sim

from swaplab_core.cli import main

MODELS = {"a": {"backend": "spare"}, "b": sim("--say", "still here")}
DRIVER = """
from pathlib import Path
from attrs import frozen
from swaplab_core.plugin import Backend, LaunchSpec

(Path(__file__).parent / "imported").touch()

@frozen
class Options:
    pass

class Spare(Backend):
    name, title, options = "spare", "A driver", Options

    def launch(self, request):
        return LaunchSpec(argv=("true",), base_url="http://127.0.0.1:1")
"""


@pytest.fixture
def site(tmp_path):
    """A driver that tells when it is imported, and a plugin that cannot be."""
    folder = tmp_path / "site"
    for name, group, target, source in (
        ("spare", "backends", "spare_driver:Spare", DRIVER),
        ("broken", "plugins", "broken_hooks", "1/0"),
    ):
        info = folder / f"swaplab_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: swaplab-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[swaplab.{group}]\n{name} = {target}\n")
        (folder / f"{target.partition(':')[0]}.py").write_text(source)
    return folder


def plugin(swaplab, name):
    records = swaplab.ask("GET", "/api/plugins").json()["plugins"]
    return next(record for record in records if record["name"] == name)


def said(swaplab, name, code=409, **body):
    answer = swaplab.ask_as_admin("PUT", f"/api/plugins/{name}/switch", json_body=body)
    assert answer.status == code, answer.text
    return answer.json()


def command(*arguments, code=0):
    ended = CliRunner().invoke(main, ["plugins", *map(str, arguments)])
    assert ended.exit_code == code, ended.output
    return ended.output


def test_a_plugin_is_switched_off_in_the_file_and_the_running_daemon_keeps_it(tmp_path, site):
    with running_swaplab(tmp_path, MODELS, env={"PYTHONPATH": str(site)}) as swaplab:
        spare = plugin(swaplab, "spare")
        assert (spare["state"], spare["enabled"], spare["fixed"], spare["needed_by"]) == ("ok", True, False, ["a"])
        assert "no plugin 'spar' is installed" in said(swaplab, "spar", 404, enabled=False)["error"]["message"]
        assert "swaplab itself" in said(swaplab, "swaplab-core", enabled=False)["error"]["message"]
        assert "enabled must be true or false" in said(swaplab, "spare", 400, enabled="no")["error"]["message"]
        assert "cannot be started: a" in said(swaplab, "spare", enabled=False)["error"]["message"]
        stale = {"If-Match": '"0000"'}
        refused = swaplab.ask_as_admin("PUT", "/api/plugins/broken/switch", json_body={"enabled": False}, headers=stale)
        assert refused.status == 412
        swaplab.config.write_text(f"# mine\n{swaplab.config.read_text()}")

        assert plugin(swaplab, "broken")["state"] == "failed"
        (broken,) = said(swaplab, "broken", 200, enabled=False)["plugins"]
        assert (broken["state"], broken["enabled"]) == ("failed", False)
        (spare,) = said(swaplab, "swaplab-spare", 200, enabled=False, anyway=True)["plugins"]
        assert (spare["state"], spare["enabled"]) == ("ok", False)
        text = swaplab.config.read_text()
        assert text.startswith("# mine\n")
        assert text.endswith("disabledPlugins:\n  - swaplab-broken\n  - swaplab-spare\n")
        swaplab.wait_for_log("is so when swaplab is started again")
        token = ("--url", swaplab.url, "--state-dir", swaplab.config.parent / "state" / "swaplab")
        assert "swaplab-spare is switched on when" in command("enable", "spare", *token)
        assert swaplab.config.read_text().endswith("disabledPlugins:\n  - swaplab-broken\n")
        assert "cannot be started: a" in command("disable", "spare", *token, code=1)
        assert plugin(swaplab, "spare")["enabled"] is True


def test_what_is_switched_off_is_not_imported_and_all_else_works(tmp_path, site):
    off = ["Swaplab_Spare", "swaplab-broken"]
    with running_swaplab(tmp_path, MODELS, env={"PYTHONPATH": str(site)}, disabledPlugins=off) as swaplab:
        assert not (site / "imported").exists()
        assert plugin(swaplab, "spare")["state"] == plugin(swaplab, "broken")["state"] == "disabled"
        assert "this model cannot be started" in swaplab.log()
        assert swaplab.chat("b").said == "still here"
        assert swaplab.model("a")["state"] == "stopped"
        refused = swaplab.chat("a")
        assert refused.status >= 400
        assert "switched off with its plugin swaplab-spare" in refused.error["message"]
        assert "swaplab plugins enable swaplab-spare" in refused.error["message"]
        manifest = swaplab.ask("GET", "/api/ui/manifest").json()
        assert {plugin["status"] for plugin in manifest["plugins"] if plugin["id"] == "spare"} == {"disabled"}

        (spare,) = said(swaplab, "spare", 200, enabled=True)["plugins"]
        assert (spare["state"], spare["enabled"]) == ("disabled", True)


def test_a_file_is_changed_without_a_daemon_and_without_an_import(tmp_path, site, monkeypatch):
    monkeypatch.syspath_prepend(site)
    file = tmp_path / "c.yaml"
    file.write_text("models:\n  a:\n    backend: spare  # mine\n")
    assert "cannot be started: a" in command("disable", "spare", "--config", file, code=1)
    assert "switched off when" in command("disable", "spare", "--yes", "--config", file)
    assert file.read_text() == "models:\n  a:\n    backend: spare  # mine\ndisabledPlugins:\n  - swaplab-spare\n"
    assert not (site / "imported").exists()
    assert "is swaplab itself" in command("disable", "command", "--config", file, code=1)
    assert "no plugin 'nobody' is installed" in command("enable", "nobody", "--config", file, code=1)
    assert "switched on when" in command("enable", "swaplab-spare", "--config", file)
    assert file.read_text() == "models:\n  a:\n    backend: spare  # mine\n"
