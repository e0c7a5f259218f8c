"""What plugins offer, over HTTP: manifest, forms, actions, jobs, settings, modules, checks, events."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import PurePosixPath

import pytest
from attrs import define, field, frozen
from running_lab import running_lab

from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import ModelChanged, PluginsChanged
from swaplab_core.plugin import (
    Action,
    ActionSpec,
    Command,
    Diagnostic,
    Executor,
    ExitStatus,
    Finding,
    Health,
    ModelId,
    Module,
    NavEntry,
    Node,
    NodeId,
    Panels,
    Plan,
    PluginNews,
    Policy,
    Progress,
    SecretRef,
    Step,
    View,
    form_field,
    hookimpl,
)
from swaplab_core.testing.waiting import wait_until_async


@frozen
class Settings:
    token: str = form_field("Token", "", secret=True)
    parallel: int = form_field("At once", 2, minimum=1)
    folders: tuple[str, ...] = form_field("Folders", ())


@frozen
class Form:
    text: str = form_field("Text", help="said by the job")
    times: int = form_field("Times", 1, minimum=1, maximum=9)
    password: str = form_field("Password", "", secret=True)


SAY = "import sys, time\nfor n in range(int(sys.argv[2])): print(sys.argv[1], n, flush=True)"


def say(form, target):
    if form.text == "no":
        raise InvalidRequest("that is not said here", advice="say something else")
    if form.text == "oops":
        raise KeyError("oops")
    env = {"SECRET_OF_TEST": SecretRef("SECRET_OF_TEST")}
    argv = (sys.executable, "-c", SAY, form.text, str(form.times))
    return Plan((Step("Say", Command(argv, PurePosixPath("/"), env)),), frozenset({f"folder:{target}"}), ("careful",))


async def hang(form, target):
    command = Command((sys.executable, "-c", "import time; print('started', flush=True); time.sleep(600)"))
    return Plan((Step("Hang", command, reads_progress=lambda line: Progress(line, 0.5)),))


@define(eq=False)
class Toy:
    """One of everything."""

    heard: list = field(factory=list)
    life: list = field(factory=list)
    lab: object = None

    @hookimpl
    def swaplab_config_section(self):
        return Settings

    @hookimpl
    def swaplab_actions(self, lab):
        def guard(target):
            return "it is closed" if target == "closed" else ""

        spec = ActionSpec("say", "Say it", Form, slots=("backend.actions",), target="backend", policy=Policy.OPERATE)
        yield Action(spec, say, guard)
        yield Action(ActionSpec("hang", "Hang", policy=Policy.OPERATE, order=50), hang)
        yield Action(ActionSpec("never", "Never", policy=Policy.OPERATE, unavailable="there is no moon"), hang)
        yield Action(ActionSpec("destroy", "Destroy"), hang)

    @hookimpl
    def swaplab_panels(self, lab):
        nav = NavEntry("runs", "Runs", "/x/toy/runs", badge_topic="jobs", badge_filter={"kind": "toy:say"})
        view = View("list", "page", "List", "table", "api/plugins/toy/rows", "job.updated", props={"columns": []})
        module = Module("page", "page", "Page", "toy_package", "static/page.js", css=("static/page.css",))
        return [Panels((nav,), (view,), (module,) if "toy_package" in self.life else ())]

    @hookimpl
    def swaplab_diagnostics(self, lab):
        async def fine():
            return [Finding(Health.OK, "all is well")]

        async def broken():
            raise RuntimeError("cannot look")

        return [Diagnostic("fine", "Fine", fine), Diagnostic("broken", "Broken", broken)]

    @hookimpl
    async def swaplab_startup(self, lab):
        self.life.append("startup")
        self.lab = lab

    @hookimpl
    async def swaplab_shutdown(self, lab):
        self.life.append("shutdown")

    @hookimpl
    async def swaplab_event(self, event):
        self.heard.append(event)

    @hookimpl
    def swaplab_nodes(self, lab):
        return [Node(NodeId("far"), "far away", "echo", "192.0.2.9")]


class EchoExecutor(Executor):
    name = "echo"
    title = "Echo"

    async def start(self, node, spec, output):
        raise NotImplementedError

    async def run(self, node, command, stdout, stderr):
        stdout(f"{node.id}: {' '.join(command.argv)}\n".encode())
        return ExitStatus(code=0)


@pytest.fixture
def toy():
    return Toy()


@pytest.fixture
def serve(tmp_path, toy):
    """Run a scenario against a daemon with the toy."""

    def run(scenario, **options):
        async def main():
            plugins = {"toy": toy}
            async with asyncio.timeout(120), running_lab(tmp_path, EchoExecutor, plugins=plugins, **options) as lab:
                await scenario(lab)

        asyncio.run(main())

    return run


# what is shown


def of_toy(entries):
    """Those of our plugin: the core has some of its own."""
    return [entry for entry in entries if entry["id"].startswith("toy:")]


def test_the_manifest_tells_everything_that_plugins_add(serve):
    async def scenario(lab):
        manifest = (await lab.get("/api/ui/manifest")).json
        assert manifest["schema"] == 1
        plugins = {(plugin["id"], plugin["status"]) for plugin in manifest["plugins"]}
        assert {("command", "ok"), ("echo", "ok"), ("toy", "ok")} <= plugins
        (nav,) = of_toy(manifest["nav"])
        assert (nav["id"], nav["route"]) == ("toy:runs", "/x/toy/runs")
        assert nav["badge"] == {"topic": "jobs", "filter": {"kind": "toy:say"}}
        (view,) = of_toy(manifest["views"])
        assert view["source"] == {"get": "api/plugins/toy/rows", "refresh": {"event": "job.updated"}}
        actions = {action["id"]: action for action in of_toy(manifest["actions"])}
        assert list(actions) == ["toy:hang", "toy:destroy", "toy:never", "toy:say"], "in the order they want"
        assert actions["toy:never"]["available"] == {"ok": False, "reason": "there is no moon"}
        assert actions["toy:say"]["input"] == {"$ref": "api/ui/schemas/toy.say"}
        assert (await lab.get("/api/ui/texts/es")).json["texts"]["Jobs"] == "Trabajos"
        assert "api/plugins/toy/settings" in {settings["values"] for settings in manifest["settings"]}

    serve(scenario)


def test_the_manifest_is_sent_again_only_when_it_has_changed(serve):
    async def scenario(lab):
        first = await lab.get("/api/ui/manifest")
        again = await lab.get("/api/ui/manifest", headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.text) == (304, "")

    serve(scenario)


def test_the_schema_of_a_form_has_titles_limits_and_hints(serve):
    async def scenario(lab):
        schema = (await lab.get("/api/ui/schemas/toy.say")).json
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["required"] == ["text"]
        assert schema["properties"]["times"] == {
            "type": "integer",
            "title": "Times",
            "default": 1,
            "minimum": 1,
            "maximum": 9,
        }
        assert schema["properties"]["text"]["description"] == "said by the job"
        assert schema["properties"]["password"]["x-widget"] == "secret"
        assert (await lab.get("/api/ui/schemas/toy.nothing")).status == 404

    serve(scenario)


def test_a_plugin_whose_hook_raises_is_left_out_and_counts_as_degraded(serve, toy):
    async def scenario(lab):
        toy.life = None
        with lab.lab.parts.bus.subscribe(PluginsChanged) as subscription:
            manifest = (await lab.get("/api/ui/manifest")).json
            assert [numbered.event for numbered in subscription.take()] == [PluginsChanged()]
            await lab.get("/api/ui/manifest")
            assert subscription.take() == [], "it is as it was"
        assert of_toy(manifest["views"]) == []
        assert [plugin["status"] for plugin in manifest["plugins"] if plugin["id"] == "toy"] == ["degraded"]
        toy.life = []

    serve(scenario)


def test_module_files_come_from_the_package_under_an_address_with_their_digest(serve, toy, tmp_path, monkeypatch):
    static = tmp_path / "site/toy_package/static"
    static.mkdir(parents=True)
    (static.parent / "__init__.py").write_text("raise RuntimeError('nobody imports it')")
    (static.parent / "secret.js").write_text("secret")
    (static / "page.js").write_text("export function mount() {}")
    (static / "page.css").write_text("p {}")
    (static / "more").mkdir()
    (static / "more/data.json").write_text("{}")
    (static / "page.py").write_text("not for the web")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    toy.life.append("toy_package")

    async def scenario(lab):
        (module,) = (await lab.get("/api/ui/manifest")).json["modules"]
        assert module["css"] == [module["module"].replace("page.js", "page.css")]
        page = await lab.get(f"/{module['module']}")
        assert (page.status, page.text) == (200, "export function mount() {}")
        assert page.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert "immutable" in page.headers["Cache-Control"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        base = module["module"].removesuffix("page.js")
        assert (await lab.get(f"/{base}more/data.json")).status == 200
        for name in ("page.py", "../secret.js", "%2e%2e/secret.js", "..%2fsecret.js", ".hidden", "more", "nothing.js"):
            assert (await lab.get(f"/{base}{name}")).status == 404, name
        digest = base.split("/")[-2]
        assert (await lab.get(f"/{base.replace(digest, '0' * 12)}page.js")).status == 404

        (static / "page.js").write_text("export function mount() { /* better */ }")
        (newer,) = (await lab.get("/api/ui/manifest")).json["modules"]
        assert newer["module"] != module["module"]

    serve(scenario)


def test_a_link_that_leads_out_of_the_folder_is_not_followed(serve, toy, tmp_path, monkeypatch):
    static = tmp_path / "site/toy_package/static"
    static.mkdir(parents=True)
    (static / "page.js").write_text("")
    (static / "page.css").write_text("")
    (tmp_path / "secret.txt").write_text("secret")
    (static / "out.txt").symlink_to(tmp_path / "secret.txt")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    toy.life.append("toy_package")

    async def scenario(lab):
        (module,) = (await lab.get("/api/ui/manifest")).json["modules"]
        assert (await lab.get(f"/{module['module'].replace('page.js', 'out.txt')}")).status == 404

    serve(scenario)


# actions and jobs


def test_an_action_runs_as_a_job_whose_log_and_result_can_be_read(serve, monkeypatch):
    monkeypatch.setenv("SECRET_OF_TEST", "sesame")

    async def scenario(lab):
        wish = {"input": {"text": "sesame", "times": 2, "password": "p"}, "target": "/srv"}
        answer = await lab.post("/api/actions/toy:say", wish)
        assert answer.status == 202
        job = answer.json["job"]
        assert job["input"] == {"text": "sesame", "times": 2, "password": "***"}
        done = await lab.done(job["id"])
        assert (done["state"], done["kind"], done["target"], done["exit_code"]) == ("succeeded", "toy:say", "/srv", 0)
        log = (await lab.get(f"/api/jobs/{job['id']}/log")).json
        assert [line["text"] for line in log["lines"]][-3:] == ["*** 0", "*** 1", "— succeeded —"]
        assert log["next"] == log["end"] == done["log_bytes"]
        text = (await lab.get(f"/api/jobs/{job['id']}/log?format=text&offset={log['lines'][-2]['seq']}")).text
        assert text == "*** 1\n— succeeded —\n"
        listing = (await lab.get("/api/jobs?kind=toy&state=succeeded")).json
        assert [one["id"] for one in listing["jobs"]] == [job["id"]]
        assert (await lab.get("/api/jobs?state=failed")).json["jobs"] == []

    serve(scenario)


def test_a_dry_run_tells_what_would_happen_and_does_nothing(serve):
    async def scenario(lab):
        answer = await lab.post("/api/actions/toy:say?dry_run=1", {"input": {"text": "it's"}, "target": "/srv"})
        assert answer.status == 200
        (command,) = answer.json["commands"]
        assert command["argv"][-2:] == ["it's", "1"]
        assert command["env"] == {"SECRET_OF_TEST": "${SECRET_OF_TEST}"}
        assert (answer.json["warnings"], answer.json["locks"]) == (["careful"], ["folder:/srv"])
        assert (await lab.get("/api/jobs")).json["jobs"] == []

    serve(scenario)


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({}, {"/text": "must be filled in"}),
        ({"text": "x", "times": 10}, {"/times": "must be at most 9, not 10"}),
        ({"text": "x", "times": "two"}, {"/times": "must be a whole number, not the text 'two'"}),
        ({"text": "x", "tmies": 2}, {"/tmies": "there is no such field (did you mean 'times'?)"}),
        ({"text": ["x"], "times": 0}, None),
    ],
)
def test_wrong_input_is_refused_field_by_field(serve, given, fields):
    async def scenario(lab):
        answer = await lab.post("/api/actions/toy:say", {"input": given})
        assert (answer.status, answer.error["code"]) == (422, "invalid-form")
        found = {field["path"]: field["message"] for field in answer.error["fields"]}
        assert set(found) == ({"/text", "/times"} if fields is None else set(fields))
        if fields is not None:
            assert found == fields
        assert (await lab.get("/api/jobs")).json["jobs"] == []

    serve(scenario)


@pytest.mark.parametrize(
    ("action", "body", "status", "message"),
    [
        ("toy:nothing", {}, 404, "there is no action 'toy:nothing'"),
        ("toy:never", {}, 409, "Never cannot be run now: there is no moon"),
        ("toy:say", {"input": {"text": "x"}, "target": "closed"}, 409, "Say it cannot be run now: it is closed"),
        ("toy:say", {"input": {"text": "no"}}, 400, "that is not said here (say something else)"),
        ("toy:say", {"input": {"text": "oops"}}, 502, "the plugin 'toy' could not plan toy:say: 'oops'"),
        ("toy:say", {"inputs": {}}, 400, "there is no inputs here (send input, target, start_at)"),
        ("toy:say", {"input": []}, 400, "input must be an object"),
        ("toy:say", {"input": {}, "start_at": "soon"}, 400, "start_at must be a number of seconds (unix time)"),
    ],
)
def test_what_cannot_be_run_says_why(serve, action, body, status, message):
    async def scenario(lab):
        answer = await lab.post(f"/api/actions/{action}", body)
        assert answer.status == status
        assert message in answer.error["message"]

    serve(scenario)


def test_a_job_is_followed_live_and_cancelled_with_everything_it_started(serve):
    async def scenario(lab):
        job = (await lab.post("/api/actions/toy:hang")).json["job"]["id"]
        events = []
        async with lab.client.get(f"/api/jobs/{job}/log/stream") as stream:
            async for line in stream.content:
                if line.startswith(b"data: "):
                    events.append(json.loads(line[6:]))
                    if events[-1].get("text") == "started":
                        assert (await lab.get(f"/api/jobs/{job}")).json["progress"]["fraction"] == 0.5
                        cancelled = await lab.post(f"/api/jobs/{job}/cancel")
                        assert cancelled.json["job"]["state"] == "cancelled"
        assert [event["text"] for event in events[:-1]][-2:] == ["started", "— cancelled —"]
        assert events[-1]["state"] == "cancelled", "the stream ends with the job"
        assert (await lab.post(f"/api/jobs/{job}/cancel")).status == 409
        async with lab.client.get(
            f"/api/jobs/{job}/log/stream", headers={"Last-Event-ID": str(events[0]["seq"])}
        ) as late:
            assert b"started" in await late.read()

    serve(scenario)


def test_a_failed_job_can_be_repeated_with_what_its_action_plans_now(serve):
    async def scenario(lab):
        job = (await lab.post("/api/actions/toy:say", {"input": {"text": "x"}})).json["job"]["id"]
        await lab.done(job)
        again = await lab.post(f"/api/jobs/{job}/retry")
        assert again.status == 202
        assert again.json["job"]["retry_of"] == job
        assert (await lab.done(again.json["job"]["id"]))["state"] == "succeeded"
        assert (await lab.post("/api/jobs/nothing/retry")).status == 404

    serve(scenario)


def test_a_job_that_a_plugin_began_by_itself_is_repeated_as_long_as_it_is_remembered(serve, toy):
    async def scenario(lab):
        done = []

        async def work(work):
            done.append(work)
            return {}

        plan = Plan((Step("Work", work=work),))
        job = toy.lab.submit(plan, kind="toy:say", title="Own", input={"other": "than the form"})
        await toy.lab.wait(job.id)
        again = (await lab.post(f"/api/jobs/{job.id}/retry")).json["job"]["id"]
        await lab.done(again)
        assert len(done) == 2

    serve(scenario)


def test_jobs_and_news_of_plugins_are_events(serve, toy):
    async def scenario(lab):
        names = []
        async with lab.client.get("/api/events?topics=jobs,plugins") as stream:
            await lab.post("/api/actions/toy:say", {"input": {"text": "x"}})
            toy.lab.publish(PluginNews("toy", "updated", "one", {"n": 1}))
            async for line in stream.content:
                if line.startswith(b"event: "):
                    names.append(line[7:].strip().decode())
                if line.startswith(b"data: ") and names[-1] == "toy.updated":
                    assert json.loads(line[6:]) == {"subject": "one", "n": 1}
                if {"job.updated", "job.log", "toy.updated"} <= set(names):
                    break

    serve(scenario)


# settings


def test_settings_are_a_form_over_the_file_and_secrets_are_never_told(serve):
    async def scenario(lab):
        before = await lab.get("/api/plugins/toy/settings")
        assert before.json == {"values": {"parallel": 4}, "secrets": ["token"]}
        assert "t0ken" not in before.text
        assert (await lab.get("/api/ui/schemas/toy.settings")).json["properties"]["parallel"]["default"] == 2

    serve(scenario, config="plugins:\n  toy:\n    token: t0ken\n    parallel: 4 # a comment\nmodels: {}\n")


def test_checks_of_plugins_run_side_by_side_and_a_broken_one_is_a_finding(serve):
    async def scenario(lab):
        found = (await lab.get("/api/diagnostics")).json["diagnostics"]
        assert {one["id"]: one["findings"][0]["health"] for one in found} == {"toy:fine": "ok", "toy:broken": "error"}
        assert "cannot look" in found[1]["findings"][0]["message"]

    serve(scenario)


# what plugins see


def test_a_plugin_lives_as_long_as_the_daemon_and_hears_what_happens(serve, toy):
    async def scenario(lab):
        assert toy.life == ["startup"]
        toy.lab.publish(ModelChanged(ModelId("a")))
        await wait_until_async(lambda: ModelChanged(ModelId("a")) in toy.heard, "the event to be heard")

    serve(scenario)
    assert toy.life == ["startup", "shutdown"]


def test_a_plugin_reads_its_settings_runs_commands_and_keeps_state(serve, toy):
    async def scenario(lab):
        assert toy.lab.settings("toy", Settings) == Settings(parallel=3)
        here = await toy.lab.run(Command(("sh", "-c", "echo out; echo err >&2; exit 3")))
        assert (here.exit_code, here.stdout, here.stderr) == (3, b"out\n", b"err\n")
        there = await toy.lab.run(Command(("uname", "-a")), NodeId("far"))
        assert there.stdout == b"far: uname -a\n"
        with pytest.raises(Exception, match=r"did not end within 0\.05 s"):
            await toy.lab.run(Command(("sleep", "60")), timeout_seconds=0.05)
        folder = toy.lab.state_folder("toy")
        assert folder.is_dir()
        assert [node.id for node in toy.lab.nodes()] == ["", "far"]
        answer = await toy.lab.gateway.request("GET", "/api/models")
        assert json.loads(await answer.read()) == {"models": []}
        answer = await toy.lab.gateway.request("DELETE", "/api/jobs/nothing")
        assert answer.status == 404, "it may do what the administrator may"

    serve(scenario, config="plugins: {toy: {parallel: 3}}\nmodels: {}\n")


def test_a_plugin_runs_a_plan_of_its_own_and_waits_for_it(serve, toy):
    async def scenario(lab):
        async def work(work):
            work.log("working")
            return {"answer": 42}

        job = toy.lab.submit(Plan((Step("Work", work=work),)), kind="toy:own", title="Own")
        assert (await toy.lab.wait(job.id)).result == {"answer": 42}
        assert await toy.lab.job_log(job.id) == "working\n— succeeded —\n"
        assert [one.id for one in toy.lab.jobs("toy:")] == [job.id]
        toy.lab.delete_job(job.id)
        assert toy.lab.job(job.id) is None

    serve(scenario)


def test_after_a_restart_the_jobs_are_still_there(serve, toy):
    seen = {}

    async def before(lab):
        seen["done"] = (await lab.post("/api/actions/toy:say", {"input": {"text": "x"}})).json["job"]["id"]
        await lab.done(seen["done"])
        seen["cut"] = (await lab.post("/api/actions/toy:hang")).json["job"]["id"]

    async def after(lab):
        assert (await lab.get(f"/api/jobs/{seen['done']}")).json["state"] == "succeeded"
        assert "x 0" in (await lab.get(f"/api/jobs/{seen['done']}/log?format=text")).text
        assert (await lab.get(f"/api/jobs/{seen['cut']}")).json["state"] == "interrupted"

    serve(before)
    serve(after)
