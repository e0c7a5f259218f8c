"""The HTTP routes: the fork's three, and what it lacked: lists, results, comparison, export."""

from __future__ import annotations

import asyncio
import csv
import io
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from attrs import asdict, define

from swaplab_benchy.bench import RUN, Bench
from swaplab_benchy.options import read_options
from swaplab_benchy.results import Run, markdown, rows, to_document
from swaplab_benchy.score_verdict import ScoreComparison, compare_scores
from swaplab_benchy.verdict import Comparison, compare, overall, regresses
from swaplab_benchy.wire import run_document
from swaplab_core.domain.errors import Conflict, InvalidRequest, NotThere
from swaplab_core.plugin import Call, Gateway, Job, JobId, Policy, Reply, Route


@define(eq=False)
class BenchRoutes:
    """The HTTP routes of `Bench`."""

    bench: Callable[[], Bench]

    def routes(self) -> list[Route]:
        """The route table."""
        return [
            _route("POST", "/runs", Policy.ADMIN, self.start, "/api/benchy"),
            _route("GET", "/runs", Policy.READ, self.listing, "/api/benchy"),
            _route("GET", "/results", Policy.READ, self.results, "/api/benchy/results"),
            _route("GET", "/results/{id}", Policy.READ, self.result, "/api/benchy/results/{id}"),
            _route("DELETE", "/results/{id}", Policy.ADMIN, self.forget, "/api/benchy/results/{id}"),
            _route("GET", "/compare", Policy.READ, self.comparison, "/api/benchy/compare"),
            _route("GET", "/export", Policy.READ, self.export, "/api/benchy/export"),
            _route("GET", "/runs/{id}", Policy.READ, self.show, "/api/benchy/{id}"),
            _route("GET", "/runs/{id}/log/stream", Policy.READ, self.log_stream, "/api/benchy/{id}/log/stream"),
            _route("POST", "/runs/{id}/cancel", Policy.OPERATE, self.cancel, "/api/benchy/{id}/cancel"),
            _route("DELETE", "/runs/{id}", Policy.ADMIN, self.delete, "/api/benchy/{id}"),
        ]

    async def start(self, call: Call, _: Gateway) -> Reply:
        """Queue a run; answers its id at once."""
        bench = self.bench()
        if bench.is_disabled:
            return Reply.of_json({"error": "benchmarks are switched off (LLAMA_BENCHY_DISABLE)"}, 503)
        options = read_options(call.json(), now=time.time(), zone=datetime.now().astimezone().tzinfo or _utc())
        job = await bench.submit(options)
        return Reply.of_json({"id": job.id, "job": job.id, "status": run_document(job, "")["status"]})

    async def listing(self, _: Call, __: Gateway) -> Reply:
        """Every run that is remembered, newest first, without its output."""
        jobs = self.bench().lab.jobs(RUN)
        return Reply.of_json({"runs": [run_document(job, "") for job in jobs]})

    async def show(self, call: Call, _: Gateway) -> Reply:
        """One run, with the end of its output."""
        job = self._job(call)
        return Reply.of_json(run_document(job, await self.bench().lab.job_log(job.id)))

    async def cancel(self, call: Call, _: Gateway) -> Reply:
        """End a run with every process it has started."""
        job = self._job(call)
        if job.state.is_over:
            raise Conflict("this run has already ended")
        await self.bench().lab.cancel(job.id)
        return Reply.of_json({"status": "canceling"})

    async def log_stream(self, call: Call, _: Gateway) -> Reply:
        """The log of a run as it comes: where its job has it."""
        job = self._job(call)
        return Reply(307, {"Location": f"{'../' * 3}jobs/{job.id}/log/stream"}, b"")

    async def delete(self, call: Call, _: Gateway) -> Reply:
        """Forget a run that has ended, and its output; results stay."""
        self.bench().lab.delete_job(self._job(call).id)
        return Reply.of_json({"msg": "ok"})

    async def results(self, call: Call, _: Gateway) -> Reply:
        """Results: `?model=&recipe=`, newest first."""
        store = self.bench().store
        runs = await asyncio.to_thread(store.runs, call.query.get("model", ""), call.query.get("recipe", ""))
        return Reply.of_json({"results": [to_document(run) for run in runs], "broken": store.broken})

    async def result(self, call: Call, _: Gateway) -> Reply:
        """One result with every value."""
        return Reply.of_json(to_document(await self._run(call.match["id"])))

    async def forget(self, call: Call, _: Gateway) -> Reply:
        """Delete a result."""
        await asyncio.to_thread(self.bench().store.delete, call.match["id"])
        return Reply.of_json({"msg": "ok"})

    async def comparison(self, call: Call, _: Gateway) -> Reply:
        """Compare `?a=&b=`: is b better or worse? `max_regress` is the margin in percent."""
        a, b = await self._run(call.query.get("a", "")), await self._run(call.query.get("b", ""))
        margin = _percent(call.query.get("max_regress", "5"))
        found = await asyncio.to_thread(compare, a.result, b.result, margin=margin)
        scores = compare_scores(a.result, b.result, margin=margin)
        if not found and not scores:
            raise InvalidRequest("the two runs have no test in common", advice="run both with the same options")
        return Reply.of_json(comparison_document(a, b, found, scores, margin))

    async def export(self, call: Call, _: Gateway) -> Reply:
        """Results as a file: `?format=json|csv|markdown&id=&id=`; without ids all of them."""
        wanted = [part for part in call.query.get("ids", "").split(",") if part]
        store = self.bench().store
        runs = [await self._run(each) for each in wanted] or list(await asyncio.to_thread(store.runs))
        return exported(runs, call.query.get("format", "json"))

    def _job(self, call: Call) -> Job:
        job = self.bench().lab.job(JobId(call.match["id"]))
        if job is None or not job.kind.startswith(RUN):
            raise NotThere(f"there is no benchmark {call.match['id']!r}", advice="see GET /api/benchy")
        return job

    async def _run(self, run_id: str) -> Run:
        return await asyncio.to_thread(self.bench().store.run, run_id)


def _route(method: str, path: str, policy: Policy, handler: Any, public: str) -> Route:
    return Route(method=method, path=path, policy=policy, handler=handler, public_path=public)


def _utc() -> Any:
    from datetime import UTC  # noqa: PLC0415 - a machine without a zone

    return UTC


def _percent(text: str) -> float:
    try:
        value = float(text.rstrip("%")) / 100
    except ValueError:
        raise InvalidRequest(f"max_regress must be a percentage like 5%, not {text!r}") from None
    if not 0 <= value < 1:
        raise InvalidRequest(f"max_regress must be between 0% and 100%, not {text!r}")
    return value


def comparison_document(
    a: Run, b: Run, found: tuple[Comparison, ...], scores: tuple[ScoreComparison, ...], margin: float
) -> dict[str, Any]:
    """A comparison as JSON."""
    judged = [(each.verdict, each.change) for each in found] + [(each.verdict, each.change) for each in scores]
    return {
        "a": {"id": a.id, "model": a.provenance.model, "created": a.created},
        "b": {"id": b.id, "model": b.provenance.model, "created": b.created},
        "verdict": overall(verdict for verdict, _ in judged).value,
        "regresses": regresses(judged, margin),
        "margin": margin,
        "same_launch": bool(a.provenance.launch_hash) and a.provenance.launch_hash == b.provenance.launch_hash,
        "metrics": [
            {
                "metric": each.metric,
                "verdict": each.verdict.value,
                "change": each.change,
                "low": each.low,
                "high": each.high,
                "p": each.p,
                "superiority": each.superiority,
                "reason": each.reason,
                "points": [
                    {"test": str(p.point), "a": p.a.middle, "b": p.b.middle, "change": p.change} for p in each.points
                ],
            }
            for each in found
        ],
        "scores": [asdict(each) | {"verdict": each.verdict.value} for each in scores],
    }


def exported(runs: list[Run], form: str) -> Reply:
    """Results in the form that was asked for."""
    match form:
        case "json":
            return Reply.of_json({"results": [to_document(run) for run in runs]})
        case "csv":
            headers = {
                "Content-Type": "text/csv; charset=utf-8",
                "Content-Disposition": "attachment; filename=bench.csv",
            }
            return Reply(200, headers, _csv(runs).encode())
        case "markdown" | "md":
            return Reply(200, {"Content-Type": "text/markdown; charset=utf-8"}, markdown(runs).encode())
        case _:
            raise InvalidRequest(f"format must be json, csv or markdown, not {form!r}")


def _csv(runs: list[Run]) -> str:
    table = rows(runs)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(table[0]) if table else ["run"])
    writer.writeheader()
    writer.writerows({key: _harmless(value) for key, value in row.items()} for row in table)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A name that a spreadsheet would take for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@"} else value
