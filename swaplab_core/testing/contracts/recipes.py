"""What every backend that runs recipes promises beyond `BackendContract`, and every recipe parser, as tests.

```python
class TestMyRecipes(RecipeBackendContract):
    backend = MyBackend
    options = MyOptions()
    folders = (FolderFacts(path=PurePosixPath("/lab/backend/mine"), files=frozenset({"run-recipe.sh"}), …),)
    recipes = (Recipe(format="schema1", name="a", container="image", command="serve --port {port}"),)
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import PurePosixPath
from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from swaplab_core.domain.backend import FolderFacts
from swaplab_core.domain.launch import LaunchRequest, LaunchSpec, RecipeLaunch
from swaplab_core.domain.node import LOCAL, Node, NodeId
from swaplab_core.domain.recipe import Limits, Mode, Recipe, RecipeReading, RecipeSettings
from swaplab_core.plugin import Backend, ModelId, PluginFailed
from swaplab_core.plugin.abilities import RunsRecipes
from swaplab_core.plugin.recipe_parser import RecipeParser
from swaplab_core.testing.contracts.backend import HOST, MODELS, PORTS

HOME = PurePosixPath("/home/me")
INSTANCE = "5801"
NODES = ("192.0.2.10", "192.0.2.11")
# Each example makes dozens of launches. One suite for several drivers is the purpose, as in `contracts.backend`.
promised = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])

OWN_FOLDER = PurePosixPath("/lab/recipes")


def launch_of(recipe: Recipe, folder: FolderFacts, settings: RecipeSettings, *, own: bool = False) -> RecipeLaunch:
    """Make what the core would hand to a driver; `own` is a recipe in the user's folder."""
    relative = None if own else PurePosixPath("a.yaml")
    file = OWN_FOLDER / "a.yaml" if own else folder.path / "recipes" / "a.yaml"
    nodes = tuple(
        Node(NodeId(name) if place else LOCAL, name, "ssh", name) for place, name in enumerate(settings.nodes)
    )
    return RecipeLaunch(
        recipe, settings, folder, file, relative, HOME, HOME / ".cache/huggingface", PurePosixPath("/lab/runs/m"), nodes
    )


def request_of(model: ModelId, port: int, options: Any, launch: RecipeLaunch | None) -> LaunchRequest:
    """Make a launch request on this machine, where every program is installed."""
    return LaunchRequest(model, options, HOST, port, lambda name: f"/usr/bin/{name}", LOCAL, launch, INSTANCE)


class RecipeBackendContract:
    """Subclass it as `Test…` and set `backend`, `options`, and the folders and recipes that fit together."""

    backend: ClassVar[type[Backend]]
    options: ClassVar[Any]
    folders: ClassVar[Sequence[FolderFacts]]
    recipes: ClassVar[Sequence[Recipe]]

    def test_it_runs_recipes(self) -> None:
        """The core asks it as a backend of recipes."""
        driver = self.backend()
        assert isinstance(driver, RunsRecipes)
        assert driver.parsers
        assert driver.node_macros

    def test_it_recognises_its_folders(self) -> None:
        """And no empty one."""
        driver = self.backend()
        assert isinstance(driver, RunsRecipes)
        assert all(driver.recognise(folder) > 0 for folder in self.folders)
        assert driver.recognise(FolderFacts(PurePosixPath("/empty"))) == 0

    @promised
    @given(model=MODELS, port=PORTS)
    def test_a_launch_is_plain_arguments_on_the_address_it_was_given(self, model: ModelId, port: int) -> None:
        """Whatever the model is called, no argument is added, and none that is not the model's own begins with `-`."""
        for spec, plain in zip(self._launches(model, port), self._launches(ModelId("plain"), port), strict=True):
            url = urlsplit(spec.base_url)
            assert (url.hostname, url.port) == (HOST, port)
            for argv in [spec.argv, *(step.command.argv for step in (*spec.before, *spec.after) if step.command)]:
                assert argv[0]
                assert not [argument for argument in argv if set(argument) & set("\n\r\0")]
            assert len(spec.argv) == len(plain.argv)
            changed = [mine for mine, other in zip(spec.argv, plain.argv, strict=True) if mine != other]
            assert not [argument for argument in changed if argument.startswith("-")]

    @promised
    @given(model=MODELS, port=PORTS)
    def test_a_launch_is_the_same_for_the_same_request(self, model: ModelId, port: int) -> None:
        """It keeps no state and asks nobody else."""
        assert list(self._launches(model, port)) == list(self._launches(model, port))

    def test_a_launch_uses_only_the_images_and_nodes_it_was_given(self) -> None:
        """Another image than the recipe's is used exactly where the entry says so."""
        for recipe, folder in product(self.recipes, self.folders):
            settings = self._settle(recipe, RecipeSettings("a", container_image="registry.example:5000/other:1"))
            for spec in self._specs(ModelId("m"), 5800, recipe, folder, settings):
                assert "registry.example:5000/other:1" in " ".join((*spec.argv, *spec.env.values()))

    def test_commands_around_a_launch_have_an_end(self) -> None:
        """Nothing waits for ever before or after an engine."""
        for spec in self._launches(ModelId("m"), 5800):
            assert all(step.command is not None and step.timeout_seconds <= 600 for step in (*spec.before, *spec.after))

    def _launches(self, model: ModelId, port: int) -> Iterator[LaunchSpec]:
        launched = 0
        for recipe, folder in product(self.recipes, self.folders):
            for wanted in _settings(recipe):
                for spec in self._specs(model, port, recipe, folder, self._settle(recipe, wanted)):
                    launched += 1
                    yield spec
        assert launched, "none of the recipes can be launched"

    def _settle(self, recipe: Recipe, settings: RecipeSettings) -> RecipeSettings:
        driver = self.backend()
        assert isinstance(driver, RunsRecipes)
        return driver.settle(recipe, settings)

    def _specs(
        self, model: ModelId, port: int, recipe: Recipe, folder: FolderFacts, settings: RecipeSettings
    ) -> Iterator[LaunchSpec]:
        for own in (False, True):
            request = request_of(model, port, self.options, launch_of(recipe, folder, settings, own=own))
            spec = _launched(self.backend(), request)
            if isinstance(spec, PluginFailed):
                assert spec.advice, f"no advice in: {spec}"
            else:
                yield spec


def _launched(driver: Backend, request: LaunchRequest) -> LaunchSpec | PluginFailed:
    try:
        return driver.launch(request)
    except PluginFailed as refusal:
        return refusal


def _settings(recipe: Recipe) -> Iterator[RecipeSettings]:
    solo = RecipeSettings("a", extra_args=("--more", "two words", '{"a": 1}'))
    if not recipe.cluster_only:
        yield solo
        yield evolve(solo, limits=Limits(non_privileged=True, mem_limit_gb=64))
    if not recipe.solo_only:
        yield evolve(solo, mode=Mode.CLUSTER, nodes=NODES, tensor_parallel=2)
        yield evolve(solo, mode=Mode.CLUSTER, nodes=NODES, tensor_parallel=2, hot_swap=True)


class RecipeParserContract:
    """Subclass it as `Test…` and set `parser` and `samples`: texts that it can read."""

    parser: ClassVar[type[RecipeParser]]
    samples: ClassVar[Sequence[str]]

    @property
    def file(self) -> PurePosixPath:
        """A name that it may be asked about."""
        return PurePosixPath(f"a{self.parser.suffixes[0]}")

    def test_its_template_is_a_good_recipe_of_its_own(self) -> None:
        """A person starts from it."""
        parser = self.parser()
        assert parser.recognise(parser.template(), self.file) > 0
        assert self._read(parser.template()).problems == ()

    def test_it_recognises_and_reads_its_samples(self) -> None:
        """Without samples the other promises would hold for nothing."""
        assert self.samples
        for sample in self.samples:
            assert self.parser().recognise(sample, self.file) > 0
            assert self._read(sample).is_usable

    def test_what_it_writes_is_what_it_read(self) -> None:
        """`parse(render(recipe))` gives the recipe back."""
        for sample in self.samples:
            recipe = self._read(sample).recipe
            assert recipe is not None
            assert self._read(self.parser().render(recipe)).recipe == recipe

    @promised
    @given(text=st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "replace")))
    def test_it_takes_any_text(self, text: str) -> None:
        """It never raises; what cannot be read has a problem."""
        self.parser().recognise(text, self.file)
        reading = self._read(text)
        assert reading.recipe is not None or reading.problems

    def _read(self, text: str) -> RecipeReading:
        return self.parser().parse(text, self.file)
