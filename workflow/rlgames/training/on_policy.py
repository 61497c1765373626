"""On-policy learning from rollouts, on several games side by side: the loop of actor-critics."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.deep.rollout import Rollout, advantages
from rlgames.streams import Purpose
from rlgames.training.deep import DeepTraining
from rlgames.training.episodes import resume_episodes


class Training(DeepTraining):
    """Advantage actor-critic (Mnih et al. 2016), or another agent that learns on policy, at some step."""

    def __init__(
        self, modules: dict[str, ModuleType], seed: int, environment: dict[str, Any], settings: dict[str, Any],
        budget: int, *, threads: int = 1,
    ) -> None:  # fmt: skip
        super().__init__(modules, seed, environment, settings, budget, (Purpose.EXPLORATION,), threads)

    def advance(self) -> bool:
        """A rollout, and the update from it."""
        before, shape = self.steps, (self.settings["rollout_steps"], len(self.running))
        seen = np.empty((*shape, *self.reader.shape), self.reader.frame.dtype)
        actions, terminal, ended = np.empty(shape, np.int32), np.empty(shape, bool), np.empty(shape, bool)
        rewards, values, final_values = np.zeros((3, *shape), np.float32)
        for t in range(shape[0]):
            seen[t] = self.reader(self.observations)
            policy, values[t] = self.learner.policy_and_values(seen[t])
            actions[t] = self.draw(policy)
            step = self.games.step(actions[t])
            self.record(actions[t], step)
            rewards[t] = self.learned(step.rewards) * self.settings["reward_scale"]
            terminal[t], ended[t] = self.terminal(step), step.terminated | step.truncated
            if ended[t].any() or t == shape[0] - 1:  # the next state is not the next observation, or has no value yet
                _, final_values[t] = self.learner.policy_and_values(self.reader(step.observations))
            self.observations = self.restart(step)

        next_values = np.where(ended, final_values, np.concatenate([values[1:], final_values[-1:]]))
        found = advantages(
            rewards, values, np.where(terminal, 0, next_values), terminal | ended, self.settings["discount"],
            self.settings["trace_decay"],
        )  # fmt: skip
        steps = seen.reshape(-1, *self.reader.shape)
        self.update(Rollout(steps, actions.ravel(), found.ravel(), (found + values).ravel()))
        kept = self.keeps(before)
        self.diverged = self.diverges(kept)
        return kept

    def draw(self, policy: np.ndarray) -> np.ndarray:
        """An action for each game by its probabilities, of shape (games, actions): one random number for each."""
        shares = policy.cumsum(axis=1)
        drawn = self.rngs[Purpose.EXPLORATION].random((len(shares), 1)) * shares[:, -1:]
        return (shares <= drawn).sum(axis=1).clip(max=policy.shape[1] - 1)

    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """Only the running episodes are played again: nothing is saved in the middle of a rollout."""
        self.observations = resume_episodes(self.games, self.running, advanced)
