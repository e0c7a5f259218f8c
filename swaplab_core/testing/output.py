"""What a started process printed, collected for a test."""

from __future__ import annotations

from attrs import define, field

from swaplab_core.testing.waiting import wait_until_async


@define(eq=False)
class Output:
    """Pass it to `Processes.start`: it keeps every chunk."""

    data: bytearray = field(factory=bytearray)

    def __call__(self, chunk: bytes) -> None:
        """Take what comes."""
        self.data += chunk

    @property
    def lines(self) -> list[str]:
        """The complete lines so far."""
        return self.data.decode(errors="replace").split("\n")[:-1]

    async def wait_for_lines(self, count: int) -> list[str]:
        """Return the first `count` lines as soon as they are there."""
        await wait_until_async(lambda: len(self.lines) >= count, f"{count} lines of output, there is {self.data!r}")
        return self.lines[:count]
