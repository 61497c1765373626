"""Settings of the games."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.explanations import problem
from rlgames.settings.names import FOR_TWO, atari_game, atari_games, unknown
from rlgames.settings.registry import Facts, facts


class GameSettings(Settings):
    """What all games share."""

    module: ClassVar[str]
    """Module of the game."""
    tiles_training: ClassVar[str] = ""
    """Module that trains linear agents over tiles in it."""
    steps_per_second: ClassVar[float] = math.inf
    """Steps that the game itself takes, where it is what limits the speed."""

    @property
    def game_name(self) -> str:
        """As figures call it."""
        raise NotImplementedError

    @property
    def observation_shape(self) -> tuple[int, ...]:
        """Shape of an observation, with frames of a stack as channels."""
        return (2,)

    @property
    def most_actions(self) -> int:
        """Actions, at most."""
        return 3

    @property
    def is_drawn(self) -> bool:
        """Whether there are pictures of it for people."""
        return True

    @property
    def frames_per_step(self) -> int:
        """Frames of an emulator that a step takes; 1 where there is none."""
        return 1

    @property
    def ends_at_rewards(self) -> bool:
        """Whether a reward counts as the end of the game, for learning."""
        return False

    @property
    def ends_at_lost_lives(self) -> bool:
        """Whether a lost life counts as the end of the game, for learning."""
        return False

    @property
    def clips_rewards(self) -> bool:
        """Whether rewards are clipped to [-1, 1] for learning."""
        return True


class MountainCar(GameSettings):
    """Gymnasium's Mountain Car without its time limit: an underpowered car learns to swing out of a valley."""

    module: ClassVar[str] = "rlgames.environments.mountain_car"
    tiles_training: ClassVar[str] = "rlgames.training.mountain_car"
    name: Literal["mountain-car"]
    max_steps: int = Field(default=100_000, ge=1, le=10_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""
    start: list[Annotated[float, Field(ge=-1.2, lt=0.5)]] = Field(default=[-0.6, -0.4], min_length=2, max_length=2)
    """Range of the initial position, which is drawn uniformly from it; two equal numbers fix it."""

    @model_validator(mode="after")
    def _start_ascends(self) -> MountainCar:
        if self.start[0] > self.start[1]:
            raise problem(f"start: give the lower end first, not {self.start}")
        return self


RESERVED = {"id", "render_mode", "max_episode_steps", "disable_env_checker"}
"""Arguments of `gymnasium.make` that are not for a config."""


class Gymnasium(GameSettings):
    """Any Gymnasium environment with discrete actions, Box2D's and MinAtar's included.

    Linear agents over tiles need `low` and `high`; deep agents take the observations unchanged.
    """

    module: ClassVar[str] = "rlgames.environments.gymnasium"
    tiles_training: ClassVar[str] = "rlgames.training.gymnasium"
    steps_per_second: ClassVar[float] = 3000
    name: Literal["gymnasium"]
    id: str
    """Gymnasium's id of the environment, such as CartPole-v1, LunarLander-v3 or MinAtar/Breakout-v1; `module:Name-v0`
    for one that is registered when a module of another package is imported."""
    kwargs: dict[str, bool | int | float | str] = Field(default={})
    """Keyword arguments of the environment, such as `{enable_wind: true}`."""
    max_steps: int | None = Field(default=None, ge=1, le=10_000_000)
    """Steps after which an episode is cut off, and reported as truncated; by default, the environment's own limit,
    which ends an episode as intended, and is recorded as `time limit`."""
    low: Annotated[list[float], Field(min_length=1)] | None = None
    """Lower bound of each dimension for tile coding; observations are clipped to the bounds."""
    high: Annotated[list[float], Field(min_length=1)] | None = None
    """Upper bound of each dimension for tile coding."""
    clip_rewards: bool = False
    """Whether rewards are clipped to [-1, 1] for learning, as on Atari."""

    @model_validator(mode="after")
    def _can_be_played(self) -> Gymnasium:
        if reserved := RESERVED & self.kwargs.keys():
            raise problem(f"kwargs: {', '.join(sorted(reserved))} cannot be set here; leave it out")
        limit = self.facts.limit
        if self.max_steps is None and limit is None:
            raise problem(f"max_steps: {self.id} has no time limit of its own; give one")
        if self.max_steps is None:
            self.__dict__["max_steps"] = limit  # so that it is in the spec, whatever Gymnasium says later
        return self

    @model_validator(mode="after")
    def _bounds_fit(self) -> Gymnasium:
        shape, given = self.facts.shape, self.low is not None or self.high is not None
        if given and not (len(shape) == 1 and len(self.low or []) == len(self.high or []) == shape[0]):
            raise problem(
                f"low and high: observations of {self.id} have the shape {shape}; give a number for each "
                "dimension; pictures take neither key"
            )
        if any(low >= high for low, high in zip(self.low or [], self.high or [], strict=False)):
            raise problem("low and high: each lower bound must be below its upper bound")
        return self

    @property
    def facts(self) -> Facts:
        """What Gymnasium knows of it."""
        return facts(self.id, self.kwargs)

    @property
    def game_name(self) -> str:
        return self.id.rpartition(":")[2]

    @property
    def observation_shape(self) -> tuple[int, ...]:
        return self.facts.shape

    @property
    def most_actions(self) -> int:
        return self.facts.actions

    @property
    def is_drawn(self) -> bool:
        return self.facts.is_drawn

    @property
    def frame_bytes(self) -> int:
        return self.facts.bytes

    @property
    def clips_rewards(self) -> bool:
        return self.clip_rewards


class Atari(GameSettings):
    """An Atari game from pixels, with the preprocessing of Mnih et al. (2015)."""

    module: ClassVar[str] = "rlgames.environments.atari"
    name: Literal["atari"]
    game: str
    """ALE's name of the game, such as pong, breakout or space_invaders."""
    frame_skip: int = Field(default=4, ge=1, le=60)
    """Emulator frames per step, for which the action is repeated."""
    stack: int = Field(default=4, ge=1, le=16)
    """Frames in an observation, one per step."""
    stack_select: Literal["all", "first-last"] = "all"
    """Frames of the stack that an observation keeps: all, or the first and the last."""
    image_size: int = Field(default=84, ge=36, le=210, multiple_of=4)
    """Height and width that frames are resized to, in pixels; a multiple of 4."""
    actions: Literal["minimal", "full", "three"] = "minimal"
    """Action set: the actions that the game uses (`minimal`), all 18 of the console (`full`), or `three` (for Pong:
    stay, up, down)."""
    sticky: float = Field(default=0.0, ge=0, lt=1)
    """Sticky actions: probability that the emulator repeats the previous action in a frame."""
    noop_max: int = Field(default=30, ge=0, le=1000)
    """An episode starts after a random number of no-op frames, from 0 to `noop_max` - 1; 0 for none. (The paper has 1
    to 30.)"""
    life_loss_terminal: bool = False
    """Whether a lost life counts as terminal for learning, while the game goes on."""
    reward_terminal: bool = False
    """Whether a reward counts as terminal for learning, while the game goes on: for games made of separate rallies,
    such as Pong."""
    fire_reset: bool = False
    """Whether FIRE is pressed after a reset, if the game has that action."""
    fire_each_life: bool = False
    """Whether FIRE is pressed in the first step of each life, whatever the agent's action, if the game has that action:
    in Breakout the ball waits for it, and an agent that never chooses it would wait until the episode is cut off."""
    max_steps: int = Field(default=27_000, ge=1, le=1_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""

    @model_validator(mode="after")
    def _game_exists(self) -> Atari:
        if self.game in FOR_TWO:
            raise problem(f"game: {self.game} takes two players, and here one agent plays; choose another game")
        if self.game not in atari_games():
            game = atari_game(self.game)
            hint = f"there is no game {self.game!r}; did you mean {game!r}?" if game else ""
            raise problem(f"game: {hint or unknown('game', self.game, atari_games())}")
        if self.actions == "three" and self.game != "pong":
            raise problem(f"actions: three is only for pong; choose minimal or full for {self.game}")
        return self

    @property
    def game_name(self) -> str:
        return self.game

    @property
    def observation_shape(self) -> tuple[int, ...]:
        shown = min(2, self.stack) if self.stack_select == "first-last" else self.stack
        return (self.image_size, self.image_size, shown)

    @property
    def most_actions(self) -> int:
        return 18

    @property
    def frames_per_step(self) -> int:
        return self.frame_skip

    @property
    def ends_at_rewards(self) -> bool:
        return self.reward_terminal

    @property
    def ends_at_lost_lives(self) -> bool:
        return self.life_loss_terminal

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame in a replay buffer."""
        return self.image_size**2


class DatasetFrames(Settings):
    """The frames of a data set, in place of a game."""

    module: ClassVar[str] = "rlgames.encoders.frames"
    name: Literal["frames"]
    dataset: str
    """Name of the data set, under `datasets`."""
    judged_on: str | None = None
    """Name of a second data set, which encoders are also judged on and never learn from."""


Environment = Annotated[MountainCar | Gymnasium | Atari | DatasetFrames, Field(discriminator="name")]
