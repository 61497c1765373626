"""What an attempt at a training asks of it, whatever learns: agents that play, auto-encoders, agents that predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

Arrays = dict[str, np.ndarray]


class Training(Protocol):
    """A training at some point. `advance` is its only way forward; `state` and `restore` carry it over a kill."""

    unit: str
    """Unit of the budget, `total`, and of `done`."""
    total: int
    diverged: bool

    @property
    def done(self) -> int: ...
    @property
    def finished(self) -> bool: ...
    @property
    def remark(self) -> str:
        """A remark on its progress, such as its mean return."""

    def begin(self) -> None:
        """Start at the beginning."""

    def advance(self) -> bool:
        """Learn a little; True when the current weights are to be kept for good."""

    def weights(self) -> Arrays: ...
    def state(self) -> Arrays:
        """All that is needed to resume."""

    def restore(self, state: Arrays, advanced: Callable[[int, int], None]) -> None:
        """Resume from `state`; `advanced` is told of steps that are played again: how many, and of how many."""
