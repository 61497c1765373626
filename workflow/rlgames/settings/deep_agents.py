"""Settings of the deep agents."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

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


class ActorCritic(OnPolicyAgent):
    """Advantage actor-critic (Mnih et al. 2016) with generalised advantage estimation (Schulman et al. 2016)."""

    module: ClassVar[str] = "rlgames.agents.deep.actor_critic"
    name: Literal["actor-critic"]
    entropy_weight: float = Field(default=0.01, ge=0, le=1)
    """Weight of the policy's entropy in the loss: larger values explore longer."""
    value_weight: float = Field(default=0.5, ge=0, le=10)
    """Weight of the critic's squared error in the loss."""
