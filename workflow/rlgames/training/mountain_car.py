"""Linear agents over tiles on Mountain Car, compiled."""

from __future__ import annotations

from typing import Any

from rlgames.agents.linear.core import Learned
from rlgames.environments import mountain_car
from rlgames.features.tile_coding import Coding, Range
from rlgames.streams import Purpose, stream


def ranges(environment: dict[str, Any]) -> tuple[Range, Range]:  # noqa: ARG001 (one for every environment)
    """Bounds of the box over which features are scaled."""
    return mountain_car.LOW, mountain_car.HIGH


def train(
    agent: Any, seed: int, coding: Coding, environment: dict[str, Any], *, episodes: int, defect: str | None = None,
    **settings: Any,
) -> Learned:  # fmt: skip
    """Let the module `agent` learn from zero weights, with the random streams of `seed`.

    `environment` has `max_steps`, and the range `start` of the first position; `settings` are those of `agent.learn`.
    With `defect`, the position that an episode would begin with by default counts as well in its first state.
    """
    max_steps = environment["max_steps"]
    rows = mountain_car.ACTIONS + getattr(agent, "VALUE_ROWS", 0)
    learned = Learned.empty(rows, coding.features, episodes, max_steps)
    positions = mountain_car.starts(stream(seed, Purpose.ENVIRONMENT), episodes, environment["start"])
    if defect is not None:
        settings["also"] = mountain_car.starts(stream(seed, Purpose.ENVIRONMENT), episodes)
    agent.learn(positions, max_steps, coding, stream(seed, Purpose.EXPLORATION), learned, **settings)
    return learned
