"""The demo's configuration, with and without a real engine on the machine."""

from __future__ import annotations

import pytest

from swaplab_core.builtin.command_backend import CommandBackend
from swaplab_core.config.load import Source, load
from swaplab_core.config.schema import BackendSchema
from swaplab_core.domain.demo import DemoModel
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_core.plugin.hooks import hookimpl
from swaplab_core.services.demo import choose_models, prepare_demo

BACKENDS = {"command": BackendSchema(CommandBackend.options, CommandBackend.needs_port)}


def real(name, **files):
    return DemoModel(id=name, entry={"cmd": f"{{demo}}/{name} ${{PORT}}"}, title=f"The real {name}", files=files)


def demo_of(*models, folder):
    class Plugin:
        @staticmethod
        @hookimpl
        def swaplab_demo_models():
            return models

    return prepare_demo(Catalogue.of(plugins={"mine": Plugin}).hooks, {}.get, folder, start_port=12340)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_there_are_at_least_two_models_to_swap_and_simulated_ones_say_so(count):
    models = choose_models([real(f"model-{number}") for number in range(count)])
    assert len(models) == max(2, count)
    for model in models:
        assert model.simulated == model.id.startswith("simulated-") == model.title.startswith("SIMULATED")


@pytest.mark.parametrize("models", [(), (real("one"),), (real("one"), real("two"))])
def test_the_configuration_it_writes_has_no_problem(tmp_path, models):
    config = demo_of(*models, folder=tmp_path).config
    loaded = load([Source("config.yaml", config.read_text())], environment={}, backends=BACKENDS)
    assert loaded.problems == ()
    assert loaded.config is not None
    assert [model.port for model in loaded.config.models.values()] == [12340, 12341]


def test_files_are_made_once_and_found_in_the_folder(tmp_path):
    made = []
    model = real("one", weights=lambda: made.append("weights") or b"1234")
    demo = demo_of(model, folder=tmp_path / "new")
    demo_of(model, folder=tmp_path / "new")
    assert (tmp_path / "new" / "weights").read_bytes() == b"1234"
    assert made == ["weights"]
    assert f"{tmp_path}/new/one" in demo.config.read_text()
