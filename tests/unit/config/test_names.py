"""Names: aliases, peers, selectors, profiles, preload."""

from __future__ import annotations

import pytest

MODELS = "models: {a: {cmd: 'x ${PORT}', aliases: [al]}, b: {cmd: 'x ${PORT}'}, c: {cmd: 'x ${PORT}'}}\n"
PEERS = "peers: {p: {proxy: 'http://p', models: [big, both]}, q: {proxy: 'http://q', models: [both, org/x]}}\n"


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ("a: {aliases: [b]}, b: {}", [("models.a.aliases[0]", "alias 'b' is the id of a model")]),
        (
            "a: {aliases: [x]}, b: {aliases: [y, x]}",
            [("models.b.aliases[1]", "alias 'x' belongs to model 'a' already")],
        ),
        ("a: {aliases: [x, '']}", [("models.a.aliases[1]", "an alias is empty")]),
        ("a: {aliases: [x, x]}", []),
        ("a: {aliases: [x], filters: {setParamsByID: {x: {}, a: {}}}}", []),
        (
            "a: {filters: {setParamsByID: {b: {}}}}, b: {}",
            [("models.a.filters.setParamsByID.b", "alias 'b' is the id of a model")],
        ),
        (
            "a: {aliases: [x]}, b: {filters: {setParamsByID: {x: {}}}}",
            [("models.b.filters.setParamsByID.x", "alias 'x' belongs to model 'a' already")],
        ),
    ],
)
def test_names_of_models_are_taken_once(errors, entries, found):
    text = "models: {" + entries.replace("{}", "{cmd: 'x ${PORT}'}", 0) + "}\n"
    text = text.replace(": {aliases", ": {cmd: 'x ${PORT}', aliases").replace(
        ": {filters", ": {cmd: 'x ${PORT}', filters"
    )
    text = text.replace(", b: {}", ", b: {cmd: 'x ${PORT}'}")
    assert errors(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (PEERS, []),
        ("peers: {p: {models: [m]}}\n", [("peers.p", "'proxy' is missing")]),
        ("peers: {p: {proxy: 'http://p'}}\n", [("peers.p", "'models' is missing")]),
        ("peers: {p: {proxy: 'http://p', models: []}}\n", [("peers.p.models", "is empty")]),
        ("peers: {p: {proxy: lan, models: [m]}}\n", [("peers.p.proxy", "'lan' is no http address")]),
        (
            "peers: {a: {proxy: 'http://p', models: [b/c]}, a/b: {proxy: 'http://p', models: [c]}}\n",
            [("peers.a/b.models[0]", "'a/b/c' could mean peer 'a' as well")],
        ),
        (
            "peers: {p: {proxy: 'http://p', models: [m]}}\nselectors: {p/m: {strategy: pin, targets: [a]}}\n",
            [("peers.p.models[0]", "'p/m' names something else in this file")],
        ),
        (
            "peers: {p: {proxy: 'http://p', models: [m]}}\nprofiles: {x: {pins: {p/m: a}}}\n",
            [("peers.p.models[0]", "'p/m' names something else in this file")],
        ),
    ],
)
def test_peers(errors, text, found):
    assert errors(MODELS + text) == found


def test_a_model_may_not_have_the_full_name_of_a_peer_model(errors):
    text = "models: {p/m: {cmd: 'x ${PORT}'}}\npeers: {p: {proxy: 'http://p', models: [m]}}\n"
    assert errors(text) == [("peers.p.models[0]", "'p/m' names something else in this file")]


@pytest.mark.parametrize(
    "entry", ["aliases: [p/m]", "filters: {setParamsByID: {p/m: {a: 1}}}"], ids=["alias", "alias by setParamsByID"]
)
def test_nor_may_an_alias(errors, entry):
    text = f"models: {{x: {{cmd: 'x ${{PORT}}', {entry}}}}}\npeers: {{p: {{proxy: 'http://p', models: [m]}}}}\n"
    assert errors(text) == [("peers.p.models[0]", "'p/m' names something else in this file")]


def test_peers_wait_a_minute_for_the_first_byte(good):
    timeouts = good("peers: {p: {proxy: 'http://p', models: [m], timeouts: {connect: 1}}}\n").peers["p"].timeouts
    assert (timeouts.connect_seconds, timeouts.response_header_seconds, timeouts.idle_conn_seconds) == (1, 60, 90)


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("{strategy: pin, targets: [a, al, p/big, big, org/x]}", []),
        ("{strategy: warm, targets: [a, b]}", []),
        ("{strategy: spillover, targets: [a, p/both, q/both, big]}", []),
        ("{targets: [a]}", [("selectors.s", "'strategy' is missing")]),
        ("{strategy: pin}", [("selectors.s", "'targets' is missing")]),
        ("{strategy: pin, targets: []}", [("selectors.s.targets", "is empty")]),
        ("{strategy: luck, targets: [a]}", [("selectors.s.strategy", "'luck' is none of: pin, warm, spillover")]),
        ("{strategy: pin, targets: [zz]}", [("selectors.s.targets[0]", "there is no model 'zz'")]),
        ("{strategy: pin, targets: [both]}", [("selectors.s.targets[0]", "there is no model 'both'")]),
        ("{strategy: pin, targets: [a, other]}", [("selectors.s.targets[1]", "target 'other' is a selector")]),
        (
            "{strategy: warm, targets: [a, big]}",
            [("selectors.s.targets[1]", "'big' is at a peer, whose state nobody knows here")],
        ),
        ("{strategy: spillover, targets: [a, al]}", [("selectors.s", "two targets are the same model")]),
        ("{strategy: spillover, targets: [a, b]}", [("selectors.s", "its targets cannot run at the same time")]),
        (
            "{strategy: pin, targets: [a], settings: {spillover: 0}}",
            [("selectors.s.settings.spillover", "must be at least 1, not 0")],
        ),
    ],
)
def test_selectors(errors, selector, found):
    other = "other: {strategy: pin, targets: [b]}"
    assert errors(f"{MODELS}{PEERS}selectors: {{s: {selector}, {other}}}\n") == found


def test_a_selector_with_nothing_but_what_is_needed_has_every_default(good):
    selector = good(MODELS + "selectors: {s: {strategy: spillover, targets: [a]}}\n").selectors["s"]
    assert (selector.settings.spillover, selector.unlisted, dict(selector.metadata)) == (1, False, {})
    assert (selector.name, selector.description) == ("", "")


@pytest.mark.parametrize(
    ("routing", "is_fine"),
    [
        ("groups: {g: {swap: false, members: [a, b]}}\n", True),
        ("groups: {g: {swap: true, members: [a, b]}}\n", False),
        ("groups: {g: {swap: false, members: [a]}, h: {swap: false, members: [b]}}\n", False),
        ("matrix: {sets: {s: a & b}}\n", True),
    ],
)
def test_the_targets_of_a_spillover_must_fit_together(errors, routing, is_fine):
    found = errors(f"{MODELS}{routing}selectors: {{s: {{strategy: spillover, targets: [a, b]}}}}\n")
    assert (found == []) == is_fine


@pytest.mark.parametrize("name", ["a", "al"])
def test_a_selector_may_not_be_called_like_a_model(errors, name):
    text = f"{MODELS}selectors: {{{name}: {{strategy: pin, targets: [b]}}}}\n"
    assert errors(text) == [(f"selectors.{name}", f"selector '{name}' is the name of a model")]


@pytest.mark.parametrize(
    ("profile", "found"),
    [
        ("{pins: {x: a, y: al, z: p/big, w: big, v: s, u: ~, t: ''}}", []),
        ("{pins: {}}", [("profiles.f.pins", "is empty")]),
        ("{description: x}", [("profiles.f", "'pins' is missing")]),
        ("{pins: {x: nope}}", [("profiles.f.pins.x", "there is no model 'nope'")]),
        ("{pins: {x: both}}", [("profiles.f.pins.x", "there is no model 'both'")]),
        ("{pins: {' ': a}}", [("profiles.f.pins. ", "a pin has no name")]),
    ],
)
def test_profiles(errors, profile, found):
    text = f"{MODELS}{PEERS}selectors: {{s: {{strategy: pin, targets: [a]}}}}\nprofiles: {{f: {profile}}}\n"
    assert errors(text) == found


def test_an_empty_pin_switches_a_name_off(good):
    pins = good(MODELS + "profiles: {f: {pins: {x: ~, y: '', z: a}}}\n").profiles["f"].pins
    assert dict(pins) == {"x": None, "y": None, "z": "a"}


def test_preload_follows_aliases_and_leaves_out_what_is_unknown_with_a_warning(good, warnings_of):
    text = MODELS + "hooks: {on_startup: {preload: [b, ' al ', a, nope]}}\n"
    assert good(text).hooks.on_startup.preload == ("b", "a")
    assert warnings_of(text) == [("hooks.on_startup.preload[3]", "there is no model 'nope' to preload")]
