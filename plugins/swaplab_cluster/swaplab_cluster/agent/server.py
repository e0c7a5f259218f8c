"""The HTTP routes of an agent. Every operation is typed; nothing here takes the text of a shell.

| route | what it does |
|---|---|
| GET /v1/health | open to all: `{ok, hostname, time}`, and the `instance` that requests are signed for |
| GET /v1/rdma/preflight | RDMA ports and interfaces, held against `LLAMA_SWAP_CLUSTER_RDMA_*` |
| POST /v1/probe | the probe: `{sections, paths}` |
| POST /v1/cache | a model cache: `{verb: list, verify or delete, folder, repo}` |
| POST /v1/dgx/update | start the DGX's own update, which reboots it |
| POST /v1/files | facts of paths: `{paths}` |
| POST /v1/ports | a port that nobody listens on: `{wanted}` |
| GET, POST /v1/runs | what runs; run an allowed program |
| GET /v1/runs/{id}/output?from=N | its output from chunk N on, in frames, until it ends |
| POST /v1/runs/{id}/signal | SIGTERM or SIGKILL to its group |
| POST /v1/leases | put the ends of leases off: `{runs: {id: seconds}}` |
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import socket
import stat as stat_bits
import struct
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from attrs import define, field

from swaplab_cluster import dgx, model_cache, probe, remote
from swaplab_cluster.agent import allow
from swaplab_cluster.agent.runs import HERE, Run, Runs, Wanted, refusal_of
from swaplab_cluster.agent.signing import Doorkeeper, Request
from swaplab_cluster.facts import Metrics
from swaplab_cluster.inventory import Rdma
from swaplab_cluster.status import rdma_state
from swaplab_cluster.tasks import spawn
from swaplab_core.domain.errors import InvalidRequest, NodeError, NotThere
from swaplab_core.domain.plan import ReadyCommand

MOST_BODY = 64 * 2**20
PROBE_SECONDS = 20.0
CACHE_SECONDS = 4 * 3600.0
END_FRAME = 0
LETTERS = {"TERM": remote.TERM, "KILL": remote.KILL}
FRAME = struct.Struct("!BIQ")
"""Stream (1, 2; 0: it has ended, and the data is JSON), length of the data, number of the chunk."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@define(eq=False)
class Agent:
    """One agent. `door` is None when no token is asked for, which is allowed on loopback only."""

    runs: Runs
    door: Doorkeeper | None
    instance: str
    allowed: Sequence[str]
    rdma: Rdma = field(factory=Rdma)
    _script: str = field(factory=probe.script)
    _cache_script: str = field(factory=model_cache.script)

    def application(self) -> web.Application:
        """The routes, and the watch over leases."""
        application = web.Application(middlewares=[_errors], client_max_size=MOST_BODY)
        application.router.add_get("/v1/health", self.health)
        for method, path, handler in self._guarded():
            application.router.add_route(method, path, self._behind_the_door(handler))
        application.cleanup_ctx.append(self._watching)
        return application

    def _guarded(self) -> Sequence[tuple[str, str, Handler]]:
        return (
            ("GET", "/v1/rdma/preflight", self.preflight),
            ("POST", "/v1/probe", self.probed),
            ("POST", "/v1/cache", self.cache),
            ("POST", "/v1/dgx/update", self.updated),
            ("POST", "/v1/files", self.files),
            ("POST", "/v1/ports", self.ports),
            ("GET", "/v1/runs", self.listed),
            ("POST", "/v1/runs", self.run),
            ("GET", "/v1/runs/{id}/output", self.output),
            ("POST", "/v1/runs/{id}/signal", self.signal),
            ("POST", "/v1/leases", self.lease),
        )

    def _behind_the_door(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.door is not None:
                headers = request.headers.getall("Authorization", [])
                signed = Request(request.method, request.raw_path, await request.read())
                reason = self.door.refusal(headers[0] if len(headers) == 1 else "", signed)
                if reason:
                    return _problem(401, "refused", reason)
            return await handler(request)

        return guarded

    async def _watching(self, _: web.Application) -> Any:
        watch = spawn(self.runs.watch(), name="leases")
        yield
        watch.cancel()
        await self.runs.close()

    async def health(self, _: web.Request) -> web.Response:
        """Say that it is there. `now` lets a control host with another clock sign in this one's time."""
        now = time.time()
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"ok": True, "hostname": socket.gethostname(), "time": stamp, "now": now, "instance": self.instance}
        return _json(body)

    async def preflight(self, _: web.Request) -> web.Response:
        """Hold the RDMA ports against what this node must have; 400 when it must and has not."""
        facts = probe.read(await self._output(probe.argv(self._script, ["metrics"])), ["metrics"])
        assert facts.metrics is not None, "it was asked for"
        state = rdma_state(facts.metrics, self.rdma)
        body = _preflight(self.rdma, facts.metrics, state["errors"])
        return _json(body, 400 if self.rdma.required and state["errors"] else 200)

    async def probed(self, request: web.Request) -> web.Response:
        """Run the probe."""
        body = await _body(request)
        sections, paths = _texts(body, "sections"), _texts(body, "paths")
        return _json({"output": await self._output(probe.argv(self._script, sections, paths))})

    async def cache(self, request: web.Request) -> web.Response:
        """List a model cache, verify or delete one repository in it."""
        body = await _body(request)
        verb, folder, repo = (str(body.get(key) or "") for key in ("verb", "folder", "repo"))
        wanted = model_cache.command(self._cache_script, verb, folder, repo)
        out = bytearray()
        async with asyncio.timeout(CACHE_SECONDS):
            ready = ReadyCommand(wanted.argv, stdin=wanted.stdin)
            status = await self.runs.programs.run(HERE, ready, out.extend, out.extend)
        return _json({"exit": _exit(status.code, status.signal), "output": out.decode(errors="replace")})

    async def updated(self, _: web.Request) -> web.Response:
        """Start the update of a DGX."""
        out = bytearray()
        status = await self.runs.programs.run(HERE, ReadyCommand(dgx.UPDATE), out.extend, out.extend)
        return _json({"exit": _exit(status.code, status.signal), "output": out.decode(errors="replace")})

    async def files(self, request: web.Request) -> web.Response:
        """Tell size and kind of paths."""
        paths = _texts(await _body(request), "paths")
        return _json({"files": await asyncio.to_thread(lambda: [_file(path) for path in paths])})

    async def ports(self, request: web.Request) -> web.Response:
        """Find a port that is free on this node: the wanted one if it is."""
        wanted = (await _body(request)).get("wanted", 0)
        if not isinstance(wanted, int) or not 0 <= wanted <= 65535:
            raise InvalidRequest("wanted must be a port")
        kept = any(run.is_orphan and run.status is None and _names_port(run, wanted) for run in self.runs.all())
        return _json({"port": wanted if kept else _free_port(wanted)})

    async def listed(self, _: web.Request) -> web.Response:
        """List what runs, and the last that have ended."""
        return _json({"runs": [_shown(run) for run in self.runs.all()]})

    async def run(self, request: web.Request) -> web.Response:
        """Run an allowed program."""
        wanted = _wanted(await _body(request))
        if reason := allow.refusal(self.allowed, wanted.argv, wanted.env, wanted.folder, os.environ.get("HOME", "")):
            return _problem(403, "not-allowed", reason, "its operator lists programs with --allow")
        try:
            run, taken = await self.runs.start(wanted)
        except NodeError as error:
            return _problem(409, "not-started", refusal_of(error), error.advice)
        return _json({"id": run.id, "pid": run.pid, "adopted": taken}, 201)

    async def output(self, request: web.Request) -> web.StreamResponse:
        """Send the output in frames, as it comes, until the program has ended."""
        run = self.runs.get(request.match_info["id"])
        begin = request.query.get("from", "0")
        if not begin.isdecimal():
            raise InvalidRequest("from must be the number of a chunk")
        response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
        await response.prepare(request)
        ended = spawn(self.runs.ended(run), name=f"end of run {run.id}")
        number = int(begin)
        while True:
            grown = run.spool.grown
            number, chunks = run.spool.after(number)
            for stream, data in chunks:
                await response.write(FRAME.pack(stream, len(data), number) + data)
                number += 1
            if run.status is not None and number >= run.spool.first + len(run.spool.chunks):
                break
            await grown.wait()
        status = await ended
        last = orjson.dumps(_exit(status.code, status.signal))
        await response.write(FRAME.pack(END_FRAME, len(last), number) + last)
        await response.write_eof()
        return response

    async def signal(self, request: web.Request) -> web.Response:
        """Signal the group of a run."""
        name = (await _body(request)).get("signal")
        if name not in LETTERS:
            raise InvalidRequest("signal must be TERM or KILL")
        await self.runs.signal(request.match_info["id"], LETTERS[name])
        return _json({"ok": True})

    async def lease(self, request: web.Request) -> web.Response:
        """Put ends of leases off; answers the runs that are no longer there."""
        asked = (await _body(request)).get("runs", {})
        if not isinstance(asked, dict) or not all(isinstance(seconds, (int, float)) for seconds in asked.values()):
            raise InvalidRequest("runs must be a mapping of seconds by run")
        known = {run.id for run in self.runs.all() if run.status is None}
        for run in known & asked.keys():
            self.runs.renew(run, float(asked[run]))
        return _json({"gone": sorted(asked.keys() - known)})

    async def _output(self, argv: tuple[str, ...]) -> str:
        out = bytearray()
        async with asyncio.timeout(PROBE_SECONDS):
            await self.runs.programs.run(HERE, ReadyCommand(argv), out.extend, lambda _: None)
        return out.decode(errors="replace")


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except NotThere as error:
        return _problem(404, error.code, error.message, error.advice)
    except InvalidRequest as error:
        return _problem(400, error.code, error.message, error.advice)
    except NodeError as error:
        return _problem(502, error.code, error.message, error.advice)
    except web.HTTPException as error:
        return _problem(
            error.status, "no-such-operation", f"{request.method} {request.path} is no operation of an agent"
        )
    except TimeoutError:
        return _problem(504, "timeout", f"it took more than {PROBE_SECONDS:g} s")


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _problem(status: int, code: str, message: str, advice: str = "") -> web.Response:
    return _json({"ok": False, "error": message, "code": code, "advice": advice}, status)


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        value = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError as error:
        raise InvalidRequest(f"the body is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidRequest("the body must be a JSON object")
    return value


def _texts(body: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = body.get(key, [])
    if not isinstance(value, list) or not all(isinstance(word, str) and "\0" not in word for word in value):
        raise InvalidRequest(f"{key} must be a list of texts")
    return tuple(value)


def _wanted(body: Mapping[str, Any]) -> Wanted:
    env = body.get("env", {})
    if not isinstance(env, dict) or not all(isinstance(value, str) for value in env.values()):
        raise InvalidRequest("env must be a mapping of texts")
    folder, lease = body.get("folder", ""), body.get("leaseSeconds", 0)
    if not isinstance(folder, str) or not isinstance(lease, (int, float)):
        raise InvalidRequest("folder must be text, leaseSeconds a number")
    try:
        stdin = base64.b64decode(str(body.get("stdin", "")), validate=True)
    except binascii.Error:
        raise InvalidRequest("stdin must be base64") from None
    merge, keep = bool(body.get("merge")), bool(body.get("keep"))
    return Wanted(_texts(body, "argv"), env, folder, stdin, merge, float(lease), keep)


def _shown(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "pid": run.pid,
        "program": run.wanted.argv[0],
        "argv": list(run.wanted.argv),
        "running": run.status is None,
        "orphan": run.is_orphan,
        "exit": _exit(run.status.code, run.status.signal) if run.status else None,
    }


def _exit(code: int | None, signal: int | None) -> dict[str, int | None]:
    return {"code": code, "signal": signal}


def _preflight(wanted: Rdma, metrics: Metrics, errors: Sequence[str]) -> dict[str, Any]:
    up = {link.name for link in metrics.links if link.state == "up"}
    active = {port.device for port in metrics.rdma if port.is_up}
    body: dict[str, Any] = {
        "required": wanted.required,
        "ethIf": wanted.eth_if,
        "ibIf": list(wanted.ib_if),
        "ethUp": wanted.eth_if in up,
        "ibUp": [name for name in wanted.ib_if or sorted(active) if name in active],
    }
    return {**body, "errors": list(errors)} if errors else body


def _file(path: str) -> dict[str, Any]:
    try:
        found = Path(path).expanduser().stat()
    except (OSError, RuntimeError, ValueError):
        return {"path": path, "exists": False}
    kind = "folder" if stat_bits.S_ISDIR(found.st_mode) else "file"
    return {"path": path, "exists": True, "kind": kind, "size": found.st_size, "modified": found.st_mtime}


def _names_port(run: Run, port: int) -> bool:
    return str(port) in run.wanted.argv or any(word.endswith(f"={port}") for word in run.wanted.argv)


def _free_port(wanted: int) -> int:
    """The wanted port if nobody listens on it on any address, or one that the system picks."""
    for port in (wanted, 0):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("", port))
            except OSError:
                continue
            return int(listener.getsockname()[1])
    raise NodeError("this node has no free port", advice=f"end something; see `ss -tln` (uid {os.getuid()})")
