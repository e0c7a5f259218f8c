from __future__ import annotations

import pytest

from swaplab_cluster.hooks import Cluster
from swaplab_core.domain.errors import Conflict
from swaplab_core.plugin import form_schema
from swaplab_core.plugin.catalogue import Catalogue, PluginState


def test_the_plugin_is_taken_in_whole():
    catalogue = Catalogue.of(plugins={"cluster": Cluster})
    [record] = catalogue.records
    assert record.state is PluginState.OK, record.error
    assert "swaplab_place_model" in record.hooks
    assert catalogue.hooks.nodes(None) == ()
    assert "/api/cluster/status" in {route.public_path for route in catalogue.hooks.routes(None)["cluster"]}
    [record] = catalogue.records
    assert record.state is PluginState.OK, record.error


def test_every_form_can_be_shown_and_every_action_has_a_place():
    actions = Catalogue.of(plugins={"cluster": Cluster}).hooks.actions(None)["cluster"]
    assert len({action.spec.id for action in actions}) == len(actions) == 15
    for action in actions:
        assert form_schema(action.spec.form)["type"] == "object"
        assert action.spec.slots, action.spec.id
        assert action.spec.description or action.spec.target, action.spec.id


def test_before_the_daemon_has_started_nothing_is_known():
    with pytest.raises(Conflict, match="not known yet"):
        _ = Cluster().live
