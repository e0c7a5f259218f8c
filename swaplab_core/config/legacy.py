"""llama-swap's older shapes → the canonical one, on the document, so that places stay where the person wrote.

Top-level `groups` and `matrix` move below `routing.router.settings`; `strip_params` becomes `stripParams`.
"""

from __future__ import annotations

from attrs import evolve

from swaplab_core.config.document import ListNode, MapNode, Node, Scalar, child_map
from swaplab_core.domain.problem import Problem


def modernise(root: MapNode) -> tuple[MapNode, tuple[Problem, ...]]:
    """Return the canonical document and what cannot be translated."""
    problems: list[Problem] = []
    root = _routing(root, problems)
    root = _strip_params(root)
    return _without_list_profiles(root, problems), tuple(problems)


def _routing(root: MapNode, problems: list[Problem]) -> MapNode:
    old = [key for key in ("groups", "matrix") if _is_filled(root.get(key))]
    new_router = child_map(root, "routing", "router")
    if len(old) > 1:
        problems.append(root.key_place("matrix").problem("groups and matrix exclude each other", "remove one of them"))
    if old and new_router:
        advice = "move it below routing.router.settings"
        problems.append(root.key_place(old[0]).problem(f"'{old[0]}' cannot stand beside routing.router", advice))
    rest = root.without(("groups", "matrix"))
    if not old or new_router:
        return rest
    at = root.key_place(old[0])
    settings = MapNode({key: root[key] for key in old}, at, {key: root.key_place(key) for key in old})
    use = "matrix" if old == ["matrix"] else "group"
    router = MapNode({"use": Scalar(use, use, place=at), "settings": settings}, at)
    routing = rest.get("routing")
    routing = routing if isinstance(routing, MapNode) else MapNode(place=at)
    return rest.with_entry("routing", routing.with_entry("router", router))


def _is_filled(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and node.is_null) and node not in (MapNode(), ListNode())


def _strip_params(root: MapNode) -> MapNode:
    models = child_map(root, "models")
    renamed = {key: _renamed(node) for key, node in models.items()}
    return root.with_entry("models", evolve(models, entries=renamed)) if models else root


def _renamed(model: Node) -> Node:
    filters = child_map(model, "filters") if isinstance(model, MapNode) else MapNode()
    if not isinstance(model, MapNode) or "strip_params" not in filters:
        return model
    current = filters.get("stripParams")
    keep = isinstance(current, Scalar) and current.text != ""
    new = filters.without(("strip_params",))
    return model.with_entry("filters", new if keep else new.with_entry("stripParams", filters["strip_params"]))


def _without_list_profiles(root: MapNode, problems: list[Problem]) -> MapNode:
    profiles = child_map(root, "profiles")
    lists = [name for name, node in profiles.items() if isinstance(node, ListNode)]
    for name in lists:
        advice = "profiles are now sets of `pins`; models that shall run together belong in routing.router.settings"
        problems.append(profiles.key_place(name).problem("a profile is no longer a list of models", advice))
    return root.with_entry("profiles", profiles.without(lists)) if lists else root
