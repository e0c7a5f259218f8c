"""What every `JobFiles` must do."""

from __future__ import annotations

from attrs import evolve

from swaplab_core.domain.job import Job, JobId, JobState
from swaplab_core.domain.metering import Progress
from swaplab_core.ports import JobFiles
from swaplab_core.testing.contracts.scenario import Contract

FULL = Job(
    id=JobId("b"),
    kind="mine:build",
    title="Build ☃",
    state=JobState.FAILED,
    created=2.5,
    target="/srv/x",
    started=3.0,
    ended=4.0,
    start_at=2.75,
    step=1,
    steps=("one", "two"),
    progress=Progress("halfway", 0.5),
    waits_for=("lock",),
    input={"jobs": 8, "deep": {"list": [1, None, "x"]}},
    result={"image": "x:y"},
    error="it broke",
    command="make -j8",
    exit_code=2,
    author="me",
    retry_of="a",
)
EMPTY = Job(JobId("a"), "mine:nothing", "Nothing", JobState.QUEUED, 1.0)


class JobFilesContract(Contract[JobFiles]):
    """Inherit and implement `world`."""

    def test_jobs_come_back_as_they_were_oldest_first(self) -> None:
        async def scenario(files: JobFiles) -> None:
            assert await files.load() == []
            files.save(FULL)
            files.save(EMPTY)
            assert await files.load() == [EMPTY, FULL]

        self.run(scenario)

    def test_the_last_save_counts(self) -> None:
        async def scenario(files: JobFiles) -> None:
            for number in range(20):
                files.save(evolve(EMPTY, step=number))
            assert await files.load() == [evolve(EMPTY, step=19)]

        self.run(scenario)

    def test_a_log_is_read_from_any_offset_in_pieces(self) -> None:
        async def scenario(files: JobFiles) -> None:
            files.save(EMPTY)
            files.append(EMPTY.id, b"one\n")
            files.append(EMPTY.id, b"two\n")
            assert await files.read(EMPTY.id, 0, 100) == b"one\ntwo\n"
            assert await files.read(EMPTY.id, 4, 2) == b"tw"
            assert await files.read(EMPTY.id, 99, 10) == b""
            assert await files.read(JobId("nobody"), 0, 10) == b""
            assert [job.log_bytes for job in await files.load()] == [8]

        self.run(scenario)

    def test_a_deleted_job_is_gone_with_its_log(self) -> None:
        async def scenario(files: JobFiles) -> None:
            files.save(EMPTY)
            files.append(EMPTY.id, b"one\n")
            files.delete(EMPTY.id)
            files.delete(JobId("nobody"))
            assert await files.load() == []
            assert await files.read(EMPTY.id, 0, 100) == b""

        self.run(scenario)
