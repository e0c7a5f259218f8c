"""Discovery by stevedore of really installed distributions, in an interpreter of its own.

A distribution is two things in a folder on the path: its modules and a `*.dist-info` with metadata and entry points.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

DRIVER = """
    from attrs import frozen
    from swaplab_core.plugin import Backend, LaunchSpec

    @frozen
    class Options:
        pass

    class Driver(Backend):
        name = "{name}"
        title = "A driver"
        options = Options

        def launch(self, request):
            return LaunchSpec(argv=("true",), base_url="")
"""

HOOKS = """
    from swaplab_core.plugin import DemoModel, hookimpl

    @hookimpl
    def swaplab_demo_models({arguments}):
        {body}
"""

REPORT = """
    import json
    import logging
    import sys

    logging.basicConfig(level=logging.INFO, format="log: %(name)s: %(message)s")

    from swaplab_core.plugin.catalogue import Catalogue

    catalogue = Catalogue.discover(sys.argv[1:])
    models = [model.id for model in catalogue.hooks.demo_models({}.get)]
    records = [
        [r.group, r.name, r.target, r.distribution, r.version, r.state.value, r.error, r.hooks]
        for r in catalogue.records
    ]
    print(json.dumps({"records": records, "backends": sorted(catalogue.backends), "models": models}))
"""


class Site:
    """A folder of distributions, and what an interpreter with that folder on its path finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir()

    def install(self, distribution, entry_points, version="1.0", **modules):
        """`entry_points` is the text of entry_points.txt, `modules` maps names to source."""
        info = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(textwrap.dedent(entry_points))
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(textwrap.dedent(source))

    def install_driver(self, distribution, name, module, **kwargs):
        entry_points = f"[swaplab.backends]\n{name} = {module}:Driver\n"
        self.install(distribution, entry_points, **{module: DRIVER.format(name=name)}, **kwargs)

    def install_hooks(self, distribution, name, module, body, arguments=""):
        source = HOOKS.format(body=body, arguments=arguments)
        self.install(distribution, f"[swaplab.plugins]\n{name} = {module}\n", **{module: source})

    def discover(self, *off):
        """What the catalogue says: (records of our distributions by (name, distribution), everything it printed)."""
        env = {**os.environ, "PYTHONPATH": str(self.folder), "HOME": str(self.home)}
        env.pop("XDG_CACHE_HOME", None)
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(REPORT), *off],
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return Found(json.loads(run.stdout), run.stderr)


class Found:
    def __init__(self, report, stderr):
        self.stderr = stderr
        self.backends = report["backends"]
        self.models = report["models"]
        keys = ("group", "name", "target", "distribution", "version", "state", "error", "hooks")
        self.records = [dict(zip(keys, row, strict=True)) for row in report["records"]]

    def of(self, distribution):
        return [record for record in self.records if record["distribution"] == distribution]

    def only(self, distribution):
        (record,) = self.of(distribution)
        return record


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_a_driver_is_found_with_its_distribution_and_version(site):
    site.install_driver("swaplab-alpha", "alpha", "alpha_driver", version="2.5")
    found = site.discover()
    assert found.only("swaplab-alpha") == {
        "group": "swaplab.backends",
        "name": "alpha",
        "target": "alpha_driver:Driver",
        "distribution": "swaplab-alpha",
        "version": "2.5",
        "state": "ok",
        "error": "",
        "hooks": [],
    }
    assert "alpha" in found.backends


def test_the_cores_own_driver_comes_through_the_same_door(site):
    found = site.discover()
    groups = {(record["group"], record["name"]) for record in found.of("swaplab-core")}
    assert {
        ("swaplab.backends", "command"),
        ("swaplab.recipe_parsers", "schema1"),
        ("swaplab.plugins", "core"),
    } <= groups
    assert "command" in found.backends


def test_hooks_are_found_and_called(site):
    site.install_hooks("alpha", "alpha", "alpha_hooks", "return [DemoModel(id='from-alpha', entry={}, title='')]")
    found = site.discover()
    assert found.only("alpha")["hooks"] == ["swaplab_demo_models"]
    assert "from-alpha" in found.models


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import a_module_that_nobody_has", "ModuleNotFoundError: No module named 'a_module_that_nobody_has'"),
        ("def broken(:", "SyntaxError: "),
        ("Other = 1", "AttributeError: "),
        ("raise RuntimeError('not on this machine')", "RuntimeError: not on this machine"),
        ("assert False, 'needs a GPU'", "ImportError: AssertionError during the import: needs a GPU"),
        ("import sys; sys.exit(3)", "ImportError: SystemExit during the import: 3"),
    ],
)
def test_a_broken_module_fails_alone(site, source, error):
    site.install("broken", "[swaplab.backends]\nbroken = broken_driver:Driver\n", broken_driver=source)
    site.install_driver("healthy", "healthy", "healthy_driver")
    found = site.discover()
    assert found.only("broken")["state"] == "failed"
    assert found.only("broken")["error"].startswith(error)
    assert found.only("healthy")["state"] == "ok"
    assert "healthy" in found.backends
    assert "broken" not in found.backends


def test_two_drivers_of_one_name_fail_both_and_name_each_other(site):
    """The three are listed as zed, aaa, zed: stevedore alone would let the last one win without a word."""
    site.install("several", "[swaplab.backends]\nzed = one:Driver\naaa = two:Driver\n", one=DRIVER.format(name="zed"))
    (site.folder / "two.py").write_text(textwrap.dedent(DRIVER.format(name="aaa")))
    site.install_driver("rival", "zed", "rival_driver", version="3.0")
    found = site.discover()
    rivals = "rival 3.0 and several 1.0"
    message = f"'zed' is offered more than once: by {rivals} (uninstall all but one, or switch the others off)"
    both = [record for record in found.records if record["name"] == "zed"]
    assert [(record["distribution"], record["state"], record["error"]) for record in both] == [
        ("rival", "failed", message),
        ("several", "failed", message),
    ]
    assert "zed" not in found.backends
    assert "aaa" in found.backends


def test_drivers_that_share_a_name_are_not_even_imported(site):
    for distribution in ("one", "two"):
        site.install_driver(distribution, "same", f"{distribution}_driver")
        with (site.folder / f"{distribution}_driver.py").open("a") as module:
            module.write("\nprint('imported')\n")
    assert [record["state"] for record in site.discover().records if record["name"] == "same"] == ["failed", "failed"]


def test_what_is_switched_off_is_on_record_and_not_imported(site):
    site.install_driver("Harm_ful", "harmful", "harmful_driver")
    (site.folder / "harmful_driver.py").write_text("import os\nos._exit(3)\n")
    site.install_driver("alpha", "alpha", "alpha_driver")
    found = site.discover("harm-ful")
    assert (found.only("Harm_ful")["state"], found.only("Harm_ful")["error"]) == ("disabled", "")
    assert "harmful" not in found.backends
    assert "alpha" in found.backends


def test_of_two_drivers_of_one_name_the_other_works_when_one_is_switched_off(site):
    site.install_driver("one", "same", "one_driver")
    site.install_driver("two", "same", "two_driver")
    found = site.discover("one")
    assert [found.only(name)["state"] for name in ("one", "two")] == ["disabled", "ok"]
    assert "same" in found.backends


def test_a_driver_that_is_no_backend_fails_alone(site):
    site.install("odd", "[swaplab.backends]\nodd = odd_driver:Driver\n", odd_driver="class Driver: pass")
    record = site.discover().only("odd")
    assert record["state"] == "failed"
    assert record["error"] == "<class 'odd_driver.Driver'> is not a subclass of swaplab_core.plugin.Backend"


def test_a_driver_under_another_name_than_its_entry_point_fails(site):
    site.install("odd", "[swaplab.backends]\nodd = odd_driver:Driver\n", odd_driver=DRIVER.format(name="even"))
    assert site.discover().only("odd")["error"] == "the entry point is called 'odd' but Driver.name is 'even'"


def test_a_misspelt_hook_fails_its_plugin_only(site):
    source = HOOKS.format(arguments="", body="return []").replace("demo_models", "demo_modles")
    site.install("typo", "[swaplab.plugins]\ntypo = typo_hooks\n", typo_hooks=source)
    site.install_hooks("healthy", "healthy", "healthy_hooks", "return [DemoModel(id='healthy', entry={}, title='')]")
    found = site.discover()
    assert found.only("typo")["state"] == "failed"
    assert "unknown hook 'swaplab_demo_modles'" in found.only("typo")["error"]
    assert re.search("the hooks are: .*swaplab_demo_models", found.only("typo")["error"])
    assert found.only("healthy")["state"] == "ok"
    assert "healthy" in found.models


def test_a_hook_with_a_wrong_argument_fails_its_plugin_only(site):
    site.install_hooks("argument", "argument", "argument_hooks", "return []", arguments="finder")
    site.install_hooks("healthy", "healthy", "healthy_hooks", "return [DemoModel(id='healthy', entry={}, title='')]")
    found = site.discover()
    assert found.only("argument")["state"] == "failed"
    assert "finder" in found.only("argument")["error"]
    assert "healthy" in found.models


def test_a_raising_hook_degrades_its_plugin_and_the_others_answer(site):
    site.install_hooks("first", "a", "first_hooks", "return [DemoModel(id='first', entry={}, title='')]")
    site.install_hooks("raising", "b", "raising_hooks", "raise RuntimeError('out of ideas')")
    site.install_hooks("last", "c", "last_hooks", "return [DemoModel(id='last', entry={}, title='')]")
    found = site.discover()
    assert found.only("raising")["state"] == "degraded"
    assert found.only("raising")["error"] == "RuntimeError: out of ideas"
    assert {"first", "last"} <= set(found.models)
    assert [found.only(name)["state"] for name in ("first", "last")] == ["ok", "ok"]


def test_discovery_itself_is_quiet(site):
    site.install_driver("alpha", "alpha", "alpha_driver")
    site.install("broken", "[swaplab.backends]\nbroken = broken_driver:Driver\n", broken_driver="1/0")
    assert site.discover().stderr == ""


def test_what_was_installed_a_moment_ago_is_found_and_no_cache_is_written(site):
    site.install_driver("alpha", "alpha", "alpha_driver")
    assert site.discover().of("alpha")
    entry_points = next(site.folder.glob("alpha-*.dist-info")) / "entry_points.txt"
    entry_points.write_text(entry_points.read_text() + "missing = nowhere:Driver\n")
    assert [record["name"] for record in site.discover().of("alpha")] == ["alpha", "missing"]
    assert not (site.home / ".cache").exists()


def test_a_plugin_installed_while_the_process_runs_is_found_by_the_next_discovery(site):
    site.install_driver("alpha", "alpha", "alpha_driver")
    script = f"""
        import importlib
        import pathlib
        from swaplab_core.plugin.catalogue import Catalogue

        before = set(Catalogue.discover().backends)
        info = next(pathlib.Path({str(site.folder)!r}).glob("alpha-*.dist-info")) / "entry_points.txt"
        info.write_text(info.read_text().replace("alpha =", "beta ="))
        importlib.invalidate_caches()
        names = [record.name for record in Catalogue.discover().records]
        assert "alpha" in before
        assert "beta" in names
        assert "alpha" not in names
    """
    env = {**os.environ, "PYTHONPATH": str(site.folder), "HOME": str(site.home)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=env, timeout=120, check=True)
