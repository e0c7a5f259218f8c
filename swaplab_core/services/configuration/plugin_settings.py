"""Settings of plugins as forms: read from the configuration file and written back to it, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import NOTHING, define, frozen

from swaplab_core.config.structure import fields_by_key
from swaplab_core.domain.errors import InvalidForm, NotThere
from swaplab_core.plugin.forms import form_schema, read_form
from swaplab_core.plugin.hooks import Hooks
from swaplab_core.services.configuration.editor import ConfigEditor


@frozen
class PluginSettings:
    """The settings of one plugin: the values as they are written, secrets left out, and which of those are set."""

    values: Mapping[str, Any]
    secrets: tuple[str, ...]
    revision: str


@define(eq=False)
class SettingsEditor:
    """`plugins.<name>:` of the file."""

    hooks: Hooks
    editor: ConfigEditor

    def schema(self, plugin: str) -> dict[str, Any]:
        """The form. Raises NotThere."""
        return form_schema(self._class(plugin))

    async def read(self, plugin: str) -> PluginSettings:
        """What is written, and defaults for the rest. Raises NotThere."""
        fields = fields_by_key(self._class(plugin))
        written = self._written(plugin)
        secrets = tuple(key for key, field in fields.items() if field.metadata.get("secret") and written.get(key))
        values = {key: value for key, value in written.items() if key not in secrets}
        revision = (await self.editor.current()).revision if self.editor.path else ""
        return PluginSettings(values, secrets, revision)

    async def write(self, plugin: str, data: Mapping[str, Any], *, author: str, based_on: str | None) -> PluginSettings:
        """Write what differs from the defaults; a secret that is not given stays. Raises InvalidForm, StaleText."""
        cls = self._class(plugin)
        fields = fields_by_key(cls)
        old = self._written(plugin)
        secrets = {key for key, field in fields.items() if field.metadata.get("secret")}
        kept = {key: old[key] for key in secrets & old.keys() if not data.get(key)}
        new = {key: value for key, value in data.items() if not (key in secrets and not value)} | kept
        _, problems = read_form(cls, {key: value for key, value in new.items() if not _is_macro(value)})
        missing = {key for key, value in new.items() if _is_macro(value)}
        fields_wrong = [(p.path, p.message) for p in problems if p.path.lstrip("/") not in missing]
        if fields_wrong:
            raise InvalidForm(fields_wrong)
        wanted = {key: value for key, value in new.items() if key in old or value != _default(fields.get(key))}

        def change(document: dict[str, Any]) -> None:
            sections = document.get("plugins")
            document["plugins"] = {**sections, plugin: wanted} if isinstance(sections, dict) else {plugin: wanted}

        await self.editor.apply(change, author=author, reason=f"settings of {plugin}", based_on=based_on)
        return await self.read(plugin)

    def _class(self, plugin: str) -> type:
        sections = self.hooks.config_section()
        if plugin not in sections:
            raise NotThere(f"no plugin {plugin!r} with settings is installed")
        return sections[plugin]

    def _written(self, plugin: str) -> dict[str, Any]:
        sections = self.editor.document().get("plugins") if self.editor.path else None
        written = sections.get(plugin) if isinstance(sections, Mapping) else None
        return dict(written) if isinstance(written, Mapping) else {}


def _is_macro(value: object) -> bool:
    return isinstance(value, str) and "${" in value


def _default(field: Any) -> Any:
    if field is None or field.default is NOTHING:
        return NOTHING
    make = getattr(field.default, "factory", None)
    value = field.default if make is None else make()
    return list(value) if isinstance(value, tuple | frozenset) else value
