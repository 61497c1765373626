"""When the weights of a training are kept for good."""

KEPT = 10
"""Number of checkpoints, evenly over the budget; the last is the end. A training that stops early has fewer."""


def due(total: int, before: int, now: int) -> bool:
    """Whether a checkpoint falls among the steps since `before`, of `total` in all."""
    return passed(total / KEPT, before, now)


def passed(interval: float, before: int, now: int) -> bool:
    """Whether a multiple of `interval` lies in (before, now]."""
    return now // interval > before // interval
