"""Settings of the deep agents."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.explanations import problem
from rlgames.settings.learner import OffPolicyAgent, OnPolicyAgent


class DQN(OffPolicyAgent):
    """DQN (Mnih et al. 2015)."""

    module: ClassVar[str] = "rlgames.agents.deep.dqn"
    name: Literal["dqn"]
    loss: Literal["huber", "squared"] = "huber"
    """Squared error, or squared up to an error of 1 and linear beyond."""


class DoubleDQN(DQN):
    """Double DQN (van Hasselt, Guez and Silver 2016): the online network chooses, the target network judges."""

    module: ClassVar[str] = "rlgames.agents.deep.double_dqn"
    name: Literal["double-dqn"]  # type: ignore[assignment]


class Categorical(OffPolicyAgent):
    """What agents share that learn values by classification: the returns between which classes lie."""

    has_insights: ClassVar[bool] = True
    v_min: float = -10.0
    """Lowest return that has a class. Discounted returns of clipped rewards lie between -1 and 1 where a reward ends
    them (`reward_terminal`), as in Pong."""
    v_max: float = 10.0
    """Highest return that has a class."""

    @model_validator(mode="after")
    def _range_has_a_length(self) -> Categorical:
        if self.v_min >= self.v_max:
            raise problem(f"v_max: a number above v_min, {self.v_min:g}, not {self.v_max:g}")
        return self


class C51(Categorical):
    """Categorical DQN (Bellemare, Dabney and Munos 2017): the distribution of the return, on fixed atoms."""

    module: ClassVar[str] = "rlgames.agents.deep.c51"
    name: Literal["c51"]
    atoms: int = Field(default=51, ge=2, le=1001)
    """Returns that have a probability, from `v_min` to `v_max`."""

    def outputs(self, actions: int) -> int:
        return actions * (self.atoms + 1)


class HLGauss(Categorical):
    """DQN with a histogram loss, HL-Gauss (Imani and White 2018; Farebrother et al. 2024)."""

    module: ClassVar[str] = "rlgames.agents.deep.hl_gauss"
    name: Literal["hl-gauss"]
    bins: int = Field(default=51, ge=2, le=1001)
    """Bins of the histogram, from `v_min` to `v_max`."""
    smoothing: float = Field(default=0.75, gt=0, le=100)
    """Standard deviation σ of the target, in widths of a bin."""

    def outputs(self, actions: int) -> int:
        return actions * (self.bins + 1)


class ActorCritic(OnPolicyAgent):
    """Advantage actor-critic (Mnih et al. 2016) with generalised advantage estimation (Schulman et al. 2016)."""

    module: ClassVar[str] = "rlgames.agents.deep.actor_critic"
    has_insights: ClassVar[bool] = True
    name: Literal["actor-critic"]
    entropy_weight: float = Field(default=0.01, ge=0, le=1)
    """Weight of the policy's entropy in the loss: larger values explore longer."""
    value_weight: float = Field(default=0.5, ge=0, le=10)
    """Weight of the critic's squared error in the loss."""
