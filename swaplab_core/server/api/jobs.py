"""Jobs: what runs, what ran, and what it printed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
from aiohttp import web
from attrs import define

from swaplab_core.domain.access import Policy
from swaplab_core.domain.errors import InvalidRequest
from swaplab_core.domain.events import Event, JobChanged, JobLogged
from swaplab_core.domain.job import Job, JobId, JobState
from swaplab_core.runtime.bus import Bus
from swaplab_core.runtime.jobs import Jobs
from swaplab_core.runtime.jobs.transcript import LogRecord
from swaplab_core.server.api.models import json_response
from swaplab_core.server.route import Endpoint, delete, get, post
from swaplab_core.server.security.sender import Sender
from swaplab_core.server.shapes.jobs import job_record, log_record
from swaplab_core.server.streams.sse import event_stream, last_event_id
from swaplab_core.services.plugins.actions import Actions

BATCH_SECONDS = 0.05
PAGE = 100
MOST = 500


@define(eq=False)
class JobRoutes:
    """The jobs, newest first. `?kind=` takes the beginning of a kind, `?state=` several separated by commas."""

    jobs: Jobs
    actions: Actions
    bus: Bus
    sender: Sender

    def routes(self) -> list[Endpoint]:
        """The route table."""
        return [
            get("/api/jobs", Policy.READ, self.listing),
            get("/api/jobs/{job}", Policy.READ, self.one),
            get("/api/jobs/{job}/log", Policy.READ, self.log),
            get("/api/jobs/{job}/log/stream", Policy.READ, self.follow),
            post("/api/jobs/{job}/cancel", Policy.OPERATE, self.cancel),
            post("/api/jobs/{job}/retry", Policy.OPERATE, self.retry),
            delete("/api/jobs/{job}", Policy.ADMIN, self.delete),
        ]

    async def listing(self, request: web.Request) -> web.Response:
        """Jobs: `?kind=&state=&target=&limit=`."""
        query = request.query
        wanted = (
            {state.value for state in JobState} & set(query.get("state", "").split(",")) if "state" in query else None
        )
        limit = min(whole_number(request, "limit") or PAGE, MOST)
        found = [
            job
            for job in self.jobs.all()
            if job.kind.startswith(query.get("kind", ""))
            and (wanted is None or job.state.value in wanted)
            and query.get("target", job.target) == job.target
        ]
        return json_response({"jobs": [job_record(job) for job in found[:limit]], "total": len(found)})

    async def one(self, request: web.Request) -> web.Response:
        """One job."""
        return json_response(job_record(self._job(request)))

    async def log(self, request: web.Request) -> web.Response:
        """A page of the log: `?offset=`, to be followed from `next`; as text with `?format=text`."""
        job = self._job(request)
        offset = whole_number(request, "offset") or 0
        if request.query.get("format") == "text":
            lines = [line async for line in self.jobs.text(job.id, offset)]
            return web.Response(text="".join(f"{line}\n" for line in lines), content_type="text/plain")
        records = await self.jobs.log(job.id, offset)
        last = records[-1].end if records else offset
        shown = [log_record(record, f"job:{job.id}") for record in records]
        return json_response(
            {"lines": shown, "next": last, "end": self.jobs.find(job.id).log_bytes, "state": job.state.value}
        )

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Follow the log as events from `?offset=` on; ends with the job."""
        job = self._job(request)
        resumed = last_event_id(request)
        offset = resumed if resumed is not None else whole_number(request, "offset") or 0
        async with event_stream(request) as response:
            async for records in self._news(job.id, offset):
                await response.write(b"".join(_line(record, job.id) for record in records))
            ended = orjson.dumps(job_record(self.jobs.get(job.id) or job))
            await response.write(b"event: end\ndata: %b\n\n" % ended)
        return response

    async def cancel(self, request: web.Request) -> web.Response:
        """End a job; answers when it has ended."""
        return json_response({"job": job_record(await self.jobs.cancel(self._job(request).id))})

    async def retry(self, request: web.Request) -> web.Response:
        """Do once more what a job did."""
        job = self._job(request)
        self.sender.demand(request, self._policy(job))
        again = await self.actions.retry(job.id, author=self.sender.name(request))
        return web.Response(status=202, body=orjson.dumps({"job": job_record(again)}), content_type="application/json")

    async def delete(self, request: web.Request) -> web.Response:
        """Forget a job that is over."""
        self.jobs.delete(self._job(request).id)
        return web.Response(status=204)

    def _job(self, request: web.Request) -> Job:
        return self.jobs.find(JobId(request.match_info["job"]))

    def _policy(self, job: Job) -> Policy:
        """What the action asks for; what is not known any more is for the administrator."""
        return next((o.action.spec.policy for o in self.actions.all() if o.id == job.kind), Policy.ADMIN)

    async def _news(self, job: JobId, offset: int) -> AsyncIterator[list[LogRecord]]:
        """Records as they come, until the job is over or the daemon ends."""

        def concerns(event: Event) -> bool:
            return isinstance(event, JobChanged | JobLogged) and event.job == job

        with self.bus.subscribe(JobChanged, JobLogged) as subscription:
            while not subscription.is_closed:
                known = self.jobs.get(job)
                while records := await self.jobs.log(job, offset) if known else []:
                    yield records
                    offset = records[-1].end
                if known is None or known.state.is_over:
                    return
                await subscription.wait_for(concerns)
                await asyncio.sleep(BATCH_SECONDS)


def _line(record: LogRecord, job: JobId) -> bytes:
    """The id is where to go on after it."""
    return b"event: line\nid: %d\ndata: %b\n\n" % (record.end, orjson.dumps(log_record(record, f"job:{job}")))


def whole_number(request: web.Request, name: str) -> int | None:
    """A number of the query. Raises InvalidRequest."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise InvalidRequest(f"{name} must be a whole number, not {text!r}")
    return int(text)
