"""The agent: who may ask it, what it runs, and what ends when nobody asks any more."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from pathlib import Path, PurePosixPath

import aiohttp
import orjson
import pytest
from attrs import evolve
from click.testing import CliRunner

from swaplab_cluster import lab_root, probe
from swaplab_cluster.agent import allow
from swaplab_cluster.agent.cli import main
from swaplab_cluster.agent.signing import WINDOW_SECONDS, Doorkeeper, Request, authorization
from swaplab_cluster.agent_client import AgentLink
from swaplab_cluster.agent_executor import AgentExecutor
from swaplab_cluster.testing_agents import TOKEN, running_agent
from swaplab_core.domain.errors import NodeError, StartFailed
from swaplab_core.domain.launch import LaunchSpec
from swaplab_core.domain.node import Node, NodeId
from swaplab_core.domain.plan import ReadyCommand
from swaplab_core.testing.output import Output
from swaplab_core.testing.waiting import wait_until_async

ASKED = Request("POST", "/v1/runs?x=1", b'{"argv":["a"]}')
INSTANCE, NONCE = "ab" * 16, "cd" * 16


def door(now: float = 1000.0) -> Doorkeeper:
    return Doorkeeper(TOKEN.encode(), INSTANCE, lambda: now)


def signed(request: Request = ASKED, *, token: str = TOKEN, now: float = 1000.0, instance: str = INSTANCE) -> str:
    return authorization(token.encode(), request, instance, now, NONCE)


# who may ask: the rules


def test_a_signed_request_is_let_in_once():
    keeper = door()
    assert keeper.refusal(signed(), ASKED) == ""
    assert "before" in keeper.refusal(signed(), ASKED)


@pytest.mark.parametrize(
    ("header", "asked", "reason"),
    [
        ("", ASKED, "sign requests"),
        (f"Bearer {TOKEN}", ASKED, "sign requests"),
        (signed() + " ", ASKED, "sign requests"),
        (signed(token="another token, long enough"), ASKED, "signature"),
        (signed(), evolve(ASKED, method="GET"), "signature"),
        (signed(), evolve(ASKED, target="/v1/runs?x=2"), "signature"),
        (signed(), evolve(ASKED, body=b'{"argv":["b"]}'), "signature"),
        (signed().replace("time=1000.000", "time=1001.000"), ASKED, "signature"),
        (signed(now=1000.0 - WINDOW_SECONDS - 1), ASKED, "too old"),
        (signed(now=1000.0 + WINDOW_SECONDS + 1), ASKED, "too old"),
        (signed(instance="00" * 16), ASKED, "another agent"),
    ],
)
def test_everything_else_is_refused(header, asked, reason):
    assert reason in door().refusal(header, asked)


def test_a_word_is_remembered_for_longer_than_a_request_is_valid():
    now = [1000.0]
    keeper = Doorkeeper(TOKEN.encode(), INSTANCE, lambda: now[0])
    first = signed(now=1000.0 + WINDOW_SECONDS)  # signed by a clock that is fast
    assert keeper.refusal(first, ASKED) == ""
    for number in range(2000):
        now[0] = 1000.0 + 2 * WINDOW_SECONDS * number / 2000
        other = authorization(TOKEN.encode(), ASKED, INSTANCE, now[0], f"{number:032x}")
        assert keeper.refusal(other, ASKED) == ""
    assert keeper.refusal(first, ASKED) != ""


# what may be run: the rules


@pytest.mark.parametrize(
    ("allowed", "argv", "fine"),
    [
        (["llama-server"], ["llama-server", "-m", "x"], True),
        (["llama-server"], ["/tmp/llama-server"], False),
        (["/opt/engines/"], ["/opt/engines/vllm"], True),
        (["/opt/engines/"], ["/opt/engines/../../bin/sh"], False),
        (["/opt/engines/"], ["/opt/engines/deeper/sh"], False),
        (["/opt/engines/vllm"], ["/opt/engines/vllm"], True),
        (["/opt/engines/vllm"], ["vllm"], False),
        (["vllm"], ["sh", "-c", "vllm"], False),
        ([], [], False),
    ],
)
def test_a_program_is_run_only_when_it_is_listed(allowed, argv, fine):
    assert (allow.refusal(allowed, argv, {}) == "") is fine


@pytest.mark.parametrize(
    ("allowed", "program", "folder", "fine"),
    [
        (["/lab/backend/a/"], "./run-recipe.sh", "/lab/backend/a", True),
        (["~/lab/backend/a/"], "./run-recipe.sh", "~/lab/backend/a", True),
        (["/home/me/lab/backend/a/run-recipe.sh"], "./run-recipe.sh", "~/lab/backend/a", True),
        (["/lab/backend/a/"], "./run-recipe.sh", "/lab/backend/b", False),
        (["/lab/backend/a/"], "./../../../bin/sh", "/lab/backend/a", False),
        (["/lab/backend/a/"], "./run-recipe.sh", "/lab/backend/b/../a", False),
        (["/lab/backend/a/"], "./run-recipe.sh", "lab/backend/a", False),
        (["run-recipe.sh"], "./run-recipe.sh", "/tmp", False),
    ],
)
def test_a_program_of_its_folder_is_the_one_of_that_path(allowed, program, folder, fine):
    assert (allow.refusal(allowed, [program], {}, folder, "/home/me") == "") is fine


@pytest.mark.parametrize("name", ["LD_PRELOAD", "BASH_ENV", "IFS", "PYTHONSTARTUP"])
def test_variables_that_smuggle_code_are_refused(name):
    assert name in allow.refusal(["vllm"], ["vllm"], {name: "x"})


# a real agent


def insecure() -> ssl.SSLContext:
    """TLS without looking whom it is with: for the attackers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def ask(agent, method, path, *, body=b"", headers=None):
    async with aiohttp.ClientSession() as session:
        url = f"https://{agent.address}:{agent.port}{path}"
        async with session.request(method, url, data=body, headers=headers, ssl=insecure()) as response:
            answer = response.status, orjson.loads(await response.read())
    await asyncio.sleep(0.05)  # TLS closes after the session
    return answer


def test_health_is_open_and_keeps_its_shape(agent):
    status, body = asyncio.run(ask(agent, "GET", "/v1/health"))
    assert status == 200
    assert body["ok"] is True
    assert body["hostname"]
    assert len(body["time"]) == len("2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/runs", {}),
        (f"/v1/runs?token={TOKEN}", {}),
        ("/v1/runs", {"Authorization": f"Bearer {TOKEN}"}),
        ("/v1/runs", {"Authorization": signed()}),
        ("/v1/rdma/preflight", {}),
    ],
)
def test_without_the_token_nothing_is_told(agent, path, headers):
    status, body = asyncio.run(ask(agent, "GET", path, headers=headers))
    assert (status, body["code"]) == (401, "refused")


def test_a_recorded_request_is_of_no_use(agent):
    async def scenario():
        _, health = await ask(agent, "GET", "/v1/health")
        header = authorization(TOKEN.encode(), Request("GET", "/v1/runs"), health["instance"], health["now"], NONCE)
        first, _ = await ask(agent, "GET", "/v1/runs", headers={"Authorization": header})
        second, _ = await ask(agent, "GET", "/v1/runs", headers={"Authorization": header})
        assert (first, second) == (200, 401)

    asyncio.run(scenario())


def test_no_route_takes_the_text_of_a_shell(agent):
    status, body = asyncio.run(ask(agent, "POST", "/v1/ops/shell", body=b'{"script":"id"}'))
    assert (status, body["ok"]) == (404, False)


class Through:
    """An executor and a node that this agent is."""

    def __init__(self, agent, **reach):
        self.executor = AgentExecutor(None)
        self.node = Node(NodeId("n2"), "n2", "agent", agent.address, reach=evolve(agent.reach(**reach)))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.executor.close()

    async def start(self, *argv: str, env: dict[str, str] | None = None):
        output = Output()
        spec = LaunchSpec(argv, "http://127.0.0.2:1", env=env or {})
        return await self.executor.start(self.node, spec, output), output

    @property
    def link(self) -> AgentLink:
        return self.executor._link(self.node)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("root", "recipe", "folder", "there"),
    [
        ("", "/srv/lab/recipes/x.yaml", "/srv/lab/backend/b", ("/srv/lab/recipes/x.yaml", "/srv/lab/backend/b")),
        ("~/lab", "/srv/lab/recipes/x.yaml", "/srv/lab/backend/b", ("../../recipes/x.yaml", "~/lab/backend/b")),
        ("/opt/lab", "recipes/x.yaml", "/srv/lab/backend/b", ("recipes/x.yaml", "/opt/lab/backend/b")),
        ("/opt/lab", "/etc/x.yaml", "/srv/lab/backend/b", ("/etc/x.yaml", "/opt/lab/backend/b")),
        ("/opt/lab", "x", "/srv/elsewhere/b", ("x", "/srv/elsewhere/b")),
        ("/opt/lab", "x", "", ("x", "")),
    ],
)
def test_a_recipe_runs_in_the_folder_that_the_machine_has(root, recipe, folder, there):
    words, where = lab_root.below(root, ("./run-recipe.sh", recipe), folder)
    assert (words[1], where) == there


def test_a_recipe_runs_below_the_root_of_the_machine(tmp_path):
    home = tmp_path / "lab"
    folder = home / "backend" / "spark"
    (home / "recipes").mkdir(parents=True)
    folder.mkdir(parents=True)
    (home / "recipes" / "x.yaml").write_text("what the machine has\n")
    (folder / "run-recipe.sh").write_text('#!/bin/sh\npwd\ncat "$1"\n')
    (folder / "run-recipe.sh").chmod(0o755)

    async def scenario(agent):
        async with Through(agent) as through:
            through.node = evolve(through.node, reach=evolve(through.node.reach, root=str(home)))
            output = Output()
            argv, cwd = ("./run-recipe.sh", "/here/lab/recipes/x.yaml"), PurePosixPath("/here/lab/backend/spark")
            spec = LaunchSpec(argv, "http://127.0.0.2:1", cwd=cwd)
            process = await through.executor.start(through.node, spec, output)
            assert (await process.wait()).code == 0
            assert output.data.decode() == f"{folder}\nwhat the machine has\n"

    with running_agent(tmp_path / "agent", "127.0.0.2", [f"{folder}/"]) as agent:
        asyncio.run(scenario(agent))


def test_what_is_not_listed_is_refused_with_what_to_do(agent):
    async def scenario():
        async with Through(agent) as through:
            with pytest.raises(StartFailed, match="does not allow sleep") as caught:
                await through.start("sleep", "1")
            assert "--allow" in caught.value.advice

    asyncio.run(scenario())


def test_another_certificate_than_the_pinned_one_is_refused(agent):
    async def scenario():
        async with Through(agent) as through:
            through.node = evolve(through.node, reach=evolve(agent.reach(), pin="00" * 32))
            with pytest.raises(NodeError, match="another certificate") as caught:
                await through.executor.run(through.node, ReadyCommand(("/bin/sh", "-c", "true")), print, print)
            assert "enrol" in caught.value.advice

    asyncio.run(scenario())


def test_the_probe_is_an_operation_of_its_own(agent):
    async def scenario():
        async with Through(agent) as through:
            out = Output()
            command = ReadyCommand(probe.argv(probe.script(), ["storage"], ("/dev/shm", "/nowhere")))
            status = await through.executor.run(through.node, command, out, out)
            facts = probe.read(out.data.decode(), ["storage"], ("/dev/shm", "/nowhere"))
            assert status.code == 0
            assert [path.exists for path in facts.paths or ()] == [True, False]

    asyncio.run(scenario())


def test_ports_and_files_are_told_by_the_node_itself(agent, tmp_path):
    async def scenario():
        async with Through(agent) as through:
            taken = await asyncio.start_server(lambda *_: None, "127.0.0.2", 0)
            busy = taken.sockets[0].getsockname()[1]
            found = (await through.link.call("POST", "/v1/ports", {"wanted": busy}))["port"]
            assert found not in {0, busy}
            assert (await through.link.call("POST", "/v1/ports", {"wanted": found}))["port"] == found
            taken.close()
            (tmp_path / "x").write_text("four")
            files = await through.link.call("POST", "/v1/files", {"paths": [str(tmp_path / "x"), "/nowhere"]})
            assert [file.get("size") for file in files["files"]] == [4, None]

    asyncio.run(scenario())


def test_the_rdma_preflight_keeps_its_shape(agent):
    async def scenario():
        async with Through(agent) as through:
            answer = await through.link.call("GET", "/v1/rdma/preflight")
            assert {"required", "ethIf", "ibIf", "ethUp", "ibUp"} <= answer.keys()

    asyncio.run(scenario())


@pytest.mark.parametrize("keep", [False, True])
def test_a_controller_that_dies_leaves_what_its_leases_say(agent, keep):
    async def scenario():
        through = Through(agent, lease_seconds=0.5, keep=keep)
        process, output = await through.start("/bin/sh", "-c", "echo up; sleep 600", f"keep={keep}")
        await output.wait_for_lines(1)
        await through.executor.close()  # without a word to the agent, as a daemon that is killed
        async with Through(agent, lease_seconds=20.0, keep=keep) as other:

            async def shown():
                runs = (await other.link.call("GET", "/v1/runs"))["runs"]
                return next(run for run in runs if run["pid"] == process.pid)

            if not keep:
                await wait_until_async(lambda: not is_alive(process.pid), "the end of the program")
                return
            while not (await shown())["orphan"]:  # noqa: ASYNC110 - the agent is another process
                await asyncio.sleep(0.05)
            assert is_alive(process.pid)
            again, output = await other.start("/bin/sh", "-c", "echo up; sleep 600", f"keep={keep}")
            assert again.pid == process.pid, "the very same is taken over instead of started twice"
            await output.wait_for_lines(1)
            await again.stop(LaunchSpec((), "").stop)
            assert not is_alive(process.pid)

    asyncio.run(scenario())


def test_an_agent_that_is_killed_leaves_no_program(tmp_path):
    async def scenario():
        with running_agent(tmp_path, "127.0.0.3", ["/bin/sh"]) as agent:
            async with Through(agent, lost_after_seconds=1.5) as through:
                stubborn = "trap '' HUP; echo up; sleep 600 & wait; sleep 600"
                process, output = await through.start("/bin/sh", "-c", stubborn)
                await output.wait_for_lines(1)
                os.kill(agent.process.pid, signal.SIGKILL)
                status = await process.wait()
                assert status.signal == signal.SIGHUP, "the node is lost"
                await wait_until_async(lambda: not is_alive(process.pid), "the end of the program")

    asyncio.run(scenario())


# how it may be started


def agent_says(*options: str, env: dict[str, str] | None = None) -> str:
    result = CliRunner().invoke(main, [*options], env=env)
    assert result.exit_code == 1, result.output
    return result.output


def test_without_a_token_it_listens_on_loopback_only(tmp_path):
    said = agent_says("--listen", "0.0.0.0:0", "--folder", str(tmp_path))
    assert "without a token the agent listens on loopback only" in said
    assert "swaplab-agent token" in said
    by_variable = agent_says("--folder", str(tmp_path), env={"LLAMA_SWAP_AGENT_LISTEN": "0.0.0.0:0"})
    assert "without a token the agent listens on loopback only" in by_variable


@pytest.mark.parametrize(
    ("mode", "text", "said"), [(0o644, TOKEN, "chmod 600"), (0o600, "", "is empty"), (0o600, "short", "shorter")]
)
def test_a_token_that_is_no_secret_is_refused(tmp_path, mode, text, said):
    file = tmp_path / "token"
    file.write_text(text)
    file.chmod(mode)
    assert said in agent_says("--listen", "127.0.0.1:0", env={"LLAMA_SWAP_AGENT_TOKEN_FILE": str(file)})


def test_plain_http_is_for_loopback(tmp_path):
    assert "--plain is for loopback" in agent_says("--listen", ":0", "--plain", env={"LLAMA_SWAP_AGENT_TOKEN": TOKEN})


def test_a_new_token_is_for_its_owner_only(tmp_path):
    result = CliRunner().invoke(main, ["token", str(tmp_path / "deep" / "token")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "deep" / "token").stat().st_mode & 0o777 == 0o600
    assert len((tmp_path / "deep" / "token").read_text()) > 40
