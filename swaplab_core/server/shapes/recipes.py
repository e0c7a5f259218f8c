"""Recipes, managed models and backends as JSON: the keys that existing clients know, and ours beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from swaplab_core.domain.backend import BackendState, FolderFacts, ImageChoice
from swaplab_core.domain.plan import Step
from swaplab_core.plugin.abilities import Described
from swaplab_core.plugin.interface import Backend
from swaplab_core.server.errors import problem_record
from swaplab_core.services.backends.checkouts import Checkout
from swaplab_core.services.backends.choices import ACTIVATE, CHOOSE_IMAGE
from swaplab_core.services.backends.folders import Active, BackendAction
from swaplab_core.services.backends.notes import Note
from swaplab_core.services.recipes.catalogue import Entry
from swaplab_core.services.recipes.files import Preview
from swaplab_core.services.recipes.managed_entry import args_text
from swaplab_core.services.recipes.managed_models import Managed
from swaplab_core.services.recipes.offers import RecipeOffer
from swaplab_core.services.recipes.trial import Trial

CUSTOM = "custom"
MAKE_MODEL = "recipes:make_model"


def at(seconds: float | None) -> str | None:
    """A moment as RFC 3339 in UTC, to the second."""
    return None if not seconds else datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def kind_of(driver: Backend | None, facts: FolderFacts) -> str:
    """The word for a kind of backend that existing clients know."""
    if driver is None:
        return CUSTOM
    described: object = driver
    return described.kind(facts) if isinstance(described, Described) else driver.name


def vendor_of(driver: Backend | None, facts: FolderFacts) -> str:
    """Who makes the engine."""
    described: object = driver
    return described.vendor(facts) if isinstance(described, Described) else ""


def recipe_shape(entry: Entry, drivers: Mapping[str, Backend], users: Sequence[str]) -> dict[str, Any]:
    """One recipe of the catalogue."""
    recipe = entry.recipe
    return {
        "id": entry.id.stem,
        "ref": entry.ref,
        "path": str(entry.file.path),
        "backendDir": str(entry.folder.path) if entry.folder.is_valid else "",
        "backendKind": kind_of(drivers.get(entry.driver), entry.folder) if entry.driver else "",
        "name": entry.name,
        "description": recipe.description if recipe else "",
        "model": recipe.model if recipe else "",
        "soloOnly": bool(recipe and recipe.solo_only),
        "clusterOnly": bool(recipe and recipe.cluster_only),
        "defaultTensorParallel": recipe.tensor_parallel if recipe else 1,
        "defaultExtraArgs": recipe.extra_args if recipe else "",
        "containerImage": recipe.container if recipe else "",
        "identity": str(entry.id),
        "backend": entry.id.backend,
        "relativePath": str(entry.id.path),
        "driver": entry.driver,
        "format": entry.format,
        "engine": (recipe.engine or recipe.runtime) if recipe else "",
        "source": "user" if entry.is_users else "backend",
        "editable": entry.is_users,
        "revision": entry.file.revision,
        "updatedAt": at(entry.file.updated_at),
        "problems": [problem_record(problem) for problem in entry.reading.problems],
        "usable": bool(recipe and not entry.errors and entry.driver),
        "hides": entry.hides,
        "hiddenBy": entry.hidden_by,
        "usedBy": list(users),
        "extraKeys": sorted(recipe.extra) if recipe else [],
    }


def model_shape(managed: Managed) -> dict[str, Any]:
    """One managed model, every field that can be set included."""
    model, entry = managed.model, managed.model.entry
    settings, limits = model.settings, model.settings.limits
    metadata = entry.get("metadata")
    benchy = metadata.get("benchy") if isinstance(metadata, Mapping) else None
    trust = benchy.get("trust_remote_code") if isinstance(benchy, Mapping) else None
    return {
        "modelId": model.id,
        "recipeRef": settings.recipe,
        "name": str(entry.get("name") or model.id),
        "description": str(entry.get("description") or ""),
        "aliases": list(entry.get("aliases") or ()),
        "useModelName": str(entry.get("useModelName") or ""),
        "mode": settings.mode.value,
        "tensorParallel": settings.tensor_parallel,
        "nodes": ",".join(settings.nodes),
        "extraArgs": args_text(settings.extra_args),
        "extraArgsList": list(settings.extra_args),
        "containerImage": settings.container_image,
        "group": model.group or settings.group,
        "unlisted": bool(entry.get("unlisted")),
        "managed": settings.managed,
        "hotSwap": settings.hot_swap,
        "benchyTrustRemoteCode": trust,
        "nonPrivileged": limits.non_privileged,
        "memLimitGb": limits.mem_limit_gb,
        "memSwapLimitGb": limits.mem_swap_limit_gb,
        "pidsLimit": limits.pids_limit,
        "shmSizeGb": limits.shm_size_gb,
        "backend": str(entry.get("backend") or ""),
        "node": str(entry.get("node") or ""),
        "recipe": str(managed.recipe.id) if managed.recipe else "",
        "orphaned": managed.recipe is None,
        "problems": [*model.problems, *([managed.why] if managed.why else [])],
        "legacy": model.is_legacy,
    }


def source_shape(entry: Entry) -> dict[str, Any]:
    """The text of a recipe."""
    return {
        "recipeId": entry.id.stem,
        "recipeRef": entry.ref,
        "path": str(entry.file.path),
        "content": entry.file.text or "",
        "updatedAt": at(entry.file.updated_at),
        "identity": str(entry.id),
        "revision": entry.file.revision,
        "format": entry.format,
        "editable": entry.is_users,
        "problems": [problem_record(problem) for problem in entry.reading.problems],
    }


def offer_shape(offer: RecipeOffer, drivers: Mapping[str, Backend]) -> dict[str, Any]:
    """A recipe that a backend would write."""
    return {
        "backend": offer.backend,
        "driver": offer.driver,
        "backendDir": str(offer.folder.path) if offer.folder.is_valid else "",
        "backendKind": kind_of(drivers.get(offer.driver), offer.folder),
        "content": offer.text,
    }


def image_shape(choice: ImageChoice) -> dict[str, Any]:
    """Which image is chosen, and which there are."""
    shape: dict[str, Any] = {
        "selected": choice.selected,
        "default": choice.default,
        "available": list(choice.available),
    }
    if choice.latest:
        shape |= {"latest": choice.latest, "updateAvailable": choice.update_available}
    return shape | ({"warning": choice.warning} if choice.warning else {})


def action_shape(found: BackendAction, hint: str) -> dict[str, Any]:
    """One action of a backend; `hint` is the command that it runs, as far as that is known beforehand."""
    spec = found.spec
    return {
        "action": spec.id,
        "label": spec.title,
        "commandHint": hint or spec.description,
        "unavailable": spec.unavailable,
        "icon": spec.icon,
    }


def backend_shape(
    state: BackendState,
    driver: Backend | None,
    actions: Mapping[str, BackendAction],
    hints: Mapping[str, str],
    choice: ImageChoice | None,
) -> dict[str, Any]:
    """One backend folder, as its card shows it."""
    git = state.facts.git
    return {
        "id": state.id,
        "backendDir": str(state.folder),
        "driver": state.driver,
        "title": driver.title if driver is not None else "Unknown",
        "backendKind": kind_of(driver, state.facts),
        "backendVendor": vendor_of(driver, state.facts),
        "deploymentGuideUrl": driver.docs_url if driver is not None else "",
        "repoUrl": git.origin if git else "",
        "git": {"origin": git.origin, "branch": git.branch, "commit": git.commit} if git else None,
        "recipes": len(state.recipes),
        "actions": [action_shape(found, hints.get(id_, "")) for id_, found in actions.items()],
        "image": image_shape(choice) if choice else None,
    }


def active_shape(active: Active, options: Sequence[str], card: Mapping[str, Any] | None) -> dict[str, Any]:
    """The active backend, with the keys of its kind that existing clients know."""
    shape: dict[str, Any] = {
        "backendDir": str(active.folder),
        "backendSource": active.source,
        "options": list(options),
        "backendKind": CUSTOM,
        "actions": [],
        "valid": card is not None,
    }
    if card is None:
        return shape | {"problem": f"{active.folder} is no backend folder"}
    shape |= {key: value for key, value in card.items() if key != "backendDir" and value not in ("", None)}
    shape["actions"] = [found for found in card["actions"] if not found["unavailable"]]
    if card["image"] is not None:
        shape[f"{card['backendKind']}Image"] = card["image"]
    return shape


def recipe_row(shape: Mapping[str, Any]) -> dict[str, Any]:
    """One recipe as a row of a table; `id` is what its actions are about."""
    errors = [problem for problem in shape["problems"] if problem["severity"] == "error"]
    first = next(iter([*errors, *shape["problems"]]), None)
    state, look = _recipe_state(shape)
    keys = ("identity", "backend", "relativePath", "engine", "model", "containerImage", "path")
    return {
        **{key: shape[key] for key in keys},
        "id": shape["identity"] if not shape["hiddenBy"] else shape["path"],
        "name": recipe_link(shape["identity"], shape["name"]),
        "state": {"state": look, "text": state},
        "problem": first["message"] if first else "",
        "users": ", ".join(shape["usedBy"]),
        "recipe": shape["identity"],
        "reasons": {MAKE_MODEL: why} if (why := _why_no_model(shape, first)) else {},
    }


def _why_no_model(shape: Mapping[str, Any], first: Mapping[str, Any] | None) -> str:
    if shape["hiddenBy"]:
        return f"{shape['hiddenBy']} takes its place"
    if shape["usable"]:
        return ""
    return f"mend it first: {first['message']}" if first else "no backend runs it"


def _recipe_state(shape: Mapping[str, Any]) -> tuple[str, str]:
    """The state of a recipe in a word, and its look."""
    if shape["hiddenBy"]:
        return "hidden", ""
    if not shape["usable"]:
        return "unusable", "error"
    return ("with warnings", "warn") if shape["problems"] else ("usable", "ok")


def managed_row(shape: Mapping[str, Any]) -> dict[str, Any]:
    """One managed model as a row of a table; `values` is what its form begins with."""
    orphaned, problem = shape["orphaned"], next(iter(shape["problems"]), "")
    state = ("orphaned", "error") if orphaned else ("older entry", "warn") if shape["legacy"] else ("managed", "ok")
    keys = ("mode", "tensorParallel", "nodes", "containerImage", "group")
    form = {key: value for key, value in shape.items() if value is not None}
    return {
        **{key: shape[key] for key in keys},
        "id": shape["modelId"],
        "model": {"href": f"#/models/{quote(shape['modelId'], safe='')}", "text": shape["modelId"]},
        "recipe": recipe_link(shape["recipe"], shape["recipeRef"]) if shape["recipe"] else shape["recipeRef"],
        "state": {"state": state[1], "text": state[0]},
        "problem": problem,
        "values": form,
        "context": {"model": shape["modelId"]},
    }


def recipe_link(identity: str, text: str) -> dict[str, str]:
    """A link to the page of a recipe."""
    return {"href": f"#/x/recipes/recipe?recipe={quote(identity, safe='')}", "text": text}


def trial_shape(trial: Trial) -> dict[str, Any]:
    """What came of a text: problems, and the commands that it would run, as a preview."""
    commands = [] if trial.preview is None else preview_commands(trial.preview)
    return {
        "format": trial.format,
        "ok": trial.reading.is_usable,
        "problems": [problem_record(problem) for problem in trial.reading.problems],
        "commands": commands,
        "warnings": [trial.refusal] if trial.refusal else [],
    }


def preview_commands(preview: Preview) -> list[dict[str, Any]]:
    """What would be run, one after the other."""
    spec = preview.spec
    launch = {"title": "start", "argv": list(spec.argv), "node": spec.node}
    rendered = [{"title": "which renders the command as", "command": preview.rendered}] if preview.rendered else []
    return [*map(_step, spec.before), launch, *rendered, *map(_step, spec.after)]


def backend_card(card: Mapping[str, Any], notes: Sequence[Note], checkout: Checkout | None) -> dict[str, Any]:
    """One backend as a card of a page: what it is, what is wrong with it, and what can be done."""
    git, image = card["git"], card["image"]
    commit = f"{git['branch']} {git['commit'][:10]}" if git else "none"
    items = [
        {"label": "Folder", "value": card["backendDir"], "type": "code"},
        {"label": "Recipes", "value": {"href": f"#/x/recipes/catalogue?backend={quote(card['id'])}",
                                       "text": str(card["recipes"])}, "type": "link"},
        {"label": "Repository", "value": card["repoUrl"], "type": "link"},
        {"label": "Checkout", "value": f"{commit} ({checkout.words})" if checkout else commit},
        {"label": "Image", "value": image["selected"] if image else "", "type": "code"},
        {"label": "Newest image", "value": image.get("latest", "") if image else "", "type": "code"},
        {"label": "Guide", "value": card["deploymentGuideUrl"], "type": "link"},
    ]  # fmt: skip
    kind = " · ".join(part for part in (card["backendKind"], card["backendVendor"]) if part)
    return {
        "id": card["id"],
        "title": card["id"],
        "value": card["title"],
        "state": {"state": "ok", "text": "active"} if card["active"] else "",
        "text": kind,
        "items": [item for item in items if item["value"] not in ("", None)],
        "notes": [{"level": note.level, "text": note.text} for note in notes],
        "actions": _card_actions(card),
        "context": {"backend": card["id"]},
    }


def _card_actions(card: Mapping[str, Any]) -> list[dict[str, str]]:
    """What can be done with a folder, and why something cannot."""
    own = [(ACTIVATE, "it is the active one")] if card["active"] else [(ACTIVATE, "")]
    if card["image"]:
        own.append((CHOOSE_IMAGE, ""))
    offered = [*own, *((each["action"], each["unavailable"]) for each in card["actions"])]
    return [{"id": f"backends:{action}", "reason": reason} for action, reason in offered]


def preview_shape(preview: Preview) -> dict[str, Any]:
    """What a recipe would run."""
    spec = preview.spec
    return {
        "argv": list(spec.argv),
        "cwd": str(spec.cwd or ""),
        "env": dict(spec.env),
        "node": spec.node,
        "url": spec.base_url,
        "before": [_step(step) for step in spec.before],
        "after": [_step(step) for step in spec.after],
        "rendered": preview.rendered,
        "sleeps": spec.sleep is not None,
    }


def _step(step: Step) -> dict[str, Any]:
    command = step.command
    return {"title": step.title, "argv": list(command.argv) if command else [], "node": step.node}
