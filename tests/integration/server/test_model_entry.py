"""One model in the configuration over HTTP: its lines, its form; and the bundle for reports, which holds no secret."""

from __future__ import annotations

import io
import zipfile

from running_swaplab import running_swaplab, sim

KEY = "sk-very-secret-0815"
MODELS = {"m": {**sim(), "aliases": ["em"], "ttl": 60, "env": ["HF_TOKEN=hush-hush-hush"]}, "n": sim()}


def test_an_entry_is_read_and_written_as_text_and_as_a_form(tmp_path):
    with running_swaplab(tmp_path, MODELS) as swaplab:
        place = "/api/config/models/em"
        entry = swaplab.ask_as_admin("GET", place)
        assert (entry.json()["model"], entry.json()["values"]["ttl"]) == ("m", 60)
        tag = {"If-Match": entry.headers["ETag"]}
        content = entry.json()["content"].replace("60", "90") + "# mine\n"
        written = swaplab.ask_as_admin("PUT", place, json_body={"content": content}, headers=tag)
        assert (written.status, written.json()["values"]["ttl"]) == (200, 90)
        assert "# mine" in swaplab.config.read_text()
        assert swaplab.model("m")["ttl_seconds"] == 90
        assert swaplab.ask_as_admin("PUT", place, json_body={"content": content}, headers=tag).status == 412

        form = swaplab.ask("GET", "/api/config/form/m").json()["properties"]
        assert {"cmd", "ttl", "aliases", "unlisted"} <= form.keys()
        values = {key: value for key, value in written.json()["values"].items() if key in form} | {"ttl": 30}
        assert swaplab.ask_as_admin("PUT", place, json_body={"values": values}).json()["values"]["ttl"] == 30
        assert swaplab.ask_as_admin("PUT", place, json_body={"values": {"nonsense": 1}}).status == 422
        assert swaplab.ask_as_admin("PUT", place, json_body={"content": "ttl: [oops"}).status == 422
        assert swaplab.ask_as_admin("PUT", place, json_body={}).status == 400
        assert swaplab.model("m")["ttl_seconds"] == 30

        entry = swaplab.ask_as_admin("GET", place).json()
        line = 1 + next(n for n, text in enumerate(entry["content"].split("\n")) if "ttl" in text)
        wrong = {"content": entry["content"].replace("30", "often")}
        (problem,) = swaplab.ask_as_admin("POST", "/api/config/check/em", json_body=wrong).json()["problems"]
        assert (problem["path"], problem["line"], problem["severity"]) == ("models.m.ttl", line, "error")
        assert swaplab.ask_as_admin("POST", "/api/config/check/em", json_body=entry).json() == {"problems": []}
        assert swaplab.ask("POST", "/api/config/check/em", json_body=entry).status in {401, 403}
        assert swaplab.ask_as_admin("POST", "/api/config/check/nobody", json_body=entry).status == 404


def test_the_bundle_for_reports_holds_everything_but_secrets(tmp_path):
    with running_swaplab(tmp_path, MODELS, apiKeys=[KEY]) as swaplab:
        swaplab.ask_as_admin("GET", f"/api/models/{KEY}")  # it is in the log then
        seen = swaplab.ask("GET", "/api/config/models/m", headers={"Authorization": f"Bearer {KEY}"}).json()
        assert (seen["redacted"], seen["values"]) == (True, {})
        assert "hush-hush" not in seen["content"]
        answer = swaplab.ask_as_admin("GET", "/api/diagnostics/bundle")
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            parts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {"README.txt", "plugins.json", "checks.json", "config.yaml", "hardware.json", "proxy.log"} <= parts.keys()
    assert "swaplab-core" in parts["plugins.json"]
    assert "/api/models/<redacted>" in parts["proxy.log"]
    assert "HF_TOKEN" in parts["config.yaml"]
    whole = "".join(parts.values())
    assert KEY not in whole
    assert "hush-hush" not in whole
