"""The records of `GET /v1/models`: models, aliases, peer models, selectors and the active profile's pins. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from swaplab_core.config.schema import Capabilities, Config, ModelConfig
from swaplab_core.domain.ids import ModelId
from swaplab_core.engine.phases import Phase
from swaplab_core.routing.names import Names, Remote
from swaplab_core.routing.profiles import Profiles
from swaplab_core.routing.selectors import Selectors

_CONFIGURED = ("architecture", "capabilities", "supported_parameters", "context_length")
_DOWN = frozenset({Phase.STOPPED, Phase.ASLEEP})


@frozen
class Listing:
    """What the list is made of. `created` is a unix time, the same in every record."""

    config: Config
    names: Names
    profiles: Profiles
    selectors: Selectors
    phase_of: Callable[[ModelId], Phase]
    created: int

    def records(self) -> list[dict[str, Any]]:
        """All records, sorted by id."""
        everything = [*self._models(), *self._selectors(), *self._peers(), *self._pins()]
        return sorted(everything, key=lambda record: str(record["id"]))

    def _models(self) -> Iterator[dict[str, Any]]:
        for model in self.config.models.values():
            if model.unlisted:
                continue
            loaded = self.phase_of(model.id) not in _DOWN
            aliases = {"aliases": list(model.aliases)} if model.aliases else {}
            yield self._model(model, model.id, {"type": "model", **aliases}, loaded=loaded)
            for alias in model.aliases if self.config.include_aliases_in_list else ():
                yield self._model(model, alias, {"type": "alias", "modelID": model.id}, loaded=loaded)

    def _model(self, model: ModelConfig, name: str, ours: Mapping[str, Any], *, loaded: bool) -> dict[str, Any]:
        shown = describe_capabilities(model.capabilities)
        metadata = {k: v for k, v in model.metadata.items() if not (shown and k in _CONFIGURED)}
        record = self._record(name, model.name, model.description, {**metadata, **ours}, loaded=loaded) | shown
        if model.capabilities.context:
            record["meta"]["n_ctx"] = model.capabilities.context
        return record

    def _selectors(self) -> Iterator[dict[str, Any]]:
        for name, selector in self.config.selectors.items():
            if selector.unlisted:
                continue
            ours: dict[str, Any] = {
                "type": "selector",
                "strategy": selector.strategy,
                "targets": list(selector.targets),
            }
            if selector.strategy == "spillover":
                ours["spillover"] = selector.settings.spillover
            metadata = {**selector.metadata, **ours}
            loaded = self.selectors.is_loaded(selector)
            yield self._record(name, selector.name, selector.description, metadata, loaded=loaded)

    def _peers(self) -> Iterator[dict[str, Any]]:
        remotes = {target.id: target for target in self.names.targets.values() if isinstance(target, Remote)}
        for name, remote in remotes.items():
            ours = {"type": "peer", "peerID": remote.peer_id}
            yield self._record(name, f"{remote.peer_id}: {remote.model}", "", ours, loaded=False)

    def _pins(self) -> Iterator[dict[str, Any]]:
        for name, target in self.profiles.pins().items():
            if target and self.names.find(name) is None and name not in self.config.selectors:
                yield self._record(name, "", "", {"type": "profile"}, loaded=False)

    def _record(
        self, name: str, title: str, description: str, ours: Mapping[str, Any], *, loaded: bool
    ) -> dict[str, Any]:
        texts = {"name": title.strip(), "description": description.strip()}
        return {
            "id": name,
            "object": "model",
            "created": self.created,
            "owned_by": "swaplab",
            **{key: text for key, text in texts.items() if text},
            "meta": {"llamaswap": dict(ours)},
            "status": {"value": "loaded" if loaded else "unloaded"},
        }


def describe_capabilities(can: Capabilities) -> dict[str, Any]:
    """The fields that clients read capabilities from; empty when none are configured."""
    if can == Capabilities():
        return {}
    flags = {
        "vision": "image" in can.inputs,
        "audio_transcriptions": "audio" in can.inputs and "text" in can.outputs,
        "audio_speech": "text" in can.inputs and "audio" in can.outputs,
        "image_generation": "text" in can.inputs and "image" in can.outputs,
        "image_to_image": "image" in can.inputs and "image" in can.outputs,
        "function_calling": can.tools,
        "reranker": can.reranker,
    }
    shown: dict[str, Any] = {"capabilities": {name: True for name, has in flags.items() if has}}
    if can.inputs or can.outputs:
        modality = (
            {"modality": f"{'+'.join(can.inputs)}->{'+'.join(can.outputs)}"} if can.inputs and can.outputs else {}
        )
        shown["architecture"] = {
            "input_modalities": list(can.inputs),
            "output_modalities": list(can.outputs),
            **modality,
        }
    if can.tools:
        shown["supported_parameters"] = ["tools", "tool_choice"]
    if can.context:
        shown["context_length"] = can.context
    return shown
