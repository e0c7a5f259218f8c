"""Who uses an image: models, recipes, backends, containers. Pure; from what the daemon's own routes answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from swaplab_core.domain.image import is_image, with_tag
from swaplab_core.plugin.run_command import read_run
from swaplab_docker.facts import Container, Image
from swaplab_docker.written import expanded, words


@frozen
class User:
    """One user. `kind` is `model`, `recipe`, `backend` or `container`; `is_up`: it holds the image right now."""

    kind: str
    name: str
    is_up: bool = False

    def __str__(self) -> str:
        """For a list of users."""
        return f"{self.kind} {self.name}"


@frozen
class Named:
    """What the configuration names: a user by each image's full name."""

    users: Mapping[str, tuple[User, ...]] = field(factory=dict)

    def of(self, image: Image) -> tuple[User, ...]:
        """Who names this image, by any of its names."""
        names = (*image.references, *image.digests)
        return tuple(dict.fromkeys(user for name in names for user in self.users.get(name, ())))


def named(
    models: Mapping[str, Mapping[str, Any]],
    macros: Mapping[str, object],
    state: Mapping[str, Any],
    backends: Sequence[Mapping[str, Any]],
) -> Named:
    """Gather who names which image.

    `models` are the entries of the configuration as they are written, `macros` those of the file, `state` what
    `/api/recipes/state` answers, `backends` the cards.
    """
    users: dict[str, list[User]] = {}
    for written, user in (*_of_models(models), *_of_recipes(state), *_of_backends(backends)):
        image = expanded(written, macros)
        if is_image(image):
            users.setdefault(with_tag(image), []).append(user)
    return Named({image: tuple(dict.fromkeys(found)) for image, found in users.items()})


def containers_of(image: Image, containers: Iterable[Container]) -> tuple[User, ...]:
    """The containers that were made of an image."""
    return tuple(
        User("container", container.name or container.short_id, container.is_up)
        for container in containers
        if container.image_id == image.id
    )


def _of_models(models: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, User]]:
    for model, entry in models.items():
        user = User("model", model)
        yield str(entry.get("image") or ""), user
        metadata = entry.get("metadata")
        chosen = metadata.get("recipe_ui") if isinstance(metadata, Mapping) else None
        yield str(chosen.get("container_image") or "") if isinstance(chosen, Mapping) else "", user
        run = read_run(words(entry.get("cmd")))
        yield (run.image if run else ""), user


def _of_recipes(state: Mapping[str, Any]) -> Iterator[tuple[str, User]]:
    images: dict[str, str] = {}
    for recipe in _objects(state.get("recipes")):
        image, identity = str(recipe.get("containerImage") or ""), str(recipe.get("identity") or recipe.get("id"))
        images[identity] = image
        yield image, User("recipe", identity)
    for model in _objects(state.get("models")):
        image = str(model.get("containerImage") or images.get(str(model.get("recipe")), ""))
        yield image, User("model", str(model.get("modelId")))


def _of_backends(backends: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, User]]:
    for backend in backends:
        image = backend.get("image")
        if isinstance(image, Mapping):
            yield str(image.get("selected") or ""), User("backend", str(backend.get("id")))


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
