"""What browsers are told about every answer, unless the answer or its engine says otherwise. A signal, so that streams
and answers of engines carry it too.

The express lane adds nothing: no request of a browser passes there.
"""

from __future__ import annotations

from aiohttp import web

from swaplab_core.server.security.browsers import host_name

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "geolocation=(), camera=(self), microphone=(self)",
}
"""Frames of our own pages show pages of plugins, the playground hears speech and takes pictures; nobody else may."""

HSTS = "max-age=31536000; includeSubDomains"


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers; over TLS, here or at a proxy before us, browsers are told to come back with TLS only."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    is_tls = request.secure or request.headers.get("X-Forwarded-Proto", "").strip().lower() == "https"
    if is_tls and host_name(request.headers.get("Host", "")) != "localhost":  # other servers of this machine share it
        response.headers.setdefault("Strict-Transport-Security", HSTS)
