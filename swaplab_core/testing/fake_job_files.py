"""Jobs kept in memory: the fake of the port `JobFiles`."""

from __future__ import annotations

from attrs import define, evolve, field

from swaplab_core.domain.job import Job, JobId


@define(eq=False)
class FakeJobFiles:
    """Keeps what it is given; hand it to a second runner to play a restart."""

    jobs: dict[JobId, Job] = field(factory=dict)
    logs: dict[JobId, bytearray] = field(factory=dict)

    async def load(self) -> list[Job]:
        """Every job, oldest first."""
        jobs = [evolve(job, log_bytes=len(self.logs.get(job.id, b""))) for job in self.jobs.values()]
        return sorted(jobs, key=lambda job: (job.created, job.id))

    def save(self, job: Job) -> None:
        """Keep a job."""
        self.jobs[job.id] = job

    def append(self, job: JobId, data: bytes) -> None:
        """Add to its log."""
        self.logs.setdefault(job, bytearray()).extend(data)

    async def read(self, job: JobId, offset: int, limit: int) -> bytes:
        """Read of its log."""
        return bytes(self.logs.get(job, b"")[offset : offset + limit])

    def delete(self, job: JobId) -> None:
        """Forget it."""
        self.jobs.pop(job, None)
        self.logs.pop(job, None)
