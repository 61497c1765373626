"""Settings of the games."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.explanations import problem


class MountainCar(Settings):
    """Gymnasium's Mountain Car without a time limit: an under-powered car learns to swing out of a valley."""

    module: ClassVar[str] = "rlgames.training.mountain_car"
    name: Literal["mountain-car"]
    max_steps: int = Field(default=100_000, ge=1, le=10_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""
    start: list[Annotated[float, Field(ge=-1.2, lt=0.5)]] = Field(default=[-0.6, -0.4], min_length=2, max_length=2)
    """Range of the first position, which is uniformly random in it; two equal numbers fix it."""

    @model_validator(mode="after")
    def _start_ascends(self) -> MountainCar:
        if self.start[0] > self.start[1]:
            raise problem(f"start: give the lower end first, not {self.start}")
        return self


DIMENSIONS = {"CartPole-v1": 4, "Acrobot-v1": 6}
"""Of the observations of Gymnasium's environments."""


class Gymnasium(Settings):
    """One of Gymnasium's other games with a continuous state, played by agents that name it below."""

    module: ClassVar[str] = "rlgames.training.gymnasium"
    name: Literal["gymnasium"]
    id: Literal["CartPole-v1", "Acrobot-v1"]
    """Gymnasium's name of the game."""
    low: list[float]
    """Lower bound of each dimension for the features; an observation beyond it is clipped."""
    high: list[float]
    """Upper bound of each dimension."""
    max_steps: int = Field(default=500, ge=1, le=10_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""

    @model_validator(mode="after")
    def _bounds_fit(self) -> Gymnasium:
        if not len(self.low) == len(self.high) == DIMENSIONS[self.id]:
            raise problem(f"low and high: {self.id} has {DIMENSIONS[self.id]} dimensions; give a number for each")
        if any(low >= high for low, high in zip(self.low, self.high, strict=True)):
            raise problem("low and high: each lower bound must be below its upper bound")
        return self


Environment = Annotated[MountainCar | Gymnasium, Field(discriminator="name")]
