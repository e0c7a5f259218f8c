"""The HTTP routes of the cluster: values in, JSON out. What is done stands in `operations`, what is known in `live`."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Any

from attrs import define, evolve, field

from swaplab_cluster import dgx, draining, model_cache, status
from swaplab_cluster.collector import Collected
from swaplab_cluster.history import CHARTS, chart
from swaplab_cluster.inventory_file import is_true
from swaplab_cluster.live import Live
from swaplab_cluster.operations import Operations, ScriptRun, Stopped, stop_scripts, update_plan
from swaplab_cluster.settings_routes import SettingsRoutes
from swaplab_cluster.view_routes import ViewRoutes
from swaplab_core.domain.errors import InvalidRequest, NotThere
from swaplab_core.plugin import Call, Gateway, Policy, Reply, Route

CONFIRM_SECONDS = 300.0


@define(eq=False)
class Routes:
    """Answers from what is known, and does what is asked."""

    live: Callable[[], Live]
    _confirms: dict[str, tuple[dgx.UpdateRequest, float]] = field(factory=dict)

    def all(self) -> tuple[Route, ...]:
        """Every route, with who may call it."""
        rows = (
            ("GET", "/status", Policy.READ, self.status, "/api/cluster/status"),
            ("POST", "/dgx/update", Policy.ADMIN, self.update, "/api/cluster/dgx/update"),
            ("POST", "/stop", Policy.ADMIN, self.stop, "/api/cluster/stop"),
            ("GET", "/drain", Policy.READ, self.drains, "/api/drain"),
            ("POST", "/drain", Policy.OPERATE, self.drain, "/api/drain"),
            ("DELETE", "/drain", Policy.OPERATE, self.undrain, "/api/drain"),
            ("GET", "/cache", Policy.READ, self.cache, "/api/cluster/cache"),
            ("GET", "/charts/{name}", Policy.READ, self.chart, None),
        )
        ours = tuple(
            Route(method=method, path=path, policy=policy, handler=handler, public_path=public)
            for method, path, policy, handler, public in rows
        )
        return (*ours, *SettingsRoutes(self.live).all(), *ViewRoutes(self.live).all())

    # what is known

    async def status(self, call: Call, _: Gateway) -> Reply:
        """How all nodes are."""
        live = self.live()
        await live.reload_if_changed()
        if live.inventory is None and live.errors:
            body = {"error": "; ".join(live.errors), "autodiscoverPath": live.in_force.autodiscover}
            return Reply.of_json(body, 500)
        wanted = status.sections_of(call.query.get("view", "full"), _include(call))
        collected = await live.collector.get(
            wanted,
            live.in_force.status_seconds,
            force=_truthy(call, "force") or _truthy(call, "refresh"),
            allow_stale=_truthy(call, "allowStale"),
        )
        answer = status.body(evolve(live.as_value(), nodes=collected.nodes), wanted, time.time())
        return _with_cache_state(answer, collected)

    async def chart(self, call: Call, _: Gateway) -> Reply:
        """One chart over time, a line per node."""
        name = call.match["name"]
        if name not in CHARTS:
            raise NotThere(f"there is no chart {name!r}", advice=f"one of: {', '.join(CHARTS)}")
        collector = self.live().collector
        nodes = [one.node.id for one in collector.nodes]
        wanted = [call.query["node"]] if "node" in call.query else nodes
        return Reply.of_json(chart(collector.history, wanted, name, _number(call, "since")))

    async def cache(self, call: Call, _: Gateway) -> Reply:
        """Which node has which model and revision, whole or not; what copying and deleting go by."""
        await self.live().reload_if_changed()
        caches = await self._operations().caches(call.query.get("folder", model_cache.FOLDER))
        return Reply.of_json({"nodes": [model_cache.record(cache) for cache in caches]})

    # what is done

    async def update(self, call: Call, _: Gateway) -> Reply:
        """Update DGX nodes, one after the other, as a job; the first call answers what to confirm."""
        operations = self._operations()
        wanted = dgx.update_request(call.headers, call.json())
        nodes = dgx.targets(wanted, self.live().inventory)
        models = await operations.models()
        running = {
            node.id: [m.id for m in draining.on_node(node.id, models, self.live().inventory) if m.is_up]
            for node in nodes
        }
        if not self._confirmed(wanted):
            word = secrets.token_urlsafe(12)
            self._confirms[word] = (evolve(wanted, confirm=""), time.monotonic() + CONFIRM_SECONDS)
            body = {
                "error": "confirm that these nodes are to be updated and rebooted",
                "code": "confirm",
                "confirm": word,
                "plan": dgx.preview(nodes, running),
            }
            return Reply.of_json(body, 409)
        undrain = {node.id: node.id not in operations.drains.nodes for node in nodes}
        names = ", ".join(node.id for node in nodes)
        job = self.live().lab.submit(
            update_plan(operations, nodes, undrain),
            kind="cluster:dgx_update",
            title=f"Update and reboot {names}",
            target=names,
            input={"targets": [node.id for node in nodes]},
        )
        body = {
            "action": "update_and_reboot",
            "job": job.id,
            "startedAt": status.stamp(time.time()),
            "targets": [{"id": node.id, "ip": node.data_ip} for node in nodes],
        }
        return Reply.of_json(body, 202)

    def _confirmed(self, wanted: dgx.UpdateRequest) -> bool:
        """Whether the word is one that was given for exactly this, and not long ago; it is good for once."""
        now = time.monotonic()
        self._confirms = {word: given for word, given in self._confirms.items() if given[1] > now}
        given = self._confirms.get(wanted.confirm)
        if given is None or given[0] != evolve(wanted, confirm=""):
            return False
        del self._confirms[wanted.confirm]
        return True

    async def stop(self, call: Call, _: Gateway) -> Reply:
        """Stop all engines everywhere, then what each backend in use has left; `dryRun` only tells."""
        operations = self._operations()
        body = call.json() if call.body.strip() else {}
        dry_run = body.get("dryRun") is True or _truthy(call, "dryRun")
        stopped = await operations.stop_all(dry_run=dry_run)
        scripts = await asyncio.to_thread(stop_scripts, self.live().lab.config.models())
        if not dry_run:
            seconds = self.live().in_force.stop_seconds
            scripts = [await operations.run_script(script, seconds) for script in scripts]
        return _stop_reply(stopped, scripts, dry_run=dry_run)

    # drains

    async def drains(self, _: Call, __: Gateway) -> Reply:
        """What takes no new requests, why, and what still runs there."""
        operations = self._operations()
        return Reply.of_json(draining.body(operations.drains, await operations.models(), self.live().inventory))

    async def drain(self, call: Call, gateway: Gateway) -> Reply:
        """Let a node or a model take no new requests; running ones go on."""
        body = call.json()
        reason = str(body.get("reason") or "by hand").strip()
        await self._change_drain(str(body.get("node") or ""), str(body.get("model") or ""), reason)
        return await self.drains(call, gateway)

    async def undrain(self, call: Call, gateway: Gateway) -> Reply:
        """Let a node or a model take requests again."""
        await self._change_drain(call.query.get("node", ""), call.query.get("model", ""), None)
        return await self.drains(call, gateway)

    async def _change_drain(self, node: str, model: str, reason: str | None) -> None:
        if bool(node) == bool(model):
            raise InvalidRequest("name either a `node` or a `model`")
        operations = self._operations()
        if node:
            await operations.drain_node(self._known_node(node), reason)
        else:
            models = {str(one.id) for one in await operations.models()}
            if reason is not None and model not in models:
                raise NotThere(f"no model is called {model!r}")
            await operations.set_drains(operations.drains.with_model(model, reason))

    def _known_node(self, name: str) -> str:
        inventory = self.live().inventory
        found = inventory.find(name) if inventory is not None else None
        if found is not None:
            return found.id
        if inventory is None and name == "local":
            return ""
        raise NotThere(f"no node is called {name!r}")

    def _operations(self) -> Operations:
        return self.live().operations


def _with_cache_state(answer: dict[str, Any], collected: Collected) -> Reply:
    """Tell how fresh the answer is, in the body and in headers. One probe tells all, so it has all of the time."""
    took, age = round(collected.seconds * 1000, 1), round(collected.age_seconds * 1000)
    timings = {"autodiscover": 0.0, "probe": took, "metrics": 0.0, "storage": 0.0, "dgx": 0.0, "total": took}
    reply = Reply.of_json({**answer, "cacheState": collected.state, "cacheAgeMs": age, "timingsMs": timings})
    headers = {
        "X-Cluster-Cache-State": collected.state,
        "X-Cluster-Cache-Age-Ms": str(age),
        "Server-Timing": ", ".join(f"{name};dur={value:.1f}" for name, value in timings.items()),
    }
    return evolve(reply, headers={**reply.headers, **headers})


def _include(call: Call) -> str | None:
    """`include` may come several times."""
    values = call.query.getall("include") if hasattr(call.query, "getall") and "include" in call.query else None
    return ",".join(values) if values else call.query.get("include")


def _truthy(call: Call, name: str) -> bool:
    return bool(is_true(call.query.get(name, "")))


def _number(call: Call, name: str) -> float:
    text = call.query.get(name, "0")
    try:
        return float(text)
    except ValueError:
        raise InvalidRequest(f"{name} must be a number") from None


def _stop_reply(stopped: list[Stopped], scripts: list[ScriptRun], *, dry_run: bool) -> Reply:
    count = sum(len(one.models) for one in stopped)
    failed = [script for script in scripts if script.error]
    body: dict[str, Any] = {
        "message": _stop_message(count, scripts, dry_run=dry_run),
        "dryRun": dry_run,
        "nodes": [
            {
                "node": one.node,
                "models": list(one.models),
                "ok": not one.error,
                **({"error": one.error} if one.error else {}),
            }
            for one in stopped
        ],
        "backends": [
            {
                "backendDir": script.folder,
                "script": script.argv[1],
                "ok": not script.error,
                "output": script.output,
                **_error(script.error),
            }
            for script in scripts
        ],
    }
    if scripts:
        body["script"] = scripts[0].argv[1]
        body["output"] = "\n".join(script.output for script in scripts if script.output)
    if not failed:
        return Reply.of_json(body)
    body |= {"error": failed[0].error, "script": failed[0].argv[1]}
    return Reply.of_json(body, 504 if any(script.timed_out for script in failed) else 502)


def _error(text: str) -> dict[str, str]:
    return {"error": text} if text else {}


def _stop_message(count: int, scripts: list[ScriptRun], *, dry_run: bool) -> str:
    verb = "would be stopped" if dry_run else "stopped"
    tail = "" if scripts else "; stop scripts skipped: no backend in use has one"
    return f"{count} model{'s' * (count != 1)} {verb}{tail}"
