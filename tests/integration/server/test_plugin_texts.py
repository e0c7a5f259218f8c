"""The texts of all plugins here, in the other language of the pages: none is missing, none is of no use."""

from __future__ import annotations

import pytest
from running_swaplab import running_swaplab, sim

SAID = {"title", "label", "text", "description", "help", "placeholder", "empty", "x-group", "x-placeholder"}
PARTS = ("nav", "views", "actions", "modules")


@pytest.fixture(scope="module")
def swaplab(tmp_path_factory):
    with running_swaplab(tmp_path_factory.mktemp("texts"), {"m": sim()}) as running:
        yield running


def texts_of(value, key=""):
    """What of a document is said to people, examples of input (`org/name`) left out."""
    match value:
        case dict():
            for name, each in value.items():
                if name != "x-options":
                    yield from texts_of(each, name)
        case list():
            for each in value:
                yield from texts_of(each, key)
        case str() if key in SAID and value and (key != "x-placeholder" or " " in value):
            yield value


def test_every_text_of_the_manifest_and_its_forms_is_there_in_spanish(swaplab):
    manifest = swaplab.ask("GET", "/api/ui/manifest").json()
    forms = [each["input"] for each in manifest["actions"]] + [each["schema"] for each in manifest["settings"]]
    schemas = [swaplab.ask("GET", f"/{form['$ref']}").json() for form in forms if form and "$ref" in form]
    texts = set(texts_of([manifest[part] for part in PARTS] + schemas))
    spanish = swaplab.ask("GET", "/api/ui/texts/es").json()["texts"]
    assert "Trabajos" in spanish.values()
    assert sorted(texts - spanish.keys()) == []


def test_a_language_that_nobody_has_is_empty_and_no_path(swaplab):
    assert swaplab.ask("GET", "/api/ui/texts/xx").json() == {"texts": {}}
    assert swaplab.ask("GET", "/api/ui/texts/..%2Fes").json() == {"texts": {}}
    assert {each["status"] for each in swaplab.ask("GET", "/api/ui/manifest").json()["plugins"]} == {"ok"}
