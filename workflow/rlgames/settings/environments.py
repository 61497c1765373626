"""Settings of the games."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.explanations import problem, unknown


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


GAMES = Path(find_spec("ale_py").submodule_search_locations[0], "roms")  # type: ignore[union-attr, index]


class Atari(Settings):
    """An Atari game from pixels, with the preprocessing of Mnih et al. (2015)."""

    module: ClassVar[str] = "rlgames.environments.atari"
    name: Literal["atari"]
    game: str
    """The game, as ALE names it: pong, breakout, space_invaders, ..."""
    frame_skip: int = Field(default=4, ge=1, le=60)
    """Frames of the emulator per step; the action is held."""
    stack: int = Field(default=4, ge=1, le=16)
    """Frames in an observation, one per step."""
    stack_select: Literal["all", "first-last"] = "all"
    """Keep all frames of the stack, or the first and the last of them."""
    image_size: int = Field(default=84, ge=36, le=210, multiple_of=4)
    """Height and width that frames are resized to, in pixels; a multiple of 4."""
    actions: Literal["minimal", "full", "three"] = "minimal"
    """The actions that the game uses, all 18 of the console, or three (Pong: stay, up, down)."""
    sticky: float = Field(default=0.0, ge=0, lt=1)
    """Sticky actions: the probability with which the emulator repeats the previous action in a frame."""
    noop_max: int = Field(default=30, ge=0, le=1000)
    """An episode starts after 1 to so many frames without an action, at random; 0 for none."""
    life_loss_terminal: bool = False
    """Learn as if a lost life ended the game, which goes on."""
    reward_terminal: bool = False
    """Learn as if a reward ended the game, which goes on: where each rally stands for itself, as in Pong."""
    fire_reset: bool = False
    """Press FIRE after a reset, where the game has that action."""
    max_steps: int = Field(default=27_000, ge=1, le=1_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""

    @model_validator(mode="after")
    def _game_exists(self) -> Atari:
        games = sorted(path.stem for path in GAMES.glob("*.bin"))
        if self.game not in games:
            raise problem(f"game: {unknown('game', self.game, games)}")
        if self.actions == "three" and self.game != "pong":
            raise problem(f"actions: three are for pong; {self.game} needs minimal or full")
        return self


class DatasetFrames(Settings):
    """No game, but the frames of a data set."""

    module: ClassVar[str] = "rlgames.frames"
    name: Literal["frames"]
    dataset: str
    """Its name, below `datasets`."""


Environment = Annotated[MountainCar | Gymnasium | Atari | DatasetFrames, Field(discriminator="name")]
