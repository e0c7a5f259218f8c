"""Which requests come from a page of another site, and which hosts are ours. Pure; the gate is tested with requests."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from swaplab_core.server.security.browsers import Caller, host_name, is_known_host, known_names


def caller(method="GET", path="/api/models", **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Caller.of(method, path, CIMultiDict({"Host": "localhost:1", **named}))


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:2"},
        {"Origin": "http://localhost"},
        {"Origin": "http://localhost:1.evil.example"},
        {"Origin": "http://localhost:1@evil.example"},
        {"Origin": "localhost:1"},
        {"Origin": "http://localhost:1", "Sec_Fetch_Site": "cross-site"},  # https on the same host and port
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "nonsense"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"},
    ],
)
def test_what_a_browser_marks_as_another_site_s_is_foreign(headers):
    assert caller(**headers).is_foreign


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://localhost:1"},
        {"Origin": "http://LOCALHOST:1"},
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"},
    ],
)
def test_programs_and_pages_of_ours_are_not(headers):
    assert not caller(**headers).is_foreign


def test_two_origins_are_a_foreign_one():
    headers = CIMultiDict([("Host", "localhost:1"), ("Origin", "http://localhost:1"), ("Origin", "http://localhost:1")])
    assert Caller.of("GET", "/", headers).is_foreign


@pytest.mark.parametrize(
    ("method", "path", "foreign"),
    [("GET", "/ui/", False), ("GET", "/login", False), ("POST", "/ui/", True), ("GET", "/unload", True)],
)
def test_following_a_link_to_a_page_is_allowed(method, path, foreign):
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert caller(method, path, **link).is_foreign == foreign


@pytest.mark.parametrize(
    ("authority", "name"),
    [
        ("localhost:1", "localhost"),
        ("LOCALHOST", "localhost"),
        ("localhost.", "localhost"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]:80", "::1"),
        ("", ""),
        ("[::1", ""),
        ("localhost:x", ""),
        ("me@localhost", ""),
        ("localhost/evil.example", ""),
        ("localhost#evil.example", ""),
        ("localhost?evil.example", ""),
    ],
)
def test_the_name_in_a_host_header(authority, name):
    assert host_name(authority) == name


NAMES = known_names(["Spark1", ""], ["models.example.org"])


@pytest.mark.parametrize(
    "name", ["localhost", "127.0.0.1", "192.168.1.5", "::1", "spark1", "spark1.local", "models.example.org"]
)
def test_addresses_localhost_this_machine_and_allowed_names_are_known(name):
    assert is_known_host(name, NAMES)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "spark1.evil.example",
        "my_host",
        "0x7f.1",
        "127.1",
        "2130706433",
        "models.example.org.evil.example",
        "x.models.example.org",
    ],
)
def test_a_name_that_somebody_else_may_own_is_not(name):
    assert not is_known_host(name, NAMES)
