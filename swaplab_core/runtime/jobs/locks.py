"""Who waits for whom: locks by name, given in the order in which they were asked for. Pure."""

from __future__ import annotations

from attrs import define, field

from swaplab_core.domain.job import JobId


@define(eq=False)
class LockQueue:
    """One queue for all locks. A job may go on when nobody before it wants one of its locks.

    So a job that waits for one lock also keeps its place for the others, and nobody starves.
    """

    _wanted: dict[JobId, frozenset[str]] = field(factory=dict, init=False)

    def join(self, job: JobId, locks: frozenset[str]) -> None:
        """Stand at the end."""
        self._wanted[job] = locks

    def leave(self, job: JobId) -> None:
        """Give back what the job holds, or its place; harmless when it has none."""
        self._wanted.pop(job, None)

    def waits_for(self, job: JobId) -> tuple[str, ...]:
        """The locks that somebody before it holds or wants; none when it may go on."""
        mine = self._wanted[job]
        found: set[str] = set()
        for other, locks in self._wanted.items():
            if other == job:
                break
            found |= locks & mine
        return tuple(sorted(found))
