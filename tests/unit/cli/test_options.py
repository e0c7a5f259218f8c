"""llama-swap's way of writing a command line."""

from __future__ import annotations

import pytest

from swaplab_core.cli.options import modern


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("-config c.yaml -listen :8080 -watch-config", "serve --config c.yaml --listen :8080 --watch-config"),
        ("--config=c.yaml", "serve --config=c.yaml"),
        ("-listen=:80 -config-dir d", "serve --listen=:80 --config-dir d"),
        ("-tls-cert-file c -tls-key-file k -config f", "serve --tls-cert-file c --tls-key-file k --config f"),
        ("serve -config c.yaml", "serve --config c.yaml"),
        ("-version", "--version"),
        ("serve -c c.yaml", "serve -c c.yaml"),
        ("config convert c.yaml", "config convert c.yaml"),
        ("--help", "--help"),
        ("-h", "-h"),
        ("", ""),
    ],
)
def test_one_dash_is_as_good_as_two_and_serve_need_not_be_said(written, meant):
    assert modern(written.split()) == meant.split()
