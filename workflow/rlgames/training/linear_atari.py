"""A linear agent over features of an Atari game: the loop of the box, and all that it takes to resume."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.linear.core import epsilon_greedy
from rlgames.features.base import FeatureGame, Features
from rlgames.streams import Purpose
from rlgames.training.episodes import GameTraining


class Training(GameTraining):
    """True online Sarsa(λ) (Sutton and Barto 2018, section 12.7) at some step, in one game. Zero initial weights."""

    def __init__(
        self, modules: dict[str, ModuleType], seed: int, environment: dict[str, Any], settings: dict[str, Any],
        budget: int, features: Features, *, threads: int = 1,  # noqa: ARG002 (one game takes one thread)
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all. The module of the agent has `action_values` and `update`."""
        super().__init__(seed, environment, settings, budget, (Purpose.EXPLORATION,))
        self.agent, self.game = modules["agent"], FeatureGame(features)
        self.w = np.zeros((len(modules["environment"].actions(environment)), features.count))
        self.z = np.zeros_like(self.w)
        self.values = np.empty(len(self.w))

    # The algorithm.

    def begin(self) -> None:
        """Start the first episode."""
        self.running = [self.new_episode(0)]
        self.x = self.game.reset(self.running[0].reset_seed)
        self.begin_return()

    def begin_return(self) -> None:
        """The lines of the box before the loop over the steps of an episode, in the state that x describes."""
        self.z[:] = 0.0
        self.old_value = 0.0
        self.action, _ = self.choose(self.x)

    def advance(self) -> bool:
        """A step, and its update; True when these weights are to be kept.

        A return that is cut off bootstraps from its last state; nothing follows a terminal one.
        """
        moment = self.game.step(self.action)
        before, self.steps = self.steps, self.steps + 1
        self.running[0].actions.append(self.action)
        self.running[0].score += moment.reward
        terminal = self.is_terminal(moment.reward, moment.terminated, moment.life_lost)
        next_action, next_value = (0, 0.0) if terminal else self.choose(moment.state)
        sound = self.agent.update(
            self.w, self.z, self.x, self.action, self.learned(moment.reward), next_value, self.old_value,
            self.settings["step_size"], self.settings["discount"], self.settings["trace_decay"],
        )  # fmt: skip
        self.updates += 1
        self.x, self.action, self.old_value = moment.state, next_action, next_value
        if moment.terminated or moment.truncated:
            self.next_episode(0, terminated=moment.terminated)
            self.x = self.game.reset(self.running[0].reset_seed)
        if terminal or moment.truncated:
            self.begin_return()
        self.diverged = not sound
        return self.keeps(before)

    def choose(self, x: np.ndarray) -> tuple[int, float]:
        """An ε-greedy action, and its value."""
        self.agent.action_values(self.w, x, self.values)
        action = epsilon_greedy(self.values, self.epsilon, self.rngs[Purpose.EXPLORATION])
        return action, float(self.values[action])

    # Weights, and resuming from a save.

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the weights: float64, shape (actions, features)."""
        return {"weight_0": self.w.copy()}

    def variables(self) -> dict[str, np.ndarray]:
        """What the box carries from one step to the next, but x."""
        return {"w": self.w, "z": self.z, "old_value": np.array(self.old_value), "action": np.array(self.action)}

    def assign(self, state: dict[str, np.ndarray]) -> None:
        """Set all of `variables` to what `state` has."""
        self.w[:], self.z[:] = state["w"], state["z"]
        self.old_value, self.action = float(state["old_value"]), int(state["action"])

    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """Play the running episode again, to where it stood."""
        (episode,) = self.running
        self.x = self.game.reset(episode.reset_seed)
        score = 0.0
        for done, action in enumerate(episode.actions, start=1):
            moment = self.game.step(action)
            self.x = moment.state
            score += moment.reward
            advanced(done, len(episode.actions))
        episode.confirm(score)
