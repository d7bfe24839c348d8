"""Progress of a run: one living line on a terminal, one line a minute elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from vla_backfire.episodes import Episode

QUIET_S = 60.0
LIVELY_S = 0.2


class Line:
    """Shows how far a run is; call it after every episode, use it in a `with`."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lively = stream.isatty()
        self._began_s = self._shown_s = time.monotonic()
        self._n_here = self._n_missing = 0
        self._text = ""

    def __call__(self, played: int, planned: int, episode: Episode) -> None:
        """One more episode has been kept."""
        self._n_here += 1
        self._n_missing += episode.fault is not None
        now_s = time.monotonic()
        rate = self._n_here / max(now_s - self._began_s, 1e-9)
        left_s = (planned - played) / rate
        self._text = (
            f"{played}/{planned} episodes, {rate:.1f} a second, "
            f"{left_s // 60:.0f} min {left_s % 60:02.0f} s left, {self._n_missing} missing"
        )
        if now_s - self._shown_s >= (LIVELY_S if self._lively else QUIET_S) or played == planned:
            self._shown_s = now_s
            self._show()

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lively and self._text:
            self._show()
            self._stream.write("\n")

    def _show(self) -> None:
        if self._lively:
            self._stream.write(f"\r\x1b[K{self._text}")
        else:
            self._stream.write(f"{self._text}\n")
        self._stream.flush()
