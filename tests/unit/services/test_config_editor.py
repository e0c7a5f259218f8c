"""Editing the configuration file: one writer, checked, written in one step, in force at once, and never lost."""

from __future__ import annotations

import asyncio
import stat

import pytest
from attrs import frozen

from swaplab_core.adapters.clock import LoopClock
from swaplab_core.adapters.files import read_sources
from swaplab_core.adapters.revisions import RevisionFolder
from swaplab_core.config.load import load
from swaplab_core.config.schema import BackendSchema
from swaplab_core.domain.errors import ConfigError, Conflict, NotThere
from swaplab_core.plugin import LabView
from swaplab_core.runtime.reload import Reloader
from swaplab_core.services.configuration.editor import ConfigEditor, StaleText

TEXT = """\
# Mine.
macros:
  bin: /opt/bin   # where it is

models:
  # the small one
  small:
    cmd: ${bin}/serve --port ${PORT}
    ttl: 60   # a minute

  large:
    cmd: >-
      ${bin}/serve
      --port ${PORT}
groups:
  all:
    members: [small, large]
"""


@frozen
class Options:
    cmd: str = ""


class World:
    """A file, a reloader that applies what it reads, and the editor."""

    def __init__(self, folder, text=TEXT):
        self.file = folder / "config.yaml"
        self.file.write_text(text)
        self.applied = []
        sources = self.read()
        config = self.load(sources, {}).config
        self.reloader = Reloader(self.read, self.load, self.apply, config, sources, LoopClock())
        self.history = RevisionFolder(folder / "history", kept=4)
        self.editor = ConfigEditor(self.file, self.reloader, self.history, now=lambda: 1000.0)

    def read(self):
        return read_sources(self.file, None)

    def load(self, sources, ports):
        return load(sources, environment={}, backends={"command": BackendSchema(Options, False)}, keep_ports=ports)

    def apply(self, config, difference):
        self.applied.append(difference)

    @property
    def text(self):
        return self.file.read_text()


@pytest.fixture
def edit(tmp_path):
    """Run a scenario in a world."""

    def run(scenario, text=TEXT):
        world = World(tmp_path, text)
        asyncio.run(asyncio.wait_for(scenario(world), 120))
        return world

    return run


def test_a_text_is_written_as_it_is_and_in_force_when_saving_returns(edit):
    async def scenario(world):
        new = TEXT.replace("ttl: 60", "ttl: 90")
        difference = await world.editor.save(new, author="me", reason="longer")
        assert world.text == new
        assert difference.retuned == {"small"}
        assert world.applied == [difference]
        assert world.reloader.config.models["small"].ttl_seconds == 90

    edit(scenario)


def test_a_text_with_a_mistake_changes_nothing_and_names_the_line(edit):
    async def scenario(world):
        with pytest.raises(ConfigError) as refused:
            await world.editor.save(TEXT.replace("ttl: 60", "ttl: soon"), author="me", reason="")
        assert [problem.line for problem in refused.value.problems] == [9]
        assert (world.text, world.applied) == (TEXT, [])
        assert await world.editor.revisions() == []

    edit(scenario)


def test_a_text_can_be_checked_without_being_written(edit):
    async def scenario(world):
        checked = await world.editor.check(TEXT.replace("--port", "--verbose --port").replace("  large:", "  other:"))
        assert checked.difference is None
        assert any("large" in problem.message for problem in checked.problems), "a group still names it"
        checked = await world.editor.check(TEXT.replace("/serve --port", "/serve -v --port"))
        assert checked.difference.changed == {"small"}
        assert world.text == TEXT

    edit(scenario)


def test_whoever_was_slower_is_refused_and_given_the_present_text(edit):
    async def scenario(world):
        seen = await world.editor.current()
        world.file.write_text(TEXT + "# edited by hand\n")
        with pytest.raises(StaleText) as refused:
            await world.editor.save(TEXT, author="me", reason="", based_on=seen.revision)
        assert refused.value.current.content == world.text == TEXT + "# edited by hand\n"
        await world.editor.save(TEXT, author="me", reason="", based_on=refused.value.current.revision)

    edit(scenario)


def test_of_two_writers_at_once_one_wins_and_the_other_is_told(edit):
    async def scenario(world):
        seen = (await world.editor.current()).revision
        texts = [TEXT + "# one\n", TEXT + "# two\n"]
        saves = [world.editor.save(text, author="me", reason="", based_on=seen) for text in texts]
        outcomes = await asyncio.gather(*saves, return_exceptions=True)
        assert sorted(isinstance(outcome, StaleText) for outcome in outcomes) == [False, True]
        assert world.text in texts

    edit(scenario)


def test_what_was_there_can_be_restored_as_a_new_revision(edit):
    async def scenario(world):
        before = (await world.editor.current()).revision
        await world.editor.save(TEXT.replace("60", "90"), author="me", reason="longer")
        await world.editor.restore(before, author="you")
        assert world.text == TEXT
        assert [(r.id == before, r.author, r.reason) for r in await world.editor.revisions()] == [
            (True, "you", f"restored {before[:12]}"),
            (False, "me", "longer"),
            (True, "outside", ""),
        ]
        with pytest.raises(NotThere):
            await world.editor.restore("0" * 64, author="you")

    edit(scenario)


def test_what_somebody_else_wrote_is_kept_too_and_the_oldest_go(edit):
    async def scenario(world):
        await world.editor.save(TEXT + "# 1\n", author="me", reason="first")
        world.file.write_text(TEXT + "# by hand\n")
        await world.editor.save(TEXT + "# 2\n", author="me", reason="second")
        authors = [revision.author for revision in await world.editor.revisions()]
        assert authors == ["me", "outside", "me", "outside"]
        await world.editor.save(TEXT + "# 3\n", author="me", reason="third")
        assert [revision.reason for revision in await world.editor.revisions()] == ["third", "second", "", "first"]

    edit(scenario)


def test_the_history_is_for_the_eyes_of_its_owner_and_the_file_keeps_its_mode(edit):
    async def scenario(world):
        world.file.chmod(0o640)
        await world.editor.save(TEXT + "# 1\n", author="me", reason="")
        assert stat.S_IMODE(world.file.stat().st_mode) == 0o640
        assert {stat.S_IMODE(path.stat().st_mode) for path in world.history.folder.iterdir()} == {0o600}
        assert list(world.file.parent.glob(".config.yaml.*")) == [], "no temporary file is left"

    edit(scenario)


def test_a_link_stays_a_link(edit, tmp_path):
    async def scenario(world):
        real = tmp_path / "real.yaml"
        world.file.rename(real)
        world.file.symlink_to(real)
        await world.editor.save(TEXT + "# 1\n", author="me", reason="")
        assert world.file.is_symlink()
        assert real.read_text() == TEXT + "# 1\n"

    edit(scenario)


def test_a_file_that_cannot_be_written_says_so(edit, tmp_path):
    async def scenario(world):
        (tmp_path / "config.yaml").unlink()
        with pytest.raises(ConfigError, match="cannot be read"):
            await world.editor.current()

    edit(scenario)


def test_the_reload_after_an_edit_is_not_done_twice(edit):
    async def scenario(world):
        await world.editor.save(TEXT.replace("60", "90"), author="me", reason="")
        assert await world.reloader.reload() is None
        assert len(world.applied) == 1

    edit(scenario)


# for plugins


async def upsert(editor, model, entry):
    """Add the entry of a model, or replace it, as a plugin does."""
    return await editor.apply(lambda new: new["models"].update({model: entry}), author="recipes", reason="")


def test_a_plugin_changes_one_line_of_one_model(edit):
    async def scenario(world):
        edits: LabView.config = world.editor
        entry = {**edits.models()["small"], "ttl": 5}
        revision = await upsert(edits, "small", entry)
        assert world.text == TEXT.replace("ttl: 60", "ttl: 5")
        assert revision == (await world.editor.current()).revision
        assert edits.models()["small"]["ttl"] == 5

    edit(scenario)


def test_a_new_model_comes_after_the_others_and_a_deleted_one_leaves_its_groups(edit):
    async def scenario(world):
        entry = {"cmd": "serve --port ${PORT} --say 'hi: there'", "aliases": ["x"], "metadata": {"a": {"b": True}}}
        await upsert(world.editor, "org/new:Q4", entry)
        assert world.editor.models()["org/new:Q4"] == entry
        assert world.text.index("org/new:Q4") > world.text.index("large:")
        await world.editor.delete_models(["small", "org/new:Q4"], author="recipes", reason="remove")
        assert world.editor.groups()["all"]["members"] == ["large"]
        assert "the small one" not in world.text
        assert "# where it is" in world.text
        with pytest.raises(NotThere):
            await world.editor.delete_models(["small"], author="recipes", reason="again")

    edit(scenario)


def test_macros_are_added_before_the_models(edit):
    async def scenario(world):
        await world.editor.apply(lambda new: new.update(macros={"root": "/srv"}), author="recipes", reason="")
        assert world.editor.macros() == {"root": "/srv"}
        assert world.text.index("macros:") < world.text.index("# the models") < world.text.index("models:")

    edit(scenario, "# a file\n\n# the models\nmodels:\n  a:\n    cmd: serve --port ${PORT}\n")


def test_an_edit_that_would_not_load_is_refused_and_writes_nothing(edit):
    async def scenario(world):
        with pytest.raises(ConfigError):
            await upsert(world.editor, "bad", {"cmd": "serve ${NOBODY}"})
        assert world.text == TEXT

    edit(scenario)


def test_two_plugins_that_edit_at_once_both_succeed(edit):
    async def scenario(world):
        entry = {"cmd": "serve --port ${PORT}"}
        names = [f"m{number}" for number in range(5)]
        await asyncio.gather(*(upsert(world.editor, n, entry) for n in names))
        assert set(names) < set(world.editor.models())

    edit(scenario)


def test_a_configuration_of_several_files_in_a_folder_is_not_edited(edit):
    async def scenario(world):
        world.editor.file = None
        with pytest.raises(Conflict, match="folder"):
            await upsert(world.editor, "a", {})

    edit(scenario)
