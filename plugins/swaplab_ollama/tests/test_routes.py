"""The paths that are offered, and to whom."""

from __future__ import annotations

from swaplab_core.plugin import Policy
from swaplab_core.plugin.catalogue import Catalogue
from swaplab_ollama import routes


def offered():
    return Catalogue.of(plugins={"ollama": routes}).hooks.routes(None)["ollama"]


def test_every_path_is_public_but_those_of_the_core():
    private = {route.path for route in offered() if route.public_path != route.path}
    assert private == {"/", "/api/version"}


def test_asking_a_model_needs_to_be_allowed_and_so_does_looking():
    by_policy = {policy: {r.path for r in offered() if r.policy is policy} for policy in Policy}
    assert by_policy[Policy.INFER] == {"/api/chat", "/api/generate", "/api/embed", "/api/embeddings"}
    assert {"/api/tags", "/api/ps", "/api/show"} <= by_policy[Policy.READ]
    assert not by_policy[Policy.OPEN]


def test_the_entry_point_of_the_distribution_is_healthy():
    mine = [record for record in Catalogue.discover().records if record.distribution == "swaplab-ollama"]
    assert [(record.name, record.error, record.hooks) for record in mine] == [("ollama", "", ("swaplab_routes",))]
