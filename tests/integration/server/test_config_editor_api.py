"""The configuration editor over HTTP: text, lint, conflicts, history, restore, settings of plugins; who sees what."""

from __future__ import annotations

import asyncio

import pytest
from attrs import frozen
from running_lab import running_lab
from running_swaplab import running_swaplab, sim

from swaplab_core.plugin import form_field, hookimpl

TEXT = """\
# Mine.
apiKeys:
  - sk-user-1234   # for everybody
models:
  # the first
  a:
    cmd: serve --port ${PORT}
    ttl: 60
  b:
    cmd: serve --port ${PORT} --hf-token=hf_secret_1
plugins:
  toy:
    token: toy-secret-1
    parallel: 3   # three
"""
USER = {"Authorization": "Bearer sk-user-1234"}


@frozen
class Settings:
    token: str = form_field("Token", "", secret=True)
    parallel: int = form_field("At once", 2, minimum=1)
    where: str = form_field("Where", "/srv")


class Toy:
    @hookimpl
    def swaplab_config_section(self):
        return Settings

    @hookimpl
    def swaplab_check_config(self, config):
        if config.settings["toy"].where == "/nowhere":
            yield config.error("there is no such folder", "make it", "plugins", "toy", "where")
        for name, entry in config.models.items():
            if "${" in entry["cmd"]:
                yield config.error("macros must be expanded here", "", "models", name)


@pytest.fixture
def serve(tmp_path):
    def run(scenario, config=TEXT):
        async def main():
            async with asyncio.timeout(120), running_lab(tmp_path, config=config, plugins={"toy": Toy()}) as lab:
                await scenario(lab)

        asyncio.run(main())

    return run


def tag(answer):
    return {"If-Match": answer.headers["ETag"]}


def test_the_text_is_read_with_its_revision(serve):
    async def scenario(lab):
        answer = await lab.get("/api/config/editor")
        assert answer.json["content"] == TEXT
        assert answer.json["path"] == str(lab.config)
        assert answer.headers["ETag"] == f'"{answer.json["revision"]}"'
        assert answer.json["updatedAt"].endswith("Z")
        assert answer.json["redacted"] is False

    serve(scenario)


def test_who_may_only_look_sees_no_secrets_and_cannot_write(serve):
    async def scenario(lab):
        answer = await lab.get("/api/config/editor", headers=USER)
        assert answer.json["redacted"] is True
        for secret in ("sk-user-1234", "hf_secret_1", "toy-secret-1"):
            assert secret not in answer.text
        assert "# for everybody" in answer.json["content"]
        assert (await lab.put("/api/config/editor", {"content": "models: {}"}, headers=USER)).status == 403
        assert (await lab.post("/api/config/restore", {"revision": "x"}, headers=USER)).status == 403
        assert (await lab.put("/api/plugins/toy/settings", {}, headers=USER)).status == 403
        await lab.put("/api/config/editor", {"content": TEXT + "# 1\n"})
        for entry in (await lab.get("/api/config/history", headers=USER)).json["revisions"]:
            old = await lab.get(f"/api/config/history/{entry['revision']}", headers=USER)
            assert "toy-secret-1" not in old.text
        assert lab.config.read_text() == TEXT + "# 1\n"

    serve(scenario)


def test_a_saved_text_is_in_force_and_the_answer_tells_what_changed(serve):
    async def scenario(lab):
        before = await lab.get("/api/config/editor")
        new = TEXT.replace("ttl: 60", "ttl: 90").replace("--hf-token", "-v --hf-token") + "groups: {}\n"
        saved = await lab.put("/api/config/editor", {"content": new, "reason": "faster"}, headers=tag(before))
        assert saved.status == 200
        assert saved.json["content"] == new == lab.config.read_text()
        assert (saved.json["changes"]["changed"], saved.json["changes"]["adjusted"]) == (["b"], ["a"])
        assert saved.json["changes"]["restarts"] == [], "nothing runs"
        assert lab.lab.launches.config.models["a"].ttl_seconds == 90
        (entry, before_it) = (await lab.get("/api/config/history")).json["revisions"]
        assert (entry["author"], entry["reason"], before_it["author"]) == ("admin", "faster", "outside")

    serve(scenario)


def test_a_mistake_is_told_with_its_line_and_nothing_is_written(serve):
    async def scenario(lab):
        wrong = TEXT.replace("ttl: 60", "ttl: soon")
        answer = await lab.put("/api/config/editor", {"content": wrong})
        assert (answer.status, answer.error["code"], answer.error["line"]) == (422, "invalid-config", 8)
        (problem,) = answer.error["problems"]
        assert problem["path"] == "models.a.ttl"
        lint = await lab.post("/api/config/validate", {"content": wrong})
        assert lint.status == 200
        assert (lint.json["ok"], lint.json["problems"], lint.json["changes"]) == (False, [problem], None)
        assert lab.config.read_text() == TEXT

    serve(scenario)


def test_a_check_of_a_plugin_is_told_at_its_line(serve):
    async def scenario(lab):
        wrong = TEXT.replace("    parallel: 3", "    where: /nowhere\n    parallel: 3")
        lint = await lab.post("/api/config/validate", {"content": wrong}, headers=USER)
        (problem,) = lint.json["problems"]
        assert (problem["message"], problem["line"], problem["severity"]) == ("there is no such folder", 14, "error")

    serve(scenario)


def test_validation_tells_before_saving_what_would_change(serve):
    async def scenario(lab):
        lint = await lab.post("/api/config/validate", {"content": TEXT.replace("  b:\n", "  c:\n")})
        assert lint.json["ok"] is True
        assert (lint.json["changes"]["added"], lint.json["changes"]["removed"]) == (["c"], ["b"])

    serve(scenario)


def test_of_two_editors_the_slower_is_given_the_other_text(serve):
    async def scenario(lab):
        seen = await lab.get("/api/config/editor")
        await lab.put("/api/config/editor", {"content": TEXT + "# one\n"}, headers=tag(seen))
        late = await lab.put("/api/config/editor", {"content": TEXT + "# two\n"}, headers=tag(seen))
        assert (late.status, late.error["code"]) == (412, "stale")
        assert late.json["current"]["content"] == TEXT + "# one\n"
        merged = TEXT + "# one\n# two\n"
        again = await lab.put("/api/config/editor", {"content": merged}, headers=tag(late))
        assert again.status == 200
        assert lab.config.read_text() == merged

    serve(scenario)


def test_an_old_text_is_restored_as_a_new_revision(serve):
    async def scenario(lab):
        first = (await lab.get("/api/config/editor")).json["revision"]
        await lab.put("/api/config/editor", {"content": TEXT.replace("ttl: 60", "ttl: 90")})
        assert (await lab.get(f"/api/config/history/{first}")).json["content"] == TEXT
        restored = await lab.post("/api/config/restore", {"revision": first})
        assert restored.status == 200
        assert lab.config.read_text() == TEXT
        assert lab.lab.launches.config.models["a"].ttl_seconds == 60
        assert len((await lab.get("/api/config/history")).json["revisions"]) == 3
        assert (await lab.post("/api/config/restore", {"revision": "0" * 64})).status == 404
        assert (await lab.get("/api/config/history/../../etc")).status == 404

    serve(scenario)


@pytest.mark.parametrize("body", [{}, {"content": 5}, {"content": ""}])
def test_a_body_without_a_text_is_refused(serve, body):
    async def scenario(lab):
        answer = await lab.put("/api/config/editor", body)
        assert (answer.status, answer.error["message"]) == (400, 'the body has no content (send {"content": "…"})')
        assert lab.config.read_text() == TEXT

    serve(scenario)


# settings of plugins


def test_settings_are_written_into_the_file_line_by_line(serve):
    async def scenario(lab):
        before = await lab.get("/api/plugins/toy/settings")
        assert before.json == {"values": {"parallel": 3}, "secrets": ["token"]}
        wish = {"token": "", "parallel": 5, "where": "/srv"}
        saved = await lab.put("/api/plugins/toy/settings", wish, headers=tag(before))
        assert saved.status == 200
        assert saved.json["values"] == {"parallel": 5}, "what is as by default is not written"
        assert lab.config.read_text() == TEXT.replace("parallel: 3 ", "parallel: 5 ")
        assert lab.lab.view.settings("toy", Settings) == Settings("toy-secret-1", 5)
        late = await lab.put("/api/plugins/toy/settings", wish, headers=tag(before))
        assert late.status == 412
        changed = await lab.put("/api/plugins/toy/settings", {"token": "new-secret", "parallel": 5})
        assert changed.json["secrets"] == ["token"]
        assert "token: new-secret" in lab.config.read_text()

    serve(scenario)


def test_settings_of_a_plugin_that_has_none_yet_are_added(serve):
    async def scenario(lab):
        saved = await lab.put("/api/plugins/toy/settings", {"where": "/data"})
        assert saved.status == 200
        assert lab.config.read_text() == "models: {}\nplugins:\n  toy:\n    where: /data\n"

    serve(scenario, config="models: {}\n")


@pytest.mark.parametrize(
    ("wish", "status", "path"),
    [
        ({"parallel": 0}, 422, "/parallel"),
        ({"paralel": 1}, 422, "/paralel"),
        ({"where": "/nowhere"}, 422, None),
    ],
)
def test_wrong_settings_are_refused_and_nothing_is_written(serve, wish, status, path):
    async def scenario(lab):
        answer = await lab.put("/api/plugins/toy/settings", wish)
        assert answer.status == status
        if path is not None:
            assert [field["path"] for field in answer.error["fields"]] == [path]
        assert lab.config.read_text() == TEXT
        assert (await lab.put("/api/plugins/nobody/settings", {})).status == 404

    serve(scenario)


# a real daemon


def test_the_editor_tells_which_running_models_restart_and_the_watcher_stays_calm(tmp_path):
    with running_swaplab(tmp_path, {"one": sim(), "two": sim()}, "--watch-config") as swaplab:
        restarts_one(swaplab)


def restarts_one(swaplab):
    assert swaplab.chat("one").status == 200
    text = swaplab.ask_as_admin("GET", "/api/config/editor").json()["content"]
    new = text.replace("--port", "--load-seconds 0.01 --port")
    lint = swaplab.ask_as_admin("POST", "/api/config/validate", json_body={"content": new}).json()
    assert (lint["changes"]["changed"], lint["changes"]["restarts"]) == (["one", "two"], ["one"])
    saved = swaplab.ask_as_admin("PUT", "/api/config/editor", json_body={"content": new}).json()
    assert saved["changes"]["restarts"] == ["one"]
    assert swaplab.chat("one").status == 200
    swaplab.wait_for_log("the configuration files are as they were")
    assert len(swaplab.reloads()) == 1
    assert swaplab.starts() == ["one", "one"]


def test_values_of_a_form_go_into_the_text_and_its_comments_stay(serve):
    async def scenario(lab):
        read = await lab.post("/api/config/rewrite", {"content": TEXT})
        document = read.json["document"]
        assert document["models"]["a"] == {"cmd": "serve --port ${PORT}", "ttl": 60}
        document["models"]["a"] |= {"ttl": 90, "name": "The first"}
        answer = await lab.post("/api/config/rewrite", {"content": TEXT, "document": document})
        expected = TEXT.replace("    ttl: 60\n", "    ttl: 90\n    name: The first\n")
        assert answer.json["content"] == expected
        assert lab.config.read_text() == TEXT
        assert (await lab.post("/api/config/rewrite", {"content": TEXT, "document": []})).status == 400
        assert (await lab.post("/api/config/rewrite", {"content": "models: ["})).status == 422

    serve(scenario)


def test_what_a_text_would_run_is_told_without_secrets(serve, monkeypatch):
    monkeypatch.setenv("HUB_TOKEN", "hf_from_the_environment")
    text = """\
macros:
  args: --threads ${n}
  n: 4
models:
  a:
    cmd: serve --port ${PORT} ${args} --hub ${env.HUB_TOKEN} --api-key abcdefgh
    env: [MODE=fast, MY_SECRET=sesame]
"""

    async def scenario(lab):
        answer = await lab.post("/api/config/resolve", {"content": text, "model": "a"})
        found = answer.json
        port = found["command"][2]
        assert found["command"] == [
            "serve", "--port", port, "--threads", "4", "--hub", "<redacted>", "--api-key", "<redacted>",
        ]  # fmt: skip
        assert (found["env"], found["base_url"]) == (
            {"MODE": "fast", "MY_SECRET": "<redacted>"},
            f"http://localhost:{port}",
        )
        assert found["entry"]["cmd"].startswith(f"serve --port {port} --threads 4")
        assert "hf_from_the_environment" not in answer.text
        assert "sesame" not in answer.text
        broken = await lab.post("/api/config/resolve", {"content": f"{text}    ttl: soon\n", "model": "a"})
        assert (broken.json["command"], broken.json["problem"]) == (None, "the text has errors")
        assert broken.json["entry"]["ttl"] == "soon"
        assert (await lab.post("/api/config/resolve", {"content": text, "model": "b"})).status == 404

    serve(scenario)
