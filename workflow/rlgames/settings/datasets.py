"""Settings of the data sets."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.environments import Atari
from rlgames.settings.explanations import problem

Policy = Annotated[
    Annotated[Literal["random"], Tag("name")] | Annotated[TrainedRun, Tag("run")],
    Discriminator(lambda policy: "name" if isinstance(policy, str) else "run"),  # only what is wrong with that is told
]


class Dataset(Settings):
    """Frames of an Atari game: what a policy saw before each of its actions."""

    environment: Atari
    """The game. A data set contains the newest frame of each observation."""
    policy: Policy = "random"
    """The policy that plays: random actions, or a trained agent, whose evaluation episodes are replayed."""
    size: int = Field(default=40_000, ge=100, le=10_000_000)
    """Number of frames."""
    seed: int = Field(default=0, ge=0, le=1_000_000_000)
    """Seed of random play."""

    @property
    def megabytes(self) -> int:
        """Memory of its frames, in MB; they stay compressed in memory, at 1.4 kB for 84 x 84 pixels."""
        return int(self.size * (200 + 1200 * (self.environment.image_size / 84) ** 2)) // 1_000_000

    @model_validator(mode="after")
    def _memory_can_be_read(self) -> Dataset:
        for key in ("fire_reset", "fire_each_life"):
            if getattr(self.environment, key):
                raise problem(f"environment.{key}: the console's memory cannot be read in such games; leave it out")
        return self
