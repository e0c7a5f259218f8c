"""When the tokens of a stream came, by our own clock: first, mean and 95th percentile, in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from operator import sub

from attrs import define, field

from swaplab_core.domain.histogram import percentile

MAX_GAPS = 4096


@define(eq=False)
class TokenTimes:
    """`add` takes seconds, the rest answers milliseconds.

    Of a long stream every second gap is kept, then every fourth and so on; that changes the percentile little and the
    mean not at all. Tokens that come together have no gap between them: this is what a reader sees.
    """

    _first: float | None = field(default=None, init=False)
    _last: float = field(default=0.0, init=False)
    _tokens: int = field(default=0, init=False)
    _gaps: array[float] = field(factory=lambda: array("d"), init=False)
    _stride: int = field(default=1, init=False)

    def add(self, tokens: int, now: float) -> None:
        """So many tokens have come together."""
        if self._first is None:
            self._first = now
            self._last = now
            self._tokens = 1
            tokens -= 1
        if tokens:
            self._keep(now - self._last)
        if tokens > 1:
            self._keep_zeros(tokens - 1)
        self._last = now

    def add_each(self, moments: Sequence[float]) -> None:
        """One token at each of these moments."""
        if self._first is None or self._stride > 1 or len(self._gaps) + len(moments) > MAX_GAPS:
            for moment in moments:
                self.add(1, moment)
            return
        self._gaps.extend(map(sub, moments, (self._last, *moments[:-1])))
        self._tokens += len(moments)
        self._last = moments[-1]

    def first_ms(self, started: float) -> float | None:
        """From `started` to the first token; None without one."""
        return None if self._first is None else (self._first - started) * 1000

    def mean_ms(self) -> float | None:
        """Between two tokens, on average; None with fewer than two."""
        if self._first is None or self._tokens < 2:
            return None
        return (self._last - self._first) * 1000 / (self._tokens - 1)

    def p95_ms(self) -> float | None:
        """19 of 20 gaps are no longer than this; None with fewer than two tokens."""
        return percentile(sorted(self._gaps), 0.95) * 1000 if self._gaps else None

    def _keep(self, gap: float) -> None:
        self._tokens += 1
        if self._tokens % self._stride == 0:
            self._gaps.append(gap)
            if len(self._gaps) > MAX_GAPS:
                self._thin()

    def _keep_zeros(self, count: int) -> None:
        """At once what `_keep(0.0)` would do one after the other, but for when the gaps are thinned."""
        before, self._tokens = self._tokens, self._tokens + count
        self._gaps.frombytes(bytes(self._gaps.itemsize * (self._tokens // self._stride - before // self._stride)))
        self._thin()

    def _thin(self) -> None:
        while len(self._gaps) > MAX_GAPS:
            self._gaps = self._gaps[::2]
            self._stride *= 2
