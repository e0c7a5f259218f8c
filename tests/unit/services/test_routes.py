"""From the name in a request to its target and what becomes of its body: profile, selector, name, peer."""

from __future__ import annotations

import json

import pytest

from swaplab_core.config.schema import Config, Filters, ModelConfig, Peer, Profile, Selector
from swaplab_core.domain.errors import UnknownModel
from swaplab_core.engine import Phase
from swaplab_core.routing.names import Local, Remote
from swaplab_core.routing.selectors import NoTarget
from swaplab_core.services.models.request_router import RequestRouter, UnknownProfile

CONFIG = Config(
    models={
        "big": ModelConfig(id="big", aliases=("b",)),
        "small": ModelConfig(
            id="small",
            use_model_name="org/small-7B",
            filters=Filters(
                strip_params=("top_k",),
                set_params={"temperature": 0},
                set_params_by_id={"small:hot": {"temperature": 2}, "small": {"seed": 1}},
            ),
            aliases=("small:hot",),
        ),
    },
    peers={
        "lab": Peer(
            proxy="http://peer.example",
            models=("org/far", "near"),
            filters=Filters(set_params={"user": "swaplab"}, set_params_by_id={"lab/near": {"full": True}}),
        )
    },
    selectors={
        "auto": Selector(strategy="spillover", targets=("big", "small")),
        "fixed": Selector(strategy="pin", targets=("near",)),
    },
    profiles={
        "work": Profile(pins={"gpt-4o": "big", "cheap": "auto", "b": "small", "small": None, "remote": "org/far"}),
        "play": Profile(pins={"gpt-4o": "small"}),
    },
)


@pytest.fixture
def phases():
    return {"big": Phase.STOPPED, "small": Phase.STOPPED}


@pytest.fixture
def routes(phases):
    routes = RequestRouter(phases.__getitem__)
    routes.use(CONFIG)
    return routes


def sent(routes, name, **more):
    """Where a body that names `name` goes, and how it arrives there."""
    with routes.route(name) as route:
        return route.target.id, json.loads(route.edit(json.dumps({"model": name, **more}).encode()))


def test_a_model_asked_by_id_or_alias_gets_the_body_as_it_is(routes):
    body = b'{ "model" : "b", "stream":true }'

    with routes.route("b") as route:
        assert isinstance(route.target, Local)
        assert route.target.id == "big"
        assert route.edit(body) is body


def test_the_name_for_the_upstream_comes_first_then_the_filters(routes):
    assert sent(routes, "small", top_k=40, temperature=1) == (
        "small",
        {"model": "org/small-7B", "temperature": 0, "seed": 1},
    )


def test_the_filters_of_a_name_are_those_of_the_requested_one(routes):
    assert sent(routes, "small:hot")[1] == {"model": "org/small-7B", "temperature": 2}


@pytest.mark.parametrize(
    ("name", "target", "body"),
    [
        ("lab/near", "lab/near", {"model": "near", "user": "swaplab", "full": True}),
        ("near", "lab/near", {"model": "near", "user": "swaplab"}),
        ("lab/org/far", "lab/org/far", {"model": "org/far", "user": "swaplab"}),
        ("fixed", "lab/near", {"model": "near", "user": "swaplab"}),
    ],
)
def test_a_peer_is_asked_for_its_own_name_and_gets_its_own_filters(routes, name, target, body):
    assert sent(routes, name) == (target, body)


def test_a_selector_puts_the_name_of_its_choice_into_the_body(routes, phases):
    phases["small"] = Phase.READY

    with routes.route("auto") as route:
        assert (route.selector, route.requested, route.target.id) == ("auto", "small", "small")
        assert sent(routes, "auto") == ("big", {"model": "big"}), "the first request holds its place"
    assert sent(routes, "auto")[0] == "small"


def test_a_selector_without_a_target_refuses(routes, phases):
    phases.update(big=Phase.STOPPING, small=Phase.STOPPING)

    with pytest.raises(NoTarget), routes.route("auto"):
        pass


def test_a_profile_rewrites_before_selector_and_names(routes):
    routes.activate("work")

    assert sent(routes, "gpt-4o") == ("big", {"model": "big"})
    assert sent(routes, "b")[0] == "small"
    assert sent(routes, "cheap") == ("big", {"model": "big"})
    assert sent(routes, "remote")[1]["model"] == "org/far"


def test_pins_do_not_chain(routes):
    routes.activate("work")

    assert sent(routes, "b")[0] == "small", "though the pin `small` is off"


def test_a_name_that_a_profile_switches_off_is_unknown(routes):
    routes.activate("work")

    with pytest.raises(UnknownModel, match="the profile 'work' switches 'small' off"), routes.route("small"):
        pass
    assert sent(routes, "small:hot")[0] == "small", "other names of the model work"


def test_an_unknown_name_is_told_what_there_is_selectors_and_peers_included(routes):
    with pytest.raises(UnknownModel, match="did you mean 'auto'"), routes.route("autoo"):
        pass
    with pytest.raises(UnknownModel) as unknown, routes.route("gpt-4o"):
        pass
    for name in ("auto", "fixed", "lab/near", "big", "small:hot"):
        assert name in str(unknown.value)


def test_an_unknown_profile_is_told_which_there_are(routes):
    with pytest.raises(UnknownProfile, match="did you mean 'work'"):
        routes.activate("worc")
    assert routes.profiles.active is None


def test_another_configuration_keeps_the_active_profile_if_it_still_has_one_of_that_name(routes):
    routes.activate("work")

    routes.use(Config(models=CONFIG.models, profiles={"work": Profile(pins={"gpt-4o": "small"})}))
    assert sent(routes, "gpt-4o")[0] == "small"

    routes.use(Config(models=CONFIG.models, profiles={"play": CONFIG.profiles["play"]}))
    assert routes.profiles.active is None
    with pytest.raises(UnknownModel), routes.route("gpt-4o"):
        pass


def test_another_configuration_keeps_the_count_of_what_is_under_way(routes):
    with routes.route("auto") as first:
        assert first.target.id == "big"
        routes.use(CONFIG)
        assert sent(routes, "auto")[0] == "small"
    assert sent(routes, "auto")[0] == "big", "and it goes down again"


def test_requests_on_their_way_keep_their_route(routes):
    with routes.route("near") as route:
        routes.use(Config())
        assert isinstance(route.target, Remote)
        assert route.edit(b'{"model":"near"}') == b'{"model":"near","user":"swaplab"}'
    with pytest.raises(UnknownModel, match="the configuration has no models"), routes.route("near"):
        pass


def test_a_switch_of_the_profile_leaves_requests_on_their_way_alone(routes):
    routes.activate("work")
    with routes.route("gpt-4o") as route:
        routes.activate("play")
        assert json.loads(route.edit(b'{"model":"gpt-4o"}'))["model"] == route.target.id == "big"

        assert sent(routes, "gpt-4o")[0] == "small"


def test_a_pin_to_a_selector_and_the_selector_put_their_names_in_before_the_filters(routes, phases):
    phases["small"] = Phase.READY
    routes.activate("work")

    with routes.route("auto"):
        assert sent(routes, "cheap", top_k=1) == ("big", {"model": "big", "top_k": 1})
    assert sent(routes, "cheap", top_k=1) == ("small", {"model": "org/small-7B", "temperature": 0, "seed": 1})
