"""How often one client may ask, and what browsers are told about every answer."""

from __future__ import annotations

from running_swaplab import running_swaplab

PAGE = "/api/version"


def ask(swaplab, method="POST", path="/v1/chat/completions", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return swaplab.ask(method, path, json_body={"model": "nobody"} if method == "POST" else None, headers=names)


def test_without_a_limit_nobody_is_refused_and_browsers_are_told_to_be_careful(tmp_path):
    with running_swaplab(tmp_path, {}) as swaplab:
        assert {ask(swaplab).status for _ in range(20)} == {404}
        headers = ask(swaplab, "GET", PAGE).headers
        assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("SAMEORIGIN", "nosniff")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "geolocation=()" in headers["Permissions-Policy"]
        assert "Strict-Transport-Security" not in headers
        assert ask(swaplab).headers["X-Frame-Options"] == "SAMEORIGIN", "refusals, too"
        for proto, told in (("https", True), ("HTTPS", True), ("http", False)):
            assert ("Strict-Transport-Security" in ask(swaplab, "GET", PAGE, X_Forwarded_Proto=proto).headers) is told
        at_home = ask(swaplab, "GET", PAGE, X_Forwarded_Proto="https", Host="localhost").headers
        assert "Strict-Transport-Security" not in at_home, "every server of this machine would have to speak TLS"


def test_a_client_that_asks_too_often_is_told_when_to_come_back(tmp_path):
    limits = {
        "LLAMA_SWAP_RATE_LIMIT_RPM": "2",
        "LLAMA_SWAP_RATE_LIMIT_BURST": "1",
        "LLAMA_SWAP_RATE_LIMIT_TTL_SECONDS": "60",
        "LLAMA_SWAP_SECURITY_HEADERS": "0",
    }
    with running_swaplab(tmp_path, {}, env=limits, apiKeys=["sk-one", "sk-two"]) as swaplab:
        one, two = {"Authorization": "Bearer sk-one"}, {"Authorization": "Bearer sk-two"}
        assert ask(swaplab, **one).status == 404
        refused = ask(swaplab, **one)
        assert (refused.status, refused.error["code"]) == (429, "rate-limited")
        assert refused.error["message"].startswith("rate limit exceeded")
        assert 20 <= int(refused.headers["Retry-After"]) <= 30
        assert ask(swaplab, **one, X_Forwarded_For="192.0.2.1").status == 429, "nobody gets a second bucket by a header"
        assert ask(swaplab, **two).status == 404, "each key has its own"
        assert {ask(swaplab, "GET", "/v1/models", **one).status for _ in range(5)} == {200}
        posts = [swaplab.ask_as_admin("POST", "/api/models/unload", json_body={}).status for _ in range(5)]
        asked = [swaplab.ask_as_admin("POST", "/v1/completions", json_body={"model": "x"}).status for _ in range(5)]
        assert (set(posts), set(asked)) == ({200}, {404})
        assert "X-Frame-Options" not in ask(swaplab, "GET", PAGE, **one).headers
