"""Make a file concrete: macros and ports put in, and the default `proxy` of backends without a port of their own.

Ports are given in the order of the model ids, as llama-swap does, but a model keeps the one it had: otherwise a new
model would move the ports of all after it, and each of them would count as changed.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, define, evolve, field, frozen

from swaplab_core.config.check_values import HIGHEST_PORT
from swaplab_core.config.commands import without_comments
from swaplab_core.config.document import EMPTY, MapNode, Node, Scalar, child_map, is_written
from swaplab_core.config.macros import Macros, declared, expand, expand_keys, for_model, leftovers, uses
from swaplab_core.config.schema import DEFAULT_BACKEND, DEFAULT_START_PORT, BackendSchema, Config, ModelConfig
from swaplab_core.config.structure import command_keys, file_keys
from swaplab_core.domain.ids import ModelId
from swaplab_core.domain.problem import Problem

_DEFAULT_PROXY = "http://localhost:${PORT}"
_NO_PORT = "only a model whose command mentions ${PORT} gets a port: put it there, or write a fixed number here"
_NO_PROXY = "put ${PORT} in the command, or write `proxy:` with the address the command listens on"


@frozen
class Expanded:
    """The file without macros, the port of each model that has one, and what could not be expanded."""

    root: MapNode
    ports: Mapping[ModelId, int]
    problems: tuple[Problem, ...]


def expand_file(root: MapNode, backends: Mapping[str, BackendSchema], keep_ports: Mapping[ModelId, int]) -> Expanded:
    """Expand the sections first (`startPort` may be a macro), then the models in the order of their ids."""
    top, problems = declared(root)
    expansion = _Expansion(top, backends, list(problems))
    root = expansion.sections(root)
    models = child_map(root, "models")
    kept = {model: port for model, port in keep_ports.items() if model in models}
    ports = _Ports(_start_port(root), kept)
    done = {model: expansion.model(ModelId(model), node, ports) for model, node in sorted(models.items())}
    if models:
        root = root.with_entry("models", evolve(models, entries={model: done[model] for model in models}))
    return Expanded(root, ports.given, tuple(expansion.problems))


def _start_port(root: MapNode) -> int:
    node = root.get("startPort")
    return node.value if isinstance(node, Scalar) and type(node.value) is int and node.value > 0 else DEFAULT_START_PORT


@define
class _Ports:
    """Gives each model its port: the one it had, else the next free one."""

    next: int
    kept: Mapping[ModelId, int]
    given: dict[ModelId, int] = Factory(dict)
    taken: set[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.kept = {model: port for model, port in self.kept.items() if port >= self.next}
        self.taken = set(self.kept.values())

    def give(self, model: ModelId) -> int:
        if model not in self.kept:
            while self.next in self.taken:
                self.next += 1
            self.taken.add(self.next)
        self.given[model] = self.kept.get(model, self.next)
        return self.given[model]


@define
class _Expansion:
    """The macros and backends of one file, and the problems met so far."""

    top: Macros
    backends: Mapping[str, BackendSchema]
    problems: list[Problem]

    def sections(self, root: MapNode) -> MapNode:
        """Expand everything but the models with the global macros."""
        sections = self._expand(root.without(("models", "macros")), self.top)
        for key in file_keys(Config):
            self.problems.extend(leftovers(sections.get(key, EMPTY), self.top))
        return evolve(root, entries={key: sections.get(key, node) for key, node in root.items()})

    def model(self, model: ModelId, node: Node, ports: _Ports) -> Node:
        """Expand one model entry; an entry that is no mapping is left to be complained about later."""
        if isinstance(node, Scalar) and node.is_null:
            node = MapNode(place=node.place)
        if not isinstance(node, MapNode):
            return node
        own, problems = declared(node)
        self.problems.extend(problems)
        macros = for_model(model, self.top, own)
        backend = self.backends.get(backend_name(expand(node.get("backend", EMPTY), macros)))
        body = self._expand(_prepared(node.without(("macros",)), backend), macros)
        if _needs_port(body, backend):
            port = ports.give(model)
            if port > HIGHEST_PORT:
                self.problems.append(node.place.problem("no port is left for this model", "lower startPort"))
                port = HIGHEST_PORT
            body = self._expand(body, {"PORT": Scalar(port, str(port))})
        self._check_leftovers(body, macros)
        return body.with_entry("macros", node["macros"]) if "macros" in node else body

    def _expand(self, node: MapNode, macros: Macros) -> MapNode:
        """Expand all values, and the keys of `filters.setParamsByID`."""
        expanded = expand(node, macros)
        assert isinstance(expanded, MapNode)
        filters = child_map(expanded, "filters")
        by_id = child_map(filters, "setParamsByID")
        if not by_id:
            return expanded
        by_id, problems = expand_keys(by_id, macros)
        self.problems.extend(problems)
        return expanded.with_entry("filters", filters.with_entry("setParamsByID", by_id))

    def _check_leftovers(self, body: MapNode, macros: Macros) -> None:
        before = len(self.problems)
        for key, child in body.items():
            # The process id is put in by the adapter that stops the process.
            advice = {"PORT": _NO_PORT, "PID": ""} if key == "cmdStop" else {"PORT": _NO_PORT}
            if key != "proxy" or not _is_default_proxy(child):
                self.problems.extend(leftovers(child, macros, advice))
        by_id = child_map(child_map(body, "filters"), "setParamsByID")
        for name in by_id:
            self.problems.extend(leftovers(Scalar(name, name, place=by_id.key_place(name)), macros))
        if len(self.problems) == before and _is_default_proxy(body.get("proxy")):
            self.problems.append(body["proxy"].place.problem("nobody says where this model will listen", _NO_PROXY))


def _is_default_proxy(node: Node | None) -> bool:
    return isinstance(node, Scalar) and node.text == _DEFAULT_PROXY


def backend_name(node: Node | None) -> str:
    """Return what a model's `backend:` says, or the default."""
    return node.text if isinstance(node, Scalar) and node.text else DEFAULT_BACKEND


def _prepared(node: MapNode, backend: BackendSchema | None) -> MapNode:
    """Drop comment lines from commands, and write the default `proxy` where a command is all there is."""
    commands = command_keys(backend.options) if backend else frozenset()
    for key in ("cmdStop", *commands):
        child = node.get(key)
        if isinstance(child, Scalar) and "#" in child.text:
            text = without_comments(child.text)
            node = node.with_entry(key, evolve(child, text=text, value=text))
    has_command = any(is_written(node, key) for key in commands)
    is_elsewhere = is_written(node, "proxy") or is_written(node, "node")
    if backend is None or backend.needs_port or not has_command or is_elsewhere:
        return node
    return node.with_entry("proxy", Scalar(_DEFAULT_PROXY, _DEFAULT_PROXY, place=node.place))


def _needs_port(body: MapNode, backend: BackendSchema | None) -> bool:
    """Does the backend always need one, or does one of the keys that are the backend's own mention it?"""
    if backend is None or backend.needs_port:
        return True
    own_keys = body.keys() - file_keys(ModelConfig)
    return any(uses(body[key], "PORT") for key in own_keys)
