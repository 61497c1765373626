"""Settings of the learning algorithms, and of the features that they learn over."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from rlgames.settings.base import Settings


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


Agent = Annotated[
    Sarsa | ExpectedSarsa | QLearning | NStepSarsa | SarsaLambda | TrueOnlineSarsaLambda, Field(discriminator="name")
]
