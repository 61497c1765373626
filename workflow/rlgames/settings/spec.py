"""A spec: all that determines the result of a run, besides its seed."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import Field, model_validator

from rlgames.settings.agents import Agent
from rlgames.settings.base import Settings, members
from rlgames.settings.deep_agents import Categorical
from rlgames.settings.environments import Atari, Environment, Gymnasium
from rlgames.settings.explanations import problem
from rlgames.settings.learner import DeepAgent, OffPolicyAgent, OnPolicyAgent
from rlgames.settings.linear_agents import FeatureAgent, LinearAgent, misfit
from rlgames.settings.memory import features
from rlgames.settings.text import canonical

SIDES = {"nature": (36, 4), "small": (36, 4), "compact": (36, 4), "impala": (2, 2), "mbconv": (2, 2)}
"""Of pictures that networks for Atari read: the least pixels on a side, and what they have to be multiples of."""

PICTURE_NETWORKS = {*SIDES, "minatar"}

MOST_MB = 64_000
"""Memory that one seed of a linear agent over tiles may take: what fits, but not in this machine, is refused there."""


class Spec(Settings):
    """All that determines the result of a run, besides its seed."""

    environment: Environment
    """The game."""
    agent: Agent
    """The learner."""
    episodes: int | None = Field(default=None, ge=1, le=10_000_000)
    """Episodes per run, for linear agents over tiles."""
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Steps per run, for agents that learn step by step: deep agents, and linear ones on Atari."""
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    """Maximum number of passes over the training frames, for auto-encoders and agents that predict."""

    @model_validator(mode="after")
    def _budget_fits(self) -> Spec:
        unit = self.agent.unit
        if self.budgets[unit] is None:
            raise problem(f"{unit}: {self.agent.name} needs the number of {unit} per run; add this key")
        for other, given in self.budgets.items():
            if other != unit and given is not None:
                raise problem(f"{other}: {self.agent.name} counts its budget in {unit}; drop this key")
        return self

    @model_validator(mode="after")
    def _agent_plays(self) -> Spec:
        if self.environment.name not in self.agent.plays:
            players = [
                kind.model_fields["name"].annotation for kind in kinds(Agent) if self.environment.name in kind.plays
            ]
            names = ", ".join(repr(get_args(name)[0]) for name in players)
            raise problem(
                f"agent.name: {self.agent.name!r} does not play {self.environment.name!r}; choose from: {names}"
            )
        return self

    @model_validator(mode="after")
    def _agent_sees(self) -> Spec:
        environment, agent = self.environment, self.agent
        bounded = not isinstance(environment, Gymnasium) or environment.low is not None
        if isinstance(agent, LinearAgent) and not bounded:
            raise problem(
                f"environment: {agent.name} needs low and high for its tiles; give the bounds of each dimension"
            )
        # Imported late: a job that reads settings must load nothing that is not in its code hash.
        from rlgames.checkpoints import KEPT

        if isinstance(agent, OnPolicyAgent) and (taken := agent.rollout_steps * agent.games) > (self.steps or 0) / KEPT:
            raise problem(
                f"steps: one rollout takes {taken} steps (rollout_steps x games), and weights are kept {KEPT} times; "
                f"give at least {taken * KEPT}"
            )
        if isinstance(agent, DeepAgent):
            vectors = isinstance(environment, Gymnasium) and len(environment.facts.shape) == 1
            if vectors and agent.network in PICTURE_NETWORKS:
                raise problem(
                    f"agent.network: {agent.network!r} reads pictures, and this game shows vectors; choose 'mlp'"
                )
            if not vectors and agent.network == "mlp":
                raise problem(
                    "agent.network: 'mlp' reads vectors, and this game shows pictures; choose another network"
                )
            if isinstance(environment, Atari) and agent.network == "minatar":
                raise problem(
                    "agent.network: 'minatar' reads MinAtar's pictures, not Atari's; choose 'nature' or 'small'"
                )
            sides = environment.facts.shape[:2] if isinstance(environment, Gymnasium) and not vectors else (36,)
            least, multiple = SIDES.get(agent.network, (1, 1))
            if any(side < least or side % multiple for side in sides):
                raise problem(
                    f"agent.network: {agent.network!r} reads pictures with sides of at least {least} pixels, in "
                    f"multiples of {multiple}, not of {sides}; choose 'minatar'"
                )
        return self

    @model_validator(mode="after")
    def _weights_fit(self) -> Spec:
        agent: Any = self.agent
        if isinstance(agent, LinearAgent) and (needed := agent.training_mb(self.environment)) > MOST_MB:
            raise problem(
                f"agent.coding: {features(agent.coding, self.environment.observation_shape[0]):,} features take "  # type: ignore[union-attr]
                f"{needed / 1000:,.0f} GB, and at most {MOST_MB // 1000} GB are allowed; give fewer tiles or tilings, "
                "or the coding hashed with a smaller size"
            )
        return self

    @model_validator(mode="after")
    def _learns(self) -> Spec:
        agent, steps = self.agent, self.steps or 0
        if isinstance(agent, OffPolicyAgent) and steps <= agent.warm_up:
            raise problem(
                f"steps: {agent.name} learns nothing in {steps} steps, since its warm-up takes {agent.warm_up}; give "
                "more steps, or a shorter agent.warm_up"
            )
        return self

    @model_validator(mode="after")
    def _classes_hold_returns(self) -> Spec:
        environment: Any = self.environment
        if isinstance(self.agent, Categorical) and not environment.clips_rewards:
            for key in ("v_min", "v_max"):
                if key not in self.agent.model_fields_set:
                    raise problem(
                        f"agent.{key}: rewards of {environment.game_name} are not clipped, and returns outside v_min "
                        "and v_max are cut off there; give the range of discounted returns"
                    )
        return self

    @model_validator(mode="after")
    def _features_fit(self) -> Spec:
        if isinstance(self.agent, FeatureAgent) and (why := misfit(self.agent.features, self.environment)) is not None:
            raise problem(why)
        return self

    @property
    def budgets(self) -> dict[str, int | None]:
        """What may be counted, by unit; each agent counts one of them."""
        return {"episodes": self.episodes, "steps": self.steps, "epochs": self.epochs}

    @property
    def budget(self) -> int:
        """The number of episodes, steps or epochs that the agent learns for."""
        return self.budgets[self.agent.unit] or 0  # a missing one is refused above

    def canonical(self) -> str:
        """The spec as text: one text for one spec, every default written out."""
        return canonical(self.resolved())

    def resolved(self) -> dict[str, Any]:
        """All settings; of the budgets, the one that the agent counts."""
        return self.model_dump(exclude=self.budgets.keys() - {self.agent.unit})


def kinds(annotation: Any) -> tuple[Any, ...]:
    """The settings that a choice such as `Agent` allows."""
    return members(get_args(annotation)[0])
