"""The hooks. One instance of `Tidy` lives as long as the daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import click
from attrs import frozen

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.problem import Problem
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Call,
    Command,
    ConfigFacts,
    Confirm,
    Diagnostic,
    Finding,
    Gateway,
    Health,
    LabView,
    NavEntry,
    Panels,
    Plan,
    Policy,
    Reply,
    Route,
    Step,
    View,
    form_field,
    hookimpl,
)
from swaplab_tidy.folders import look


@frozen
class Settings:
    """`plugins.tidy:` in the configuration file."""

    folders: tuple[str, ...] = form_field("Folders", (), help="watched and tidied; ~ is the home folder")
    full: int = form_field("Full at", 90, help="a disk is full from here on", unit="%", minimum=1, maximum=100)


@frozen
class Clean:
    """The form of the action."""

    older_than_days: int = form_field("Older than", 30, unit="days", minimum=0, persist=True)


class Tidy:
    """What swaplab asks."""

    @hookimpl
    def swaplab_config_section(self) -> type:
        """Settings: in the file, and as a form on the page of plugins."""
        return Settings

    @hookimpl
    def swaplab_check_config(self, config: ConfigFacts) -> Iterator[Problem]:
        """Warn of folders that cannot be meant."""
        settings = config.settings["tidy"]
        assert isinstance(settings, Settings)
        for number, folder in enumerate(settings.folders):
            if not folder.startswith(("/", "~")):
                yield config.warning("is no full path", "begin it with / or ~", "plugins", "tidy", "folders", number)

    @hookimpl
    def swaplab_panels(self) -> list[Panels]:
        """A page with a table; its data come from the route below."""
        columns = [
            {"id": "folder", "title": "Folder", "type": "code"},
            {"id": "files", "title": "Files", "type": "number"},
            {"id": "share", "title": "Disk", "type": "percent-bar"},
        ]
        table = View(
            id="folders",
            slot="page",
            title="Folders",
            kind="table",
            source="api/plugins/tidy/folders",
            refresh_event="job.updated",
            props={"columns": columns, "row_actions": "tidy.rows"},
            route="/x/tidy/folders",
        )
        entry = NavEntry("folders", "Folders", "/x/tidy/folders", icon="hard-drive", section="library")
        return [Panels(nav=(entry,), views=(table,))]

    @hookimpl
    def swaplab_routes(self, lab: LabView) -> list[Route]:
        """The data of the table."""

        async def folders(_: Call, __: Gateway) -> Reply:
            names = lab.settings("tidy", Settings).folders
            found = await asyncio.gather(*(asyncio.to_thread(look, name) for name in names))
            return Reply.of_json(
                {"items": [{"folder": one.folder, "files": one.files, "share": one.percent / 100} for one in found]}
            )

        return [Route(method="GET", path="/folders", policy=Policy.READ, handler=folders)]

    @hookimpl
    def swaplab_actions(self, lab: LabView) -> list[Action]:
        """Remove old files, in each row of the table; shown before it runs, and run as a job with a log."""

        def plan(form: Clean, folder: str) -> Plan:
            if folder not in lab.settings("tidy", Settings).folders:
                raise InvalidRequest(f"{folder!r} is not one of the folders in the settings")
            return clean(folder, form.older_than_days)

        spec = ActionSpec(
            "clean",
            "Remove old files",
            Clean,
            icon="eraser",
            slots=("tidy.rows",),
            target="folder",
            confirm=Confirm.ASK,
            danger=True,
            unavailable="" if lab.settings("tidy", Settings).folders else "no folder is set up",
        )
        return [Action(spec, plan)]

    @hookimpl
    def swaplab_diagnostics(self, lab: LabView) -> list[Diagnostic]:
        """Say which disk is full."""

        async def check() -> list[Finding]:
            settings = lab.settings("tidy", Settings)
            usages = [await asyncio.to_thread(look, name) for name in settings.folders]
            full = [one for one in usages if one.percent >= settings.full]
            advice = "remove old files, or make room on the disk"
            return [
                Finding(Health.WARNING, f"{one.folder}: the disk is {one.percent} % full", advice, "tidy:clean")
                for one in full
            ] or [Finding(Health.OK, "there is room")]

        return [Diagnostic("room", "Room in folders", check)]

    @hookimpl
    def swaplab_commands(self) -> list[click.Command]:
        """`swaplab tidy FOLDER`."""
        return [tidy]


def clean(folder: str, days: int) -> Plan:
    """Decide what to run: argv, never a shell."""
    path = Path(folder).expanduser()
    if not path.is_absolute():
        raise InvalidRequest(f"{folder} is no full path", advice="begin it with / or ~")
    find = ("find", f"{path}/", "-type", "f", "-mtime", f"+{days}", "-print", "-delete")
    step = Step("Remove old files", Command(find, cwd=PurePosixPath("/")), timeout_seconds=3600)
    return Plan((step,), locks=frozenset({f"folder:{path}"}))


@click.command()
@click.argument("folder")
def tidy(folder: str) -> None:
    """Tell how full a folder's disk is."""
    usage = look(folder)
    click.echo(f"{usage.folder}: {usage.files} files, the disk is {usage.percent} % full")
