"""Profiles and selectors through real HTTP: switching, rewriting, and where each request really goes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from running_swaplab import Swaplab, running_swaplab, sim

SLOWLY = ("--tokens", "1000000", "--tokens-per-second", "20")
NAMES = ("big", "big/deep", "small", "tiny")
PROFILES = {
    "work": {"description": "for work", "pins": {"gpt-4o": "big", "big": "small", "auto": "tiny", "tiny": "any"}},
    "strict": {"pins": {"small": "", "big": None, "a/b": "small", "a": "tiny"}},
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Iterator[Swaplab]:
    models = {name: sim("--say", name) for name in NAMES} | {"left": sim(*SLOWLY), "right": sim(*SLOWLY)}
    selectors = {
        "any": {"strategy": "pin", "targets": ["big"]},
        "auto": {"strategy": "warm", "targets": ["big", "small"]},
        "spill": {"strategy": "spillover", "targets": ["left", "right"], "settings": {"spillover": 2}},
    }
    together = {"all": {"swap": False, "members": list(models)}}
    folder = tmp_path_factory.mktemp("profiles")
    with running_swaplab(folder, models, selectors=selectors, profiles=PROFILES, groups=together) as swaplab:
        yield swaplab


@pytest.fixture
def swaplab(shared) -> Iterator[Swaplab]:
    """No profile is active before and after."""
    yield shared
    assert activate(shared, None) is None


def activate(swaplab: Swaplab, name: str | None) -> str | None:
    answer = swaplab.ask("PUT", "/api/profiles/active", json_body={"name": name})
    assert answer.status == 200, answer.text
    return answer.json()["active"]


def test_profiles_are_listed_by_name_with_their_pins_and_none_is_active(swaplab):
    listing = swaplab.ask("GET", "/api/profiles").json()

    assert listing["active"] is None
    strict, work = listing["profiles"]
    assert work == {"id": "work", **PROFILES["work"]}
    assert (strict["id"], strict["description"], strict["pins"]["a"]) == ("strict", "", "tiny")


def test_switching_is_seen_at_once(swaplab):
    assert activate(swaplab, "work") == "work"
    assert swaplab.ask("GET", "/api/profiles").json()["active"] == "work"
    assert activate(swaplab, "strict") == "strict"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{}", 400), (b'{"name": 3}', 400), (b'{"name": ["work"]}', 400), (b"work", 400), (b'{"name": "worc"}', 404)],
)
def test_a_wrong_switch_is_refused_and_changes_nothing(swaplab, body, status):
    activate(swaplab, "work")

    answer = swaplab.ask("PUT", "/api/profiles/active", body=body)

    assert answer.status == status
    assert answer.error["type"] == "invalid_request_error"
    assert swaplab.ask("GET", "/api/profiles").json()["active"] == "work"


def test_a_profile_rewrites_names_before_selectors_and_pins_do_not_chain(swaplab):
    assert swaplab.chat("gpt-4o").status == 404
    activate(swaplab, "work")

    assert swaplab.chat("gpt-4o").said == "big"
    assert swaplab.chat("big").said == "small"
    assert swaplab.chat("auto").said == "tiny"
    assert swaplab.chat("tiny").said == "big", "by way of a selector"


def test_a_row_names_the_model_that_served_and_the_selector_that_chose_it(swaplab):
    activate(swaplab, "work")
    swaplab.chat("gpt-4o")
    swaplab.chat("tiny")
    activate(swaplab, None)

    chosen, pinned = swaplab.ask("GET", "/api/metrics/activity?limit=2").json()["data"]
    assert (pinned["model"], pinned["metadata"].get("selector")) == ("big", None)
    assert (chosen["model"], chosen["metadata"]["selector"]) == ("big", "any")


def test_a_name_that_is_switched_off_is_404(swaplab):
    activate(swaplab, "strict")

    answer = swaplab.chat("small")

    assert (answer.status, answer.error["message"]) == (404, "the profile 'strict' switches 'small' off")


def said_below(swaplab: Swaplab, path: str) -> str:
    """Which engine answers below /upstream; its status if it is not 200."""
    answer = swaplab.ask("GET", f"/upstream/{path}")
    return answer.text if answer.status == 200 else str(answer.status)


def test_below_upstream_the_longest_model_leads_and_the_longest_pin_comes_first(swaplab):
    assert said_below(swaplab, "big/deep/test") == "big/deep"
    activate(swaplab, "work")
    assert said_below(swaplab, "big/deep/test") == "404", "`big` is pinned to `small`, which serves no /deep/test"
    assert said_below(swaplab, "big/test") == "small"
    assert said_below(swaplab, "gpt-4o/test") == "big"
    activate(swaplab, "strict")
    assert said_below(swaplab, "a/b/test") == "small"
    assert said_below(swaplab, "a%2Fb/test") == "small"
    assert said_below(swaplab, "a/test") == "tiny"
    assert said_below(swaplab, "small/test") == "404", "switched off"
    assert said_below(swaplab, "big/deep/test") == "404", "switched off, with what is below"


def test_below_upstream_selectors_are_not_followed(swaplab):
    assert said_below(swaplab, "auto/test") == "404"
    activate(swaplab, "work")
    assert said_below(swaplab, "tiny/test") == "404", "pinned to a selector"


def test_warm_goes_where_the_model_is_loaded(swaplab):
    swaplab.ask("POST", "/api/models/unload")
    swaplab.ask("POST", "/api/models/load/small")
    assert swaplab.chat("auto").said == "small"

    swaplab.ask("POST", "/api/models/load/big")
    assert swaplab.chat("auto").said == "big"


def test_spillover_fills_the_first_then_loads_the_second_and_forgets_who_left(swaplab):
    def serving() -> tuple[int, int]:
        models = swaplab.models()
        return models["left"]["serving"], models["right"]["serving"]

    for _ in range(2):
        with ExitStack() as streams:
            seen = []
            for _ in range(4):
                streams.enter_context(swaplab.streaming("spill"))
                seen.append(serving())
            assert sum(seen[-1]) == 4
            assert sorted(seen[-1]) == [2, 2]
        swaplab.wait_for("left", serving=0)
        swaplab.wait_for("right", serving=0)

    assert swaplab.starts().count("left") == swaplab.starts().count("right") == 1


def test_below_upstream_a_pin_leads_elsewhere_and_leaves_the_body_alone(swaplab):
    activate(swaplab, "work")
    body = b'{ "model":"gpt-4o",\t"messages":[] }'

    answer = swaplab.ask("POST", "/upstream/gpt-4o/v1/chat/completions", body=body)

    assert answer.said == "big"
    assert answer.json()["sim"]["body"].encode() == body


def test_loading_and_unloading_mean_the_model_itself_whatever_a_profile_pins(swaplab):
    activate(swaplab, "work")
    swaplab.ask("POST", "/api/models/unload")

    assert swaplab.ask("POST", "/api/models/load/big").json()["id"] == "big", "though `big` is pinned to `small`"
    assert swaplab.model("small")["state"] == "stopped"
    swaplab.ask("POST", "/api/models/load/small")
    assert swaplab.ask("POST", "/api/models/unload/big").status == 200

    assert (swaplab.model("big")["state"], swaplab.model("small")["state"]) == ("stopped", "ready")
    assert swaplab.ask("POST", "/api/models/unload/gpt-4o").status == 404


def test_a_spillover_whose_every_target_is_stopping_is_503_and_says_so(serve):
    stubborn = {**sim("--ignore-term"), "unloadTimeout": 2}
    swaplab = serve({"m": stubborn}, selectors={"only": {"strategy": "spillover", "targets": ["m"]}})
    swaplab.chat("m")

    with ThreadPoolExecutor() as clients:
        unloading = clients.submit(swaplab.ask, "POST", "/api/models/unload/m")
        swaplab.wait_for("m", state="stopping")
        answer = swaplab.chat("only")
        assert unloading.result().status == 200

    assert (answer.status, answer.error["type"]) == (503, "server_error")
    assert "every target of the selector 'only' is stopping" in answer.error["message"]
    assert int(answer.headers["Retry-After"]) >= 1
