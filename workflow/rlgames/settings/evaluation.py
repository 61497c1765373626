"""How agents that learn step by step are evaluated."""

from __future__ import annotations

from pydantic import Field

from rlgames.settings.base import Settings


class Evaluation(Settings):
    """Evaluation episodes, with seeds of their own and hardly any exploration: of the trained agent, of an agent that
    plays at random, and of the weights kept during training."""

    episodes: int = Field(default=30, ge=1, le=10_000)
    """Episodes of the trained agent, and as many of random play. An agent with a policy takes the most probable actions
    in these, and plays as many again with sampled actions."""
    checkpoint_episodes: int = Field(default=10, ge=1, le=1000)
    """Episodes at each of nine points before the end of training."""
    epsilon: float = Field(default=0.01, ge=0, le=1)
    """Exploration rate ε."""

    def count(self, *, samples: bool) -> int:
        """All episodes of an evaluation, at most; `samples` says whether the agent has a policy to sample."""
        return (2 + samples) * self.episodes + self.earlier_points * self.checkpoint_episodes

    @property
    def earlier_points(self) -> int:
        """Points before the end of training at which weights are kept."""
        # Imported late: a job that reads settings must load nothing that is not in its code hash.
        from rlgames.checkpoints import KEPT

        return KEPT - 1
