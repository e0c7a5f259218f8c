"""The address to listen on."""

from __future__ import annotations

import contextlib
import socket

import pytest

from swaplab_core.adapters.listen import ENGINE_PORTS, Address, BadAddress, find_free_ports, parse_address, require_safe


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("8080", "127.0.0.1", 8080),
        (":8080", "0.0.0.0", 8080),
        ("[::1]:8080", "::1", 8080),
        ("[::]:65535", "::", 65535),
        ("my.host:80", "my.host", 80),
    ],
)
def test_an_address_is_host_and_port(text, host, port):
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize("text", ["", "host", "host:", "host:http", "127.0.0.1:65536", "127.0.0.1:-1", "[::1]", "::1"])
def test_what_is_none_is_refused_with_an_example(text):
    with pytest.raises(BadAddress, match=r"is not an address to listen on \(write it like 127.0.0.1:8080\)"):
        parse_address(text)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (Address("127.0.0.1", 80), "http://127.0.0.1:80"),
        (Address("0.0.0.0", 80), "http://127.0.0.1:80"),
        (Address("::", 80), "http://[::1]:80"),
        (Address("::1", 80), "http://[::1]:80"),
        (Address("my.host", 80), "http://my.host:80"),
        (Address("::", 443, has_tls=True), "https://[::1]:443"),
    ],
)
def test_the_url_is_what_a_browser_on_this_machine_takes(address, url):
    assert address.url == url


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_only_is_safe(host):
    require_safe(Address(host, 80), has_keys=False, insecure=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "my.host"])
def test_what_others_can_reach_needs_keys_or_must_be_insisted_on(host):
    with pytest.raises(BadAddress, match=r"set apiKeys .* or say --insecure"):
        require_safe(Address(host, 80), has_keys=False, insecure=False)
    require_safe(Address(host, 80), has_keys=True, insecure=False)
    require_safe(Address(host, 80), has_keys=False, insecure=True)


def test_free_ports_are_those_where_nobody_listens():
    with contextlib.ExitStack() as taken:
        for start in ENGINE_PORTS[1:]:
            with contextlib.suppress(OSError):
                taken.enter_context(socket.create_server(("127.0.0.1", start + 3)))

        assert find_free_ports(4) == ENGINE_PORTS.start
