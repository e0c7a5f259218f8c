"""What pages of other sites, and names that somebody points at this machine, can reach: nothing.

Replays T5 to T9 of the catalogue of attacks. The requests are made from the route table.
"""

from __future__ import annotations

import itertools
import socket
from collections.abc import Iterator

import pytest
from route_table import METHODS, Served, route_table, sample
from running_swaplab import Swaplab, running_swaplab
from wire import JSON, OWN, Wire, basic, raw_status

from swaplab_core.domain.access import Policy

KEY = "sk-one"
FRIEND = "https://friend.example"
TABLE = route_table()
SAMPLE = sample(TABLE)
PAGES = {("GET", "/"), ("GET", "/ui"), ("GET", "/ui/"), ("GET", "/login")}
PAGES |= {("HEAD", path) for _, path in PAGES}

FOREIGN = {
    "another origin": [("Origin", "https://evil.example")],
    "no origin": [("Origin", "null")],
    "another port": [("Origin", "http://127.0.0.1:1")],
    "a friend's look-alike": [("Origin", f"{FRIEND}.evil.example")],
    "a name that holds ours": [("Origin", "http://127.0.0.1.evil.example")],
    "cross-site, without origin": [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")],
    "same site, another origin": [("Sec-Fetch-Site", "same-site")],
    "two origins": [("Origin", FRIEND), ("Origin", "https://evil.example")],
}
UPGRADE = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")]
UPGRADE += [("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.fixture(scope="module")
def keyed(tmp_path_factory) -> Iterator[Swaplab]:
    top = {"apiKeys": [KEY], "allowedOrigins": [FRIEND]}
    with running_swaplab(tmp_path_factory.mktemp("keyed"), {}, **top) as swaplab:
        yield swaplab


@pytest.fixture(scope="module")
def free(tmp_path_factory) -> Iterator[Swaplab]:
    top = {"allowedOrigins": [FRIEND], "allowedHosts": ["models.example"]}
    with running_swaplab(tmp_path_factory.mktemp("free"), {}, **top) as swaplab:
        yield swaplab


@pytest.fixture
def to_keyed(keyed) -> Iterator[Wire]:
    with Wire(keyed.port) as wire:
        yield wire


@pytest.fixture
def to_free(free) -> Iterator[Wire]:
    with Wire(free.port) as wire:
        yield wire


def ask(wire, served, *headers):
    return wire.ask(served.method, served.path, [OWN, JSON, *headers], b"{}" if served.changes else b"")


def session(wire):
    answer = wire.ask("POST", "/api/session", [OWN, JSON], b'{"key": "%b"}' % KEY.encode())
    return "Cookie", answer.headers["Set-Cookie"].partition(";")[0]


# Hosts


@pytest.mark.parametrize(
    "host",
    [
        b"evil.example",
        b"127.0.0.1.evil.example",
        b"localhost.evil.example",
        b"xlocalhost",
        b"my_host",
        b"0x7f.1",
        b"2130706433",
        b"",
        b"a b",
        b"[::1",
        b"127.0.0.1:80:80",
        b"me@127.0.0.1",
        b"127.0.0.1/../evil.example",
        b"127.0.0.1\r\nHost: evil.example",
        b"evil.example\r\nHost: 127.0.0.1",
        b"127.0.0.1, evil.example",
        b"models.example.evil.example",
        b"evil.example:PORT",
    ],
)
def test_another_name_than_ours_is_refused_whatever_is_asked(free, host):
    host = host.replace(b"PORT", str(free.port).encode())
    for line in (b"GET /health", b"POST /unload", b"GET /api/events", b"OPTIONS /v1/models", b"GET /nothing"):
        status = raw_status(free.port, b"%b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (line, host))
        assert status in {400, 421}, line


@pytest.mark.parametrize(
    "host",
    [
        "localhost:1",
        "LOCALHOST",
        "localhost.",
        "127.0.0.1",
        "127.9.9.9:80",
        "[::1]:80",
        "192.168.1.5:80",
        "models.example",
        "Models.Example:443",
        socket.gethostname(),
    ],
)
def test_addresses_and_our_own_names_are_answered(free, host):
    head = f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    assert raw_status(free.port, head.encode()) == 200


def test_a_request_without_a_host_is_refused(free):
    for version in (b"1.0", b"1.1"):
        assert raw_status(free.port, b"GET /health HTTP/%b\r\n\r\n" % version) in {400, 421}


def test_a_whole_url_as_target_must_name_us_as_well(free):
    ours, other = b"127.0.0.1:%d" % free.port, b"evil.example"
    for target, host, status in ((ours, ours, 200), (other, ours, 421), (ours, other, 421), (other, other, 421)):
        text = b"GET http://%b/health HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n" % (target, host)
        assert raw_status(free.port, text) == status, (target, host)


def test_a_rebound_name_reaches_no_route_with_no_method_whatever_it_brings(keyed):
    """DNS rebinding: to its browser the page is ours, only the Host tells."""
    with Wire(keyed.port, host=f"evil.example:{keyed.port}") as wire:
        own_origin = ("Origin", f"http://evil.example:{keyed.port}")
        wrong = [
            (served, answer.status)
            for more in ([("x-api-key", KEY)], UPGRADE)
            for served in (SAMPLE if more is UPGRADE else TABLE)
            if (answer := ask(wire, served, own_origin, *more)).status != 421
        ]
    assert wrong == []


# Pages


WHOLE = {"another origin", "cross-site, without origin"}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_page_reaches_no_route_with_no_method(to_free, name):
    wrong = [
        (served, answer.status)
        for more in ([], UPGRADE)
        for served in (TABLE if name in WHOLE and not more else SAMPLE)
        if (answer := ask(to_free, served, *FOREIGN[name], *more)).status != 403
    ]
    assert wrong == []


def test_no_method_is_forgotten(to_free):
    wrong = [
        (method, path)
        for method, path in itertools.product([*METHODS, "LINK", "SEARCH"], {served.path for served in SAMPLE})
        if ask(to_free, Served(method, path, Policy.READ), *FOREIGN["no origin"]).status != 403
    ]
    assert wrong == []


@pytest.mark.parametrize("name", FOREIGN)
def test_what_a_browser_sends_by_itself_opens_nothing_to_a_foreign_page(to_keyed, name):
    """The session of its reader, or the password that the reader has typed."""
    of_reader = [session(to_keyed)], [("Authorization", basic(KEY))]
    wrong = [
        (served, answer.status)
        for served in (TABLE if name in WHOLE else SAMPLE)
        for ambient in of_reader
        if (answer := ask(to_keyed, served, *FOREIGN[name], *ambient)).status
        not in ({401, 403} if served.policy is Policy.INFER else {403})
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", None]
)
def test_a_form_of_a_foreign_page_changes_nothing(to_free, content_type):
    typed = [("Content-Type", content_type)] if content_type else []
    for served in TABLE:
        if served.changes:
            answer = to_free.ask(served.method, served.path, [("Origin", "null"), *typed], b'{"model": "m"}')
            assert answer.status == 403, served


def test_a_foreign_page_with_a_key_may_infer_and_read_the_answer_and_nothing_else(to_keyed):
    for carrier in [("Authorization", f"Bearer {KEY}")], [("x-api-key", KEY)]:
        for served in TABLE if carrier[0][0] == "x-api-key" else SAMPLE:
            answer = ask(to_keyed, served, ("Origin", "https://evil.example"), *carrier)
            if served.policy is Policy.INFER:
                assert answer.status not in {401, 403, 421}, served
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
            else:
                assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (403, None), served


def test_a_foreign_page_with_a_wrong_key_is_told_so_in_words_it_can_read(to_keyed):
    answer = to_keyed.ask("GET", "/v1/models", [("Origin", "https://evil.example"), ("x-api-key", "wrong")])

    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (401, "*")


def test_an_allowed_origin_may_infer_and_read_the_answer_and_nothing_else(to_free, to_keyed):
    for served in TABLE:
        answer = ask(to_free, served, ("Origin", FRIEND))
        if served.policy is Policy.INFER:
            assert answer.status not in {401, 403, 421}, served
            assert answer.headers["Access-Control-Allow-Origin"] == FRIEND
            assert answer.headers["Vary"] == "Origin"
        else:
            assert answer.status == 403, served
    assert ask(to_keyed, Served("GET", "/v1/models", Policy.INFER), ("Origin", FRIEND)).status == 401


def test_our_own_pages_and_programs_reach_everything(free, to_free):
    own = {
        "a program": [],
        "a page of ours": [("Origin", f"http://127.0.0.1:{free.port}"), ("Sec-Fetch-Site", "same-origin")],
        "what a person types": [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")],
    }
    for name, headers in own.items():
        for served in TABLE if name == "a page of ours" else SAMPLE:
            if served.policy is Policy.ADMIN:
                continue
            answer = ask(to_free, served, *headers)
            assert answer.status not in {401, 403, 421}, (served, headers)
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_link_on_a_foreign_page_leads_to_our_pages_and_to_nothing_else(to_free):
    link = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    reached = {(served.method, served.path) for served in TABLE if ask(to_free, served, *link).status != 403}

    assert reached == PAGES


# Preflights

ORIGINS = [
    "https://evil.example",
    "null",
    "NULL",
    "",
    "*",
    "https://friend.example.evil.example",
    "https://evil-friend.example",
    "https://evilfriend.example",
    "https://friend.example:444",
    "https://friend.example/",
    "https://friend.example@evil.example",
    "https://friend.example%00.evil.example",
    "http://friend.example",
    "https://FRIEND.example",
    "https://friend.exampl",
    "https://.friend.example",
    "file://",
    "http://localhost",
    "http://127.0.0.1:1",
    "https://friend.example https://evil.example",
]


def preflight(wire, served, origin):
    asked = [("Origin", origin), ("Access-Control-Request-Method", served.method)]
    return wire.ask("OPTIONS", served.path, [*asked, ("Access-Control-Request-Headers", "X-Good, b d, Authorization")])


def named(wire, origin, table=TABLE):
    """Each origin that preflights of this origin are told, with the policies of the routes they are told it for."""
    told = {}
    for served in table:
        answer = preflight(wire, served, origin)
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Credentials"] is None
        told.setdefault(answer.headers["Access-Control-Allow-Origin"], set()).add(served.policy)
    return told


WHICH = [("https://evil.example", TABLE), *((origin, SAMPLE) for origin in ORIGINS)]
ALL_BUT_INFER = set(Policy) - {Policy.INFER}


def test_no_preflight_names_an_origin_that_is_not_configured(to_free):
    assert len(ORIGINS) == 20
    for origin, table in WHICH:
        assert named(to_free, origin, table) == {None: set(Policy)}, origin


def test_with_keys_every_page_may_ask_for_inference_but_not_with_what_a_browser_sends_by_itself(to_keyed):
    for origin, table in WHICH:
        expected = {"*": {Policy.INFER}, None: ALL_BUT_INFER} if origin else {None: set(Policy)}
        assert named(to_keyed, origin, table) == expected, origin


def test_an_allowed_origin_is_named_for_inference_only(to_free, to_keyed):
    for wire in (to_free, to_keyed):
        assert named(wire, FRIEND, SAMPLE) == {FRIEND: {Policy.INFER}, None: ALL_BUT_INFER}


def test_a_star_means_every_page_and_still_only_inference(tmp_path):
    with running_swaplab(tmp_path, {}, allowedOrigins=["*"]) as swaplab, Wire(swaplab.port) as wire:
        assert named(wire, "https://evil.example", SAMPLE) == {"*": {Policy.INFER}, None: ALL_BUT_INFER}
        for served in SAMPLE:
            answer = ask(wire, served, ("Origin", "https://evil.example"))
            assert (answer.status == 403) == (served.policy is not Policy.INFER), served


def test_a_preflight_tells_back_the_headers_that_are_names(to_keyed):
    headers = preflight(to_keyed, Served("POST", "/v1/chat/completions", Policy.INFER), FRIEND).headers

    assert headers["Access-Control-Allow-Headers"] == "X-Good, Authorization"
    assert headers["Access-Control-Allow-Methods"] == "GET, POST, PUT, PATCH, DELETE, OPTIONS"
    assert headers["Access-Control-Max-Age"] == "86400"


def test_a_header_or_a_field_changes_no_method(to_free):
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        assert (
            to_free.ask("POST", "/api/profiles/active?_method=PUT", [JSON, (name, "PUT")], b'{"name": null}').status
            == 405
        )
        assert to_free.ask("GET", "/api/models/unload?_method=POST", [(name, "POST")]).status in {404, 405}
