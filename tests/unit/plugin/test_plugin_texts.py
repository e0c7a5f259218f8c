"""Texts of a plugin in another language: read from its package, refused when they cannot be filled in."""

from __future__ import annotations

import json

import pytest

from swaplab_core.domain.errors import PluginFailed
from swaplab_core.plugin.texts import package_texts


def package(tmp_path, monkeypatch, name, texts):
    folder = tmp_path / name / "texts"
    folder.mkdir(parents=True)
    (tmp_path / name / "__init__.py").touch()
    (folder / "es.json").write_text(json.dumps(texts), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_package_has_texts_or_has_none(tmp_path, monkeypatch):
    texts = {"Name": "Nombre", "{n} of {all} {n|node|nodes}": "{n} de {all} {n|nodo|nodos}"}
    name = package(tmp_path, monkeypatch, "with_texts", texts)
    assert package_texts(name, "es") == texts
    assert package_texts(name, "fr") == {}
    assert package_texts("json.decoder", "es") == {}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["Name"], "is not an object of texts"),
        ({"Name": ""}, "is not an object of texts"),
        ({"{n} nodes": "{nodes} nodos"}, r"says \{nodes\} where '\{n\} nodes' has no such place"),
        ({"{all} nodes": "{all} {n|nodo|nodos}"}, r"says \{n\} where"),
    ],
)
def test_texts_that_cannot_be_used_are_refused(tmp_path, monkeypatch, texts, said):
    name = package(tmp_path, monkeypatch, tmp_path.name, texts)  # once imported, a name is taken
    with pytest.raises(PluginFailed, match=said):
        package_texts(name, "es")
