"""Settings of the learning algorithms, and of the features that they learn over."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.explanations import problem


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


class Hashed(Tiled):
    """Tile coding, each tile's number modulo the size of a table: tiles that meet there share a weight."""

    name: Literal["hashed"]  # type: ignore[assignment]
    size: int = Field(default=1024, ge=1, le=100_000_000)
    """Places in the table."""


class IndexHashed(Hashed):
    """Tile coding with an index hash table: places go to tiles in the order in which they are first seen."""

    name: Literal["index-hashed"]  # type: ignore[assignment]


class LinearAgent(Settings):
    """What all agents with linear values share. Zero initial weights: optimistic, where rewards are -1."""

    plays: ClassVar[set[str]] = {"mountain-car"}
    budget: ClassVar[str] = "episodes"
    coding: Annotated[Additive | Tiled | Hashed | IndexHashed, Field(discriminator="name")]
    """How a state becomes active features."""
    step_size: float = Field(gt=0, le=10)
    """Step size α, as it multiplies the error of one weight: α = .1/8 is 0.0125."""
    epsilon: float = Field(default=0.0, ge=0, le=1)
    """Exploration rate ε: the probability of a random action."""
    discount: float = Field(default=1.0, ge=0, le=1)
    """Discount γ."""


class Sarsa(LinearAgent):
    """Episodic semi-gradient Sarsa (Sutton and Barto 2018, section 10.1)."""

    module: ClassVar[str] = "rlgames.agents.sarsa"
    name: Literal["sarsa"]


class ExpectedSarsa(LinearAgent):
    """Expected Sarsa (section 6.6)."""

    module: ClassVar[str] = "rlgames.agents.expected_sarsa"
    name: Literal["expected-sarsa"]


class QLearning(LinearAgent):
    """Q-learning (section 6.5)."""

    module: ClassVar[str] = "rlgames.agents.q_learning"
    name: Literal["q-learning"]


class NStepSarsa(LinearAgent):
    """n-step Sarsa (section 10.2)."""

    module: ClassVar[str] = "rlgames.agents.n_step_sarsa"
    name: Literal["n-step-sarsa"]
    n: int = Field(ge=1, le=1000)
    """Rewards in a return, before it bootstraps."""


class SarsaLambda(LinearAgent):
    """Sarsa(λ) with eligibility traces (section 12.7)."""

    module: ClassVar[str] = "rlgames.agents.sarsa_lambda"
    name: Literal["sarsa-lambda"]
    traces: Literal["accumulating", "replacing", "clearing"]
    """Traces that add up, that are set to 1, or that also clear those of the actions not taken."""
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""


class TrueOnlineSarsaLambda(LinearAgent):
    """True online Sarsa(λ) (section 12.7)."""

    plays: ClassVar[set[str]] = {"mountain-car", "gymnasium"}
    module: ClassVar[str] = "rlgames.agents.true_online_sarsa_lambda"
    name: Literal["true-online-sarsa-lambda"]
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""


class AtariAgent(Settings):
    """What all agents share that learn on Atari games, step by step."""

    plays: ClassVar[set[str]] = {"atari"}
    budget: ClassVar[str] = "steps"
    training: ClassVar[str]
    """Module that trains this kind of agent."""
    player: ClassVar[str]
    """Module in which it plays with weights that were kept."""
    playing: ClassVar[set[str]]
    """Settings that weights need to play with."""
    discount: float = Field(default=0.99, ge=0, le=1)
    """Discount γ."""
    epsilon_start: float = Field(default=1.0, ge=0, le=1)
    """Exploration rate ε at first."""
    epsilon_end: float = Field(default=0.01, ge=0, le=1)
    """Exploration rate ε in the end."""
    epsilon_steps: int = Field(default=50_000, ge=1, le=100_000_000)
    """Steps over which ε falls, linearly."""
    stop_return: float | None = None
    """Stop as soon as the mean return of the last 40 episodes reaches this. Not for learning curves: they would
    average the survivors."""


class Latents(Settings):
    """Latent variables of an auto-encoder, of the newest frame and of the one before."""

    module: ClassVar[str] = "rlgames.features.latents"
    name: Literal["latents"]
    encoder: TrainedRun
    """The run that trained the auto-encoder, on frames of the same size."""


class Pixels(Settings):
    """Raw pixels of the newest frame and of the one before, shrunk: how much they differ from the background."""

    module: ClassVar[str] = "rlgames.features.pixels"
    name: Literal["pixels"]
    side: int = Field(default=16, ge=1, le=210)
    """Height and width that frames are shrunk to; no more than the environment's `image_size`."""
    background: int = Field(default=0, ge=0, le=255)
    """Grey level of the background (Pong: 87)."""


class Positions(Settings):
    """Where things are, now and a step before, as the console's memory has it: no picture tells more. Pong only."""

    module: ClassVar[str] = "rlgames.features.positions"
    name: Literal["positions"]


class TiledPositions(Positions):
    """Tile coding of where the ball is, as seen from the paddle, and of how it flies, from the console's memory. Pong
    only."""

    module: ClassVar[str] = "rlgames.features.tiled_positions"
    name: Literal["tiled-positions"]  # type: ignore[assignment]


class DenseTrueOnlineSarsaLambda(AtariAgent):
    """True online Sarsa(λ) (section 12.7) over real-valued features of the newest frame and of the one before, whatever
    the `stack` of the environment. Zero initial weights."""

    module: ClassVar[str] = "rlgames.agents.dense_true_online_sarsa_lambda"
    training: ClassVar[str] = "rlgames.training.features"
    player: ClassVar[str] = "rlgames.linear_player"
    playing: ClassVar[set[str]] = {"features"}
    name: Literal["dense-true-online-sarsa-lambda"]
    features: Annotated[Latents | Pixels | Positions | TiledPositions, Field(discriminator="name")]
    """What the values are linear in, besides a constant."""
    step_size: float = Field(gt=0, le=10)
    """Step size α of the textbook's box: the more features, and the larger, the smaller it has to be."""
    trace_decay: float = Field(ge=0, le=1)
    """Trace decay λ."""


class DeepAgent(AtariAgent):
    """What the deep agents share: deep Q-learning (Mnih et al. 2015), whose kinds differ in the target only."""

    training: ClassVar[str] = "rlgames.training.deep"
    player: ClassVar[str] = "rlgames.deep_player"
    playing: ClassVar[set[str]] = {"network", "pixel_centre", "pixel_scale"}
    network: Literal["nature", "small"] = "nature"
    """The network of Mnih et al. (2015), or the smaller one of 2013."""
    pixel_centre: int = Field(default=0, ge=0, le=255)
    """Grey level that the network takes for zero. A game's background (Pong: 87) makes it learn much faster."""
    pixel_scale: float = Field(default=255.0, gt=0, le=255)
    """Grey levels that it takes for one."""
    step_size: float = Field(default=1e-4, gt=0, le=1)
    """Step size of Adam."""
    adam_epsilon: float = Field(default=1e-8, gt=0, le=1)
    """ε of Adam: larger values temper the steps of weights with small gradients."""
    n: int = Field(default=1, ge=1, le=100)
    """Rewards in an (uncorrected) return, before it bootstraps."""
    loss: Literal["huber", "squared"] = "huber"
    """Squared error, or squared up to an error of 1 and linear beyond."""
    gradient_clip: float | None = Field(default=None, gt=0)
    """Largest norm of a gradient; a longer one is scaled down to it."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Transitions in a minibatch."""
    capacity: int = Field(default=100_000, ge=1000, le=10_000_000)
    """Frames in the replay buffer: 7 kB each at 84 x 84 pixels."""
    warm_up: int = Field(default=5000, ge=0, le=10_000_000)
    """Steps before the first update."""
    updates_per_step: float = Field(default=0.25, gt=0, le=16)
    """Updates per step, once warmed up: 0.25 is one every 4 steps."""
    target_every: int = Field(default=1000, ge=1, le=10_000_000)
    """Steps between two copies of the online network into the target network."""
    games: int = Field(default=1, ge=1, le=256)
    """Games played side by side; each of their steps counts."""
    initial_weights: str | None = None
    """Start from the last weights in this file: weights.npz of another run, with {seed} where its path has the seed."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; `auto` takes a GPU if there is one."""

    @model_validator(mode="after")
    def _buffer_fills(self) -> DeepAgent:
        needed = 2 * self.batch_size + self.games * (self.n + 16)
        if self.warm_up < needed:
            raise problem(f"warm_up: {needed} steps or more, for {self.batch_size} transitions over {self.n} steps")
        if self.capacity < needed:
            raise problem(f"capacity: {needed} frames or more, shared by {self.games} games")
        return self


class DQN(DeepAgent):
    """DQN (Mnih et al. 2015)."""

    module: ClassVar[str] = "rlgames.agents.dqn"
    name: Literal["dqn"]


class DoubleDQN(DeepAgent):
    """Double DQN (van Hasselt, Guez and Silver 2016): the online network chooses, the target network judges."""

    module: ClassVar[str] = "rlgames.agents.double_dqn"
    name: Literal["double-dqn"]


class AutoEncoder(Settings):
    """A convolutional auto-encoder: learns to draw frames again from a few latent variables."""

    plays: ClassVar[set[str]] = {"frames"}
    budget: ClassVar[str] = "epochs"
    module: ClassVar[str] = "rlgames.training.autoencoder"
    name: Literal["auto-encoder"]
    latents: int = Field(ge=1, le=4096)
    """Latent variables."""
    moving_weight: float = Field(default=30.0, ge=1, le=1e6)
    """What the squared error of a pixel that differs from the data set's typical picture counts, at most: one over the
    share of frames in which it does. 1 is the plain mean squared error."""
    split: Literal["random", "episode"] = "random"
    """How the data set is split into 70% for training and 30% for testing: by frames or by whole episodes."""
    step_size: float = Field(default=5e-4, gt=0, le=1)
    """Step size of Adam."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Frames in a minibatch."""
    patience: int = Field(default=3, ge=1, le=1000)
    """Stop after so many epochs in a row without a lower loss on the held-out tenth of the training frames."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; `auto` takes a GPU if there is one."""


Agent = Annotated[
    Sarsa
    | ExpectedSarsa
    | QLearning
    | NStepSarsa
    | SarsaLambda
    | TrueOnlineSarsaLambda
    | DQN
    | DoubleDQN
    | DenseTrueOnlineSarsaLambda
    | AutoEncoder,
    Field(discriminator="name"),
]
