"""The plugin of examples/swaplab_tidy, installed as a stranger's would be: what it adds is there, without a line of
JavaScript, after a restart of the daemon, and gone when it is uninstalled.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv

import pytest
from repository import ROOT
from running_swaplab import SWAPLAB, running_swaplab

from swaplab_core.testing.waiting import wait_until

EXAMPLE = ROOT / "examples/swaplab_tidy"
CORE = [ROOT]


def run(*argv, **env):
    done = subprocess.run(
        [str(part) for part in argv], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The environment of an interpreter that has the example installed beside everything else."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    run(*pip, "--no-deps", "--no-build-isolation", "--no-index", "--target", folder, EXAMPLE)
    return {"PYTHONPATH": str(folder), "COLUMNS": "200"}


def test_it_is_listed_and_in_order(installed):
    (line,) = [line for line in run(SWAPLAB, "plugins", **installed).splitlines() if "tidy" in line]
    assert line.split() == ["plugins", "tidy", "ok", "swaplab-tidy", "0.1.0"]
    assert run(SWAPLAB, "plugins", "lint", "tidy", **installed) == "in order; 0 hints\n"


def test_its_command_is_one_of_ours(installed, tmp_path):
    assert "tidy" in run(SWAPLAB, "--help", **installed)
    (tmp_path / "file").touch()
    assert run(SWAPLAB, "tidy", tmp_path, **installed).startswith(f"{tmp_path}: 1 files, the disk is ")


def test_its_own_tests_pass_against_the_installed_package(installed, tmp_path):
    pytest_alone = [sys.executable, "-P", "-m", "pytest", "-c", os.devnull, "--rootdir", tmp_path]
    assert " passed" in run(*pytest_alone, "-p", "no:cacheprovider", EXAMPLE / "tests", **installed)


def test_a_wrong_setting_is_reported_with_its_line(installed, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("models: {}\nplugins:\n  tidy:\n    folders: [cache]\n    full: 200\n")
    check = subprocess.run(
        [SWAPLAB, "check", config], env={**os.environ, **installed}, capture_output=True, text=True, check=False
    )
    assert check.returncode == 1
    assert f"{config}:5:" in check.stdout
    assert "must be at most 100, not 200" in check.stdout


def test_page_action_settings_and_check_are_there_after_a_restart_and_gone_without_it(installed, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    for name, age in (("old", 100), ("new", 1)):
        file = cache / name
        file.touch()
        os.utime(file, (file.stat().st_mtime - age * 86_400,) * 2)
    plugins = {"tidy": {"folders": [str(cache)]}}
    with running_swaplab(tmp_path, {}, env=installed, plugins=plugins) as swaplab:
        shows_itself(swaplab, cache)
        removes_old_files(swaplab, cache)
        keeps_its_settings(swaplab)
    with running_swaplab(tmp_path, {}, plugins=plugins) as swaplab:
        manifest = swaplab.ask("GET", "/api/ui/manifest").json()
        assert "tidy" not in str(manifest)
        assert swaplab.ask("GET", "/api/plugins/tidy/folders").status == 404
        swaplab.wait_for_log("no plugin 'tidy' that has settings is installed")


def shows_itself(swaplab, cache):
    manifest = swaplab.ask("GET", "/api/ui/manifest").json()
    (nav,) = [entry for entry in manifest["nav"] if entry["id"].startswith("tidy:")]
    (view,) = [view for view in manifest["views"] if view["id"].startswith("tidy:")]
    assert nav["route"] == view["route"] == "/x/tidy/folders"
    assert [module for module in manifest["modules"] if module["id"].startswith("tidy:")] == []
    rows = swaplab.ask("GET", f"/{view['source']['get']}").json()["items"]
    assert [(row["folder"], row["files"]) for row in rows] == [(str(cache), 2)]
    checks = swaplab.ask("GET", "/api/diagnostics?plugin=tidy").json()["diagnostics"]
    assert [check["id"] for check in checks] == ["tidy:room"]


def removes_old_files(swaplab, cache):
    wish = {"input": {"olderThan": 30}, "target": str(cache)}
    assert swaplab.ask("POST", "/api/actions/tidy:clean", json_body=wish).status == 401, "this is for the administrator"
    refused = swaplab.ask_as_admin("POST", "/api/actions/tidy:clean", json_body=wish)
    assert [field["path"] for field in refused.error["fields"]] == ["/olderThan"]
    wish = {"input": {"olderThanDays": 30}, "target": str(cache)}
    shown = swaplab.ask_as_admin("POST", "/api/actions/tidy:clean?dry_run=1", json_body=wish).json()
    assert shown["commands"][0]["argv"][:2] == ["find", f"{cache}/"]
    job = swaplab.ask_as_admin("POST", "/api/actions/tidy:clean", json_body=wish).json()["job"]["id"]
    done = wait_until(
        lambda: one if (one := swaplab.ask("GET", f"/api/jobs/{job}").json())["ended"] else None, "the job to end"
    )
    assert done["state"] == "succeeded"
    assert f"{cache}/old" in swaplab.ask("GET", f"/api/jobs/{job}/log?format=text").text
    assert [path.name for path in cache.iterdir()] == ["new"]


def keeps_its_settings(swaplab):
    before = swaplab.ask_as_admin("GET", "/api/plugins/tidy/settings")
    values = {**before.json()["values"], "full": 95}
    assert swaplab.ask_as_admin("PUT", "/api/plugins/tidy/settings", json_body=values).status == 200
    assert '"full": 95' in swaplab.config.read_text() or "full: 95" in swaplab.config.read_text()


@pytest.mark.nightly
def test_the_same_in_a_fresh_environment_by_pip_install_and_uninstall(tmp_path):
    """Minutes: an environment of its own, with everything that swaplab needs."""
    fresh = tmp_path / "venv"
    venv.create(fresh, with_pip=True)
    python, swaplab = fresh / "bin/python", fresh / "bin/swaplab"
    run(python, "-m", "pip", "install", "--quiet", *CORE)
    run(python, "-m", "pip", "install", "--quiet", EXAMPLE)
    assert "tidy" in run(swaplab, "plugins", COLUMNS="200")
    run(python, "-m", "pip", "uninstall", "--quiet", "--yes", "swaplab-tidy")
    assert "tidy" not in run(swaplab, "plugins", COLUMNS="200")
