"""Who may call which route, by every way a credential can come. The requests are made from the route table.

Replays T10, T11 and T12 of the catalogue of attacks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from route_table import Served, route_table, sample
from running_swaplab import Swaplab, running_swaplab
from wire import JSON, OWN, Wire, basic

from swaplab_core.domain.access import Policy
from swaplab_core.plugin import Route, hookimpl
from swaplab_core.plugin.catalogue import Catalogue, PluginState

USER, BOSS = "sk-zwölf", "sk-boss"
KEYS = [USER, {"key": BOSS, "admin": True}]
TABLE = route_table()
SAMPLE = sample(TABLE)
REFUSED = {401, 403, 421}
ADMIN = Served("POST", "/api/session/link", Policy.ADMIN)


@pytest.fixture(scope="module")
def keyed(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("keyed"), {}, apiKeys=KEYS) as swaplab:
        yield swaplab


@pytest.fixture(scope="module")
def free(tmp_path_factory) -> Iterator[Swaplab]:
    with running_swaplab(tmp_path_factory.mktemp("free"), {}) as swaplab:
        yield swaplab


@pytest.fixture
def wire(keyed) -> Iterator[Wire]:
    with Wire(keyed.port) as wire:
        yield wire


@pytest.fixture
def free_wire(free) -> Iterator[Wire]:
    with Wire(free.port) as wire:
        yield wire


def token_of(swaplab):
    return (swaplab.config.parent / "state" / "swaplab" / "admin-token").read_text()


def ask(wire, served, *headers):
    body = b"{}" if served.changes else b""
    return wire.ask(served.method, served.path, [OWN, JSON, *headers], body)


def login(wire, key):
    """The Cookie header of a new session."""
    answer = wire.ask("POST", "/api/session", [OWN, JSON], b'{"key": "%b"}' % key.encode())
    assert answer.status == 200, answer.body
    return "Cookie", answer.headers["Set-Cookie"].partition(";")[0]


CARRIERS = {
    "bearer": lambda wire, key: [("Authorization", f"Bearer {key}")],
    "basic": lambda wire, key: [("Authorization", basic(key))],
    "x-api-key": lambda wire, key: [("x-api-key", key)],
    "api-key": lambda wire, key: [("api-key", key)],
    "twice the same": lambda wire, key: [("x-api-key", key), ("x-api-key", key), ("Authorization", f"bearer {key}")],
    "session": lambda wire, key: [login(wire, key)],
    "session and key": lambda wire, key: [login(wire, key), ("api-key", key)],
}


def test_the_table_is_the_real_one():
    assert len(TABLE) > 60
    assert {policy for served in TABLE for policy in [served.policy]} == set(Policy)
    assert Served("DELETE", "/upstream/m", Policy.INFER) in TABLE
    assert Served("PUT", "/api/profiles/active", Policy.OPERATE) in TABLE
    assert ADMIN in TABLE


def test_without_a_credential_only_open_routes_answer(wire):
    wrong = [
        (served, status)
        for served in TABLE
        if served.path != "/ui/"  # it asks when the pages are not built
        and ((status := ask(wire, served).status) == 401) != (served.policy is not Policy.OPEN)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", CARRIERS)
def test_a_user_s_key_opens_all_but_what_is_for_the_administrator(wire, name):
    carrier = CARRIERS[name]
    wrong = [
        (served, answer.status)
        for served in (TABLE if name in {"bearer", "session"} else SAMPLE)
        if (answer := ask(wire, served, *carrier(wire, USER))).status
        in (REFUSED if served.policy is not Policy.ADMIN else set(range(600)) - {403})
    ]
    assert wrong == []


@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS)
def test_the_administrator_is_let_in_everywhere(keyed, wire, free, free_wire, carrier):
    for wire_there, key in ((wire, BOSS), (wire, token_of(keyed)), (free_wire, token_of(free))):
        reading = [served for served in TABLE if served.policy is Policy.READ and not served.changes][::4]
        for served in (ADMIN, *reading):
            assert ask(wire_there, served, *carrier(wire_there, key)).status not in REFUSED, served


def test_without_keys_everything_is_free_but_what_is_for_the_administrator(free_wire):
    wrong = [
        (served, answer.status)
        for headers in ([], [("Authorization", "Bearer sk-anything")], [("x-api-key", "a"), ("api-key", "b")])
        for served in (SAMPLE if headers else TABLE)
        if ((answer := ask(free_wire, served, *headers)).status in REFUSED) != (served.policy is Policy.ADMIN)
    ]
    assert wrong == []


NOT_A_KEY = {
    "a wrong one": [("x-api-key", "wrong")],
    "a shorter one": [("x-api-key", USER[:-1])],
    "another case": [("x-api-key", USER.upper())],
    "no scheme": [("Authorization", USER)],
    "another scheme": [("Authorization", f"Digest {USER}")],
    "a user's name": [("Authorization", "Basic c2stendvbGY6")],
    "a cookie": [("Cookie", f"key={USER}; api_key={USER}; x-api-key={USER}")],
    "for a proxy": [("Proxy-Authorization", f"Bearer {USER}")],
    "a made-up session": [("Cookie", f"swaplab_session={USER}")],
}


@pytest.mark.parametrize("name", NOT_A_KEY)
def test_what_is_no_key_opens_nothing(wire, name):
    closed = [served for served in (TABLE if name == "a wrong one" else SAMPLE) if served.policy is not Policy.OPEN]
    assert [served for served in closed if ask(wire, served, *NOT_A_KEY[name]).status != 401] == []


@pytest.mark.parametrize("name", ["key", "api_key", "apikey", "token", "access_token", "x-api-key", "Authorization"])
def test_a_key_in_the_query_is_never_read(keyed, wire, name):
    for served in (Served("GET", "/v1/models", Policy.INFER), ADMIN):
        asked = Served(served.method, f"{served.path}?{name}={token_of(keyed)}", served.policy)
        assert ask(wire, asked).status == 401


def test_two_different_credentials_are_as_good_as_none_whichever_they_are(wire):
    of_user = [CARRIERS[name](wire, USER)[0] for name in ("bearer", "basic", "x-api-key", "api-key", "session")]
    of_boss = [CARRIERS[name](wire, BOSS)[0] for name in ("bearer", "basic", "x-api-key", "api-key", "session")]
    wrong = [("x-api-key", "wrong"), ("Authorization", "Bearer wrong")]
    for pair in itertools.product(of_user, [*of_boss, *wrong]):
        for headers in (pair, pair[::-1]):
            answer = ask(wire, Served("GET", "/api/models", Policy.READ), *headers)
            assert (answer.status, answer.json()["error"]["code"]) == (401, "two-credentials"), headers
            assert ask(wire, ADMIN, *headers).status == 401


def test_what_an_administrator_changes_must_be_json_and_carry_our_header(wire):
    key = ("x-api-key", BOSS)
    for headers in ([key], [key, OWN], [key, JSON], [key, OWN, ("Content-Type", "text/plain")]):
        assert wire.ask("POST", ADMIN.path, headers, b"{}").status == 403
    assert wire.ask("POST", ADMIN.path, [key, JSON]).status == 403
    assert wire.ask("POST", ADMIN.path, [key, OWN]).status == 200, "nothing is there that could be of another type"
    assert wire.ask("POST", ADMIN.path, [key, OWN, JSON], b"{}").status == 200


def test_what_a_session_changes_must_carry_our_header_whatever_it_is(wire):
    session = login(wire, USER)
    changing = [served for served in TABLE if served.changes and served.policy not in {Policy.OPEN, Policy.ADMIN}]
    answered = {served: wire.ask(served.method, served.path, [session, JSON], b"{}") for served in changing}
    assert [served for served, answer in answered.items() if answer.status != 403] == []


def test_a_session_ends_when_it_is_told_to_and_with_its_key(tmp_path):
    with running_swaplab(tmp_path, {}, apiKeys=[USER, "other"]) as swaplab, Wire(swaplab.port) as wire:
        one, two, other = login(wire, USER), login(wire, USER), login(wire, "other")
        look = Served("GET", "/api/models", Policy.READ)

        assert wire.ask("DELETE", "/api/session", [one]).status == 403
        ended = wire.ask("DELETE", "/api/session", [one, OWN, JSON])
        assert (ended.status, ended.json()["role"]) == (200, "nobody")
        assert [ask(wire, look, cookie).status for cookie in (one, two, other)] == [401, 200, 200]

        swaplab.reload({}, apiKeys=["other"])
        assert [ask(wire, look, cookie).status for cookie in (two, other)] == [401, 200]


def test_a_session_cookie_is_hidden_from_scripts_and_from_other_sites(wire):
    body = b'{"key": "%b"}' % USER.encode()
    plain = wire.ask("POST", "/api/session", [OWN, JSON], body).headers["Set-Cookie"]
    behind_tls = wire.ask("POST", "/api/session", [OWN, JSON, ("X-Forwarded-Proto", "https")], body)

    attributes = {part.strip() for part in plain.split(";")[1:]}
    assert attributes >= {"HttpOnly", "SameSite=Strict", "Path=/"}
    assert "Secure" in behind_tls.headers["Set-Cookie"]
    assert USER not in plain


def test_nobody_can_be_logged_in_by_another_page(wire):
    body = b'{"key": "%b"}' % USER.encode()
    for headers in ([], [OWN], [JSON], [OWN, JSON, ("Origin", "https://evil.example")]):
        answer = wire.ask("POST", "/api/session", headers, body)
        assert (answer.status, answer.headers["Set-Cookie"]) == (403, None)


@pytest.mark.parametrize(
    ("body", "status"), [(b'{"key": "wrong"}', 401), (b'{"key": 5}', 400), (b"{}", 400), (b"[", 400)]
)
def test_a_wrong_login_gives_no_session(wire, body, status):
    answer = wire.ask("POST", "/api/session", [OWN, JSON], body)

    assert (answer.status, answer.headers["Set-Cookie"]) == (status, None)


@pytest.mark.parametrize(
    ("key", "role", "may"),
    [
        (None, "nobody", ["open"]),
        (USER, "user", ["open", "infer", "read", "operate"]),
        (BOSS, "admin", ["open", "infer", "read", "operate", "admin"]),
    ],
)
def test_everybody_is_told_what_he_is(wire, key, role, may):
    for headers in [[], *([CARRIERS[name](wire, key) for name in ("bearer", "session")] if key else [])]:
        told = wire.ask("GET", "/api/session", headers).json()
        if headers or key is None:
            assert (told["role"], told["may"], told["asks_for_key"], told["send_header"]) == (
                role,
                may,
                True,
                "X-Swaplab",
            )


def test_a_plugin_s_route_without_a_policy_is_refused_and_its_plugin_says_so():
    class Careless:
        @staticmethod
        @hookimpl
        def swaplab_routes():
            return [Route(method="GET", path="/x", policy=None, handler=print)]

    catalogue = Catalogue.of(plugins={"careless": Careless})
    asked = catalogue.hooks.routes(None)

    record = next(record for record in catalogue.records if record.name == "careless")
    assert asked.get("careless", []) == []
    assert record.state is PluginState.DEGRADED
    assert "policy None is none of" in record.error
