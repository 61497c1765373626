"""Settings of linear agents: over tiles, and over features of Atari games."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings import memory
from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.explanations import problem
from rlgames.settings.learner import (
    PLAIN_MB,
    TENSORFLOW_MB,
    AgentSettings,
    Exploration,
    FallingStepSize,
    GameAgent,
    PredictingAgent,
)


class Additive(Settings):
    """Additive coding: one active feature for each dimension, the bin of its value."""

    name: Literal["additive"]
    tiles: int = Field(default=8, ge=1, le=1000)
    """Bins per dimension."""


class Tiled(Settings):
    """Tile coding: one active tile in each of several overlapping grids, displaced by 1, 3, 5, ... per dimension."""

    name: Literal["tiled"]
    tiles: int = Field(default=8, ge=1, le=1000)
    """Tiles per dimension."""
    tilings: int = Field(default=8, ge=1, le=1000)
    """Overlapping grids."""
    defect: Literal["two-first-positions"] | None = None
    """A defect of the lesson, for reproducing its picture: in the first state of an episode, the tiles of a random
    position in (-0.6, -0.4) are active in addition to those of the true one. Only for Sarsa."""


class Hashed(Tiled):
    """Tile coding with hashing: the index of a tile is its number modulo the size of a table, and tiles that collide
    share a weight."""

    name: Literal["hashed"]  # type: ignore[assignment]
    size: int = Field(default=1024, ge=1, le=100_000_000)
    """Size of the table."""


class IndexHashed(Hashed):
    """Tile coding with an index hash table: tiles get their indices in the order in which they are first seen."""

    name: Literal["index-hashed"]  # type: ignore[assignment]


ROW_BYTES = 90
"""Of an episode, while a block of seeds is trained: in the table of the seed, in that of the block, and as Parquet."""


class LinearAgent(AgentSettings):
    """What all linear agents over tiles share. Initial weights are zero, which is optimistic where rewards are -1."""

    rule: ClassVar[str] = "train_linear"
    unit: ClassVar[str] = "episodes"
    plays: ClassVar[frozenset[str]] = frozenset({"mountain-car"})
    products: ClassVar[tuple[str, ...]] = ("weights", "episodes", "recordings", "manifest")
    tables: ClassVar[tuple[str, ...]] = ("final-scores",)
    in_blocks: ClassVar[bool] = True
    steps_per_second: ClassVar[float] = 8e6
    value_rows: ClassVar[int] = 0
    """Rows of the weights besides one for each action."""
    coding: Annotated[Additive | Tiled | Hashed | IndexHashed, Field(discriminator="name")]
    """Coding that turns a state into active features."""
    discount: float = Field(default=1.0, ge=0, le=1)
    """Discount γ."""

    @model_validator(mode="after")
    def _defect_is_known(self) -> LinearAgent:
        if isinstance(self.coding, Tiled) and self.coding.defect is not None and self.name != "sarsa":
            raise problem(f"coding.defect: {self.coding.defect} is a defect of sarsa only; leave it out")
        return self

    def training_in(self, environment: Any) -> str:
        return environment.tiles_training

    def weights_bytes(self, environment: Any) -> int:
        """Of one seed."""
        rows = environment.most_actions + self.value_rows
        return 8 * rows * memory.features(self.coding, environment.observation_shape[0])

    def episode_bytes(self, environment: Any) -> int:  # noqa: ARG002 (others need it)
        """Of an episode that is kept until it has ended."""
        return 0

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:
        """Weights of all seeds, kept and as they are published, and those and the traces of one that learns; the
        coding; rows of episodes; an episode."""
        weights = (2 * seeds + 2) * self.weights_bytes(environment)
        coding = memory.coding_bytes(self.coding, environment.observation_shape[0])
        episodes = seeds * budget * ROW_BYTES + self.episode_bytes(environment)
        return self.memory_mb + memory.beyond(weights + coding + episodes)

    def playing_mb(self, environment: Any) -> int:
        return self.weights_bytes(environment) // 1_000_000

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:
        rate = min(self.steps_per_second, environment.steps_per_second)
        return 1.2 + seeds * budget * 200 / rate


class ActionValueAgent(LinearAgent):
    """What agents share that act ε-greedily on linear action values."""

    estimates_values: ClassVar[bool] = True
    step_size: float = Field(gt=0, le=10)
    """Step size α of a single weight: α = .1/8 is 0.0125."""
    epsilon: float = Field(default=0.0, ge=0, le=1)
    """Exploration rate ε: the probability of a random action."""


class Sarsa(ActionValueAgent):
    """Episodic semi-gradient Sarsa (Sutton and Barto 2018, section 10.1)."""

    module: ClassVar[str] = "rlgames.agents.linear.sarsa"
    name: Literal["sarsa"]


class ExpectedSarsa(ActionValueAgent):
    """Expected Sarsa (section 6.6)."""

    module: ClassVar[str] = "rlgames.agents.linear.expected_sarsa"
    name: Literal["expected-sarsa"]


class QLearning(ActionValueAgent):
    """Q-learning (section 6.5)."""

    module: ClassVar[str] = "rlgames.agents.linear.q_learning"
    name: Literal["q-learning"]


class NStepSarsa(ActionValueAgent):
    """n-step Sarsa (section 10.2)."""

    module: ClassVar[str] = "rlgames.agents.linear.n_step_sarsa"
    name: Literal["n-step-sarsa"]
    n: int = Field(ge=1, le=1000)
    """Rewards in an n-step return before it bootstraps."""


class SarsaLambda(ActionValueAgent):
    """Sarsa(λ) with eligibility traces (section 12.7)."""

    module: ClassVar[str] = "rlgames.agents.linear.sarsa_lambda"
    steps_per_second: ClassVar[float] = 1.5e6
    name: Literal["sarsa-lambda"]
    traces: Literal["accumulating", "replacing", "clearing"]
    """Traces that add up (`accumulating`), that are set to 1 (`replacing`), or that are set to 1 and cleared for the
    actions not taken (`clearing`)."""
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""


class TrueOnlineSarsaLambda(ActionValueAgent):
    """True online Sarsa(λ) (section 12.7)."""

    plays: ClassVar[frozenset[str]] = frozenset({"mountain-car", "gymnasium"})
    steps_per_second: ClassVar[float] = 1.5e6
    module: ClassVar[str] = "rlgames.agents.linear.true_online_sarsa_lambda"
    name: Literal["true-online-sarsa-lambda"]
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""


class PolicyAgent(LinearAgent):
    """What agents share that learn a policy, the softmax of linear preferences, and a linear state value over the same
    tiles. Initial weights are zero, so that all actions are equally likely at first."""

    plays: ClassVar[frozenset[str]] = frozenset({"mountain-car", "gymnasium"})
    value_rows: ClassVar[int] = 1
    policy_step_size: float = Field(gt=0, le=10)
    """Step size of the policy, the textbook's α^θ, of a single weight: .1/8 is 0.0125."""
    value_step_size: float = Field(gt=0, le=10)
    """Step size of the state value, the textbook's α^w, of a single weight."""


class ReinforceBaseline(PolicyAgent):
    """REINFORCE with baseline (section 13.4), which learns at the end of an episode. If an episode is cut off, the
    state value stands for the rewards that would have followed."""

    module: ClassVar[str] = "rlgames.agents.linear.reinforce_baseline"
    steps_per_second: ClassVar[float] = 4e6
    name: Literal["reinforce-baseline"]

    def episode_bytes(self, environment: Any) -> int:
        """Tiles, action, reward and return of each step of the longest episode."""
        return 8 * (getattr(self.coding, "tilings", environment.observation_shape[0]) + 3) * environment.max_steps


class ActorCriticLambda(PolicyAgent):
    """Actor-critic with eligibility traces (section 13.5, episodic); with decays of 0, one-step actor-critic."""

    module: ClassVar[str] = "rlgames.agents.linear.actor_critic_lambda"
    steps_per_second: ClassVar[float] = 1.5e6
    name: Literal["actor-critic-lambda"]
    policy_trace_decay: float = Field(ge=0, le=1)
    """Trace decay of the policy, the textbook's λ^θ."""
    value_trace_decay: float = Field(ge=0, le=1)
    """Trace decay of the state value, the textbook's λ^w."""


class FeatureSettings(Settings):
    """What all features share."""

    module: ClassVar[str]
    memory_mb: ClassVar[int] = PLAIN_MB
    """Memory of a job, besides weights and games."""
    tells_places: ClassVar[bool] = False
    """Whether they know where things are on the screen, so that videos can show it."""

    @property
    def trained_encoder(self) -> TrainedRun | None:
        """The run that trained the encoder, if these features have one."""
        return None

    @property
    def weights(self) -> int:
        """Weights of an action, or a few more."""
        return 24_000

    @property
    def numbers(self) -> int:
        """Numbers that describe a moment, or a few more; of latent variables, their encoder knows."""
        return 32


class Latents(FeatureSettings):
    """Latent variables of an auto-encoder for the newest frame and the one before."""

    module: ClassVar[str] = "rlgames.features.latents"
    memory_mb: ClassVar[int] = TENSORFLOW_MB
    name: Literal["latents"]
    encoder: TrainedRun
    """The run that trained the auto-encoder, on frames of the same size."""

    @property
    def trained_encoder(self) -> TrainedRun | None:
        return self.encoder


class Pixels(FeatureSettings):
    """Raw pixels of the newest frame and the one before, shrunk, as differences from the background."""

    module: ClassVar[str] = "rlgames.features.pixels"
    name: Literal["pixels"]
    side: int = Field(default=16, ge=1, le=210)
    """Height and width that frames are shrunk to; no more than the environment's `image_size`."""
    background: int = Field(default=0, ge=0, le=255)
    """Grey level of the background (Pong: 87)."""

    @property
    def weights(self) -> int:
        return 2 * self.side**2 + 1

    @property
    def numbers(self) -> int:
        return self.side**2


class Positions(FeatureSettings):
    """Positions of ball and paddles, now and one step before, read from the console's memory: more exact than any
    picture. Only for Pong."""

    module: ClassVar[str] = "rlgames.features.positions"
    name: Literal["positions"]


class TiledPositions(Positions):
    """Tile coding of the ball's position relative to the paddle and of its velocity, read from the console's memory.
    Only for Pong."""

    module: ClassVar[str] = "rlgames.features.tiled_positions"
    name: Literal["tiled-positions"]  # type: ignore[assignment]


class TiledKeypoints(FeatureSettings):
    """Tile coding of the moving points of a keypoint auto-encoder, relative to the point that the actions move."""

    module: ClassVar[str] = "rlgames.features.tiled_keypoints"
    tells_places: ClassVar[bool] = True
    name: Literal["tiled-keypoints"]
    encoder: TrainedRun
    """The run that trained the keypoint auto-encoder, on frames of the same size."""
    pairs: int = Field(default=1, ge=1, le=8)
    """Maximum number of points that are coded relative to the controlled one: those with the most persistent motion."""

    @property
    def trained_encoder(self) -> TrainedRun | None:
        return self.encoder

    @property
    def weights(self) -> int:
        return 24_000 * self.pairs


class OverFeatures(AgentSettings):
    """A linear agent over features of the newest frame of an Atari game and the one before. Initial weights are
    zero."""

    features: Any
    """Features in which the values are linear."""
    step_size: float = Field(gt=0, le=10)
    """Initial step size α of the textbook's algorithm: the more numerous and the larger the features, the smaller it
    has to be."""
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""

    def modules(self, environment: Any) -> dict[str, str]:
        return super().modules(environment) | {"features": self.features.module}

    @property
    def memory_mb(self) -> int:  # type: ignore[override]
        return self.features.memory_mb

    @property
    def encoder_run(self) -> TrainedRun | None:
        return self.features.trained_encoder


class FeatureAgent(OverFeatures, GameAgent, Exploration, FallingStepSize):
    """A linear agent that plays an Atari game; the `stack` of the environment has no effect on it."""

    training: ClassVar[str] = "rlgames.training.linear_atari"
    estimates_values: ClassVar[bool] = True
    player: ClassVar[str] = "rlgames.playing.linear"
    plays: ClassVar[frozenset[str]] = frozenset({"atari"})
    games: int = Field(default=1, ge=1, le=256)
    """Games played side by side, each with its own eligibility trace; the steps of all of them count."""

    def playing(self) -> set[str]:
        return {"features"}

    def filming_modules(self, environment: Any) -> dict[str, str]:
        seen = {"features": self.features.module} if self.features.tells_places else {}
        return super().filming_modules(environment) | seen

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (one seed a job)
        weights = 8 * environment.most_actions * self.features.weights
        emulators = 2 * memory.EMULATOR_MB * 1e6 * self.games  # two for each game, where memory is read
        learning = (memory.KEPT_COPIES + 3 * self.games) * weights + memory.ACTION_BYTES * budget
        return self.memory_mb + memory.beyond(learning + emulators)

    def playing_mb(self, environment: Any) -> int:
        return self.training_mb(environment) - self.memory_mb

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:  # noqa: ARG002
        return 10 + seeds * budget / 1500


class DenseTrueOnlineSarsaLambda(FeatureAgent):
    """True online Sarsa(λ) (section 12.7) over real-valued features and a constant."""

    module: ClassVar[str] = "rlgames.agents.linear.dense_true_online_sarsa_lambda"
    name: Literal["dense-true-online-sarsa-lambda"]
    features: Annotated[Latents | Pixels | Positions, Field(discriminator="name")]
    """What the values are linear in, besides a constant."""


class SparseTrueOnlineSarsaLambda(FeatureAgent):
    """True online Sarsa(λ) (section 12.7) over tiles, with sparse traces."""

    module: ClassVar[str] = "rlgames.agents.linear.sparse_true_online_sarsa_lambda"
    name: Literal["sparse-true-online-sarsa-lambda"]
    features: Annotated[TiledPositions | TiledKeypoints, Field(discriminator="name")]
    """What is cut into tiles."""


class LinearPredictingAgent(OverFeatures, PredictingAgent):
    """A linear agent that learns the values of a fixed policy."""

    training: ClassVar[str] = "rlgames.encoders.prediction"

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (one seed a job)
        """All frames, and what is described of them."""
        described = self.described_bytes(environment.size, self.features.numbers)
        return self.memory_mb + environment.megabytes + memory.beyond(described)

    def saved_bytes(self, environment: Any) -> int:  # noqa: ARG002 (a network needs it)
        return 8 * int(self.features.weights)

    @staticmethod
    def described_bytes(size: int, numbers: int) -> int:
        """So many numbers of every frame, and three times the features of a long episode."""
        return 8 * numbers * (size + 3 * 2 * min(size, LONG_STEPS))

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:
        return 10 + seeds * environment.size * (1 / DESCRIBED + budget / LEARNED)


class DenseTrueOnlineTDLambda(LinearPredictingAgent):
    """True online TD(λ) (section 12.5) over real-valued features and a constant."""

    module: ClassVar[str] = "rlgames.agents.linear.dense_true_online_sarsa_lambda"
    name: Literal["dense-true-online-td-lambda"]
    features: Annotated[Latents | Pixels | Positions, Field(discriminator="name")]
    """What the values are linear in, besides a constant."""


class SparseTrueOnlineTDLambda(LinearPredictingAgent):
    """True online TD(λ) (section 12.5) over tiles, with sparse traces."""

    module: ClassVar[str] = "rlgames.agents.linear.sparse_true_online_sarsa_lambda"
    name: Literal["sparse-true-online-td-lambda"]
    features: Annotated[TiledPositions | TiledKeypoints, Field(discriminator="name")]
    """What is cut into tiles."""


LONG_STEPS = 5000
"""Of a long episode."""

DESCRIBED, LEARNED = 1500, 200_000
"""Frames that one core makes features of in a second, and those from which it learns."""


def misfit(features: FeatureSettings, environment: Any) -> str | None:
    """Why such features cannot be had of an Atari game with these settings, and what to do: a problem of `agent` or of
    `environment`. None if they can."""
    if isinstance(features, Pixels) and features.side > (size := environment.image_size):
        return (
            f"agent.features.side: frames of {size} x {size} pixels cannot be shrunk to {features.side}; give at "
            f"most {size}, or a larger environment.image_size"
        )
    others = "'tiled-keypoints'" if isinstance(features, TiledPositions) else "'pixels' or 'latents'"
    if isinstance(features, Positions) and environment.game != "pong":
        return (
            f"agent.features.name: {features.name!r} can be read from the console's memory in pong, not in "
            f"{environment.game}; choose {others}"
        )
    fires = [key for key in ("fire_reset", "fire_each_life") if getattr(environment, key)]
    if isinstance(features, Positions) and fires:
        return (
            f"environment.{fires[0]}: the console's memory cannot be read in a game that begins with FIRE; set "
            f"this to false, or choose agent.features other than {features.name!r}"
        )
    return None
