"""What a text of the configuration would run: a model's entry with everything put in, and the command that comes of it.

Nothing is started, no port and no machine is asked for. Secrets are hidden: what the environment holds under the name
of one, and what follows the name of one in the command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, frozen

from swaplab_core.config.document import MapNode, to_python
from swaplab_core.config.redact import HIDDEN, LONG_ENOUGH, is_secret_name
from swaplab_core.config.schema import ModelConfig
from swaplab_core.domain.errors import NotThere, SwaplabError
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node
from swaplab_core.runtime.launches import Launches
from swaplab_core.runtime.nodes import THIS
from swaplab_core.services.configuration.editor import ConfigEditor


@frozen
class Preview:
    """`entry` is the model's entry without macros; `spec` how it is started, or None, and then `problem` says why."""

    entry: Mapping[str, Any]
    spec: LaunchSpec | None = None
    problem: str = ""


class Imagined:
    """A machine on which every port is free."""

    async def node_for(self, entry: ModelConfig) -> Node:  # noqa: ARG002 - the spec names it
        """This one, for nobody goes there."""
        return THIS

    async def port_on(self, node: Node, wanted: int) -> int:  # noqa: ARG002 - there is one
        """The wanted one."""
        return wanted


@define(eq=False)
class ConfigPreview:
    """Looks at texts of the file through the eyes of the installed backends."""

    editor: ConfigEditor
    launches: Launches
    environment: Callable[[], Mapping[str, str]]

    async def of(self, text: str, model: str) -> Preview:
        """One model. Raises NotThere when the text knows none of this name."""
        loaded = await self.editor.loaded(text)
        models = loaded.root.get("models")
        node = models.get(model) if isinstance(models, MapNode) else None
        if node is None:
            raise NotThere(f"this text has no model {model!r}", advice="write its id as it stands below models:")
        entry = self._hidden(to_python(node))
        entry = entry if isinstance(entry, dict) else {}
        if loaded.config is None:
            return Preview(entry, problem="the text has errors")
        try:
            spec = await evolve(self.launches, config=loaded.config, ground=Imagined()).spec(ModelId(model))
        except SwaplabError as error:
            return Preview(entry, problem=str(self._hidden(str(error))))
        return Preview(entry, self._shown(spec))

    def _shown(self, spec: LaunchSpec) -> LaunchSpec:
        stop = evolve(spec.stop, argv=tuple(self._arguments(spec.stop.argv)))
        return evolve(spec, argv=tuple(self._arguments(spec.argv)), env=self._hidden(dict(spec.env)), stop=stop)

    def _arguments(self, argv: tuple[str, ...]) -> list[str]:
        """An option and its value stand in one argument or in two."""
        shown: list[str] = []
        is_value = False
        for argument in argv:
            name, given, _ = argument.partition("=")
            is_secret = is_secret_name(name.lstrip("-"))
            shown.append(HIDDEN if is_value else f"{name}={HIDDEN}" if is_secret and given else self._hidden(argument))
            is_value = is_secret and argument.startswith("-") and not given
        return shown

    def _hidden(self, value: Any) -> Any:
        match value:
            case str():
                return self._without_secrets(value)
            case dict():
                return {
                    key: HIDDEN if is_secret_name(key) and each else self._hidden(each) for key, each in value.items()
                }
            case list() | tuple():
                return [self._assignment(each) for each in value]
            case _:
                return value

    def _assignment(self, value: Any) -> Any:
        """`NAME=value`, as `env:` lists them."""
        name, given, _ = value.partition("=") if isinstance(value, str) else ("", "", "")
        return f"{name}={HIDDEN}" if given and is_secret_name(name) else self._hidden(value)

    def _without_secrets(self, text: str) -> str:
        for name, secret in self.environment().items():
            if len(secret) >= LONG_ENOUGH and is_secret_name(name):
                text = text.replace(secret, HIDDEN)
        return text


def preview_record(model: str, preview: Preview) -> dict[str, Any]:
    """On the wire; `command` is null when nothing would be started."""
    spec = preview.spec
    record: dict[str, Any] = {"model": model, "entry": dict(preview.entry), "problem": preview.problem}
    if spec is None:
        return record | {"command": None}
    return record | {
        "command": list(spec.argv),
        "env": dict(spec.env),
        "folder": str(spec.cwd or ""),
        "base_url": spec.base_url,
        "node": str(spec.node),
        "ready": spec.readiness.path,
        "stop": list(spec.stop.argv),
    }
