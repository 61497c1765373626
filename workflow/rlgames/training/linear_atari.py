"""A linear agent over features of an Atari game: the loop of the box, and all that it takes to resume."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.linear.core import epsilon_greedy
from rlgames.features.base import FeatureGames, Features
from rlgames.streams import Purpose
from rlgames.training.episodes import GameTraining, resume_episodes


class Training(GameTraining):
    """True online Sarsa(λ) (Sutton and Barto 2018, section 12.7) at some step, in games side by side that share their
    weights: each has a trace of its own, and they learn in turn. Zero initial weights."""

    def __init__(
        self, modules: dict[str, ModuleType], seed: int, environment: dict[str, Any], settings: dict[str, Any],
        budget: int, features: Features, *, threads: int = 1,  # noqa: ARG002 (the games take one thread)
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all. The module of the agent has `Trace`, `action_value(s)` and `update`."""
        super().__init__(seed, environment, settings, budget, (Purpose.EXPLORATION,))
        self.agent, count = modules["agent"], settings["games"]
        self.games = FeatureGames(features, count)
        actions = len(modules["environment"].actions(environment))
        self.w = np.zeros((actions, features.count))
        self.traces = [self.agent.Trace.empty(actions, features.count) for _ in range(count)]
        self.before, self.after = np.zeros((2, count))  # for the values of the next state, in an update
        self.actions = np.zeros(count, np.int64)
        self.values = np.empty(actions)

    # The algorithm.

    def begin(self) -> None:
        """Start the first episode of every game."""
        self.running = [self.new_episode(game) for game in range(len(self.traces))]
        self.x = self.games.reset(np.array([episode.reset_seed for episode in self.running]))
        for game in range(len(self.traces)):
            self.begin_return(game)

    def begin_return(self, game: int) -> None:
        """The lines of the box before the loop over the steps of an episode, in the state that x describes."""
        self.traces[game].clear()
        self.before[game] = 0.0
        self.actions[game], self.after[game] = self.choose(self.x[game])

    def advance(self) -> bool:
        """A step of every game, and their updates; True when these weights are to be kept.

        A return that is cut off bootstraps from its last state; nothing follows a terminal one.
        """
        before, actions = self.steps, self.actions.copy()
        step = self.games.step(actions)
        self.record(actions, step)
        terminal, rewards = self.terminal(step), self.learned(step.rewards)
        for game in range(len(self.traces)):
            next_x = None if terminal[game] else step.observations[game]
            self.learn(game, actions[game], rewards[game], next_x)
        self.updates += len(self.traces)
        self.x = self.restart(step)
        for game in np.flatnonzero(terminal | step.truncated).tolist():
            self.begin_return(game)
        return self.keeps(before)

    def learn(self, game: int, action: int, reward: float, next_x: np.ndarray | None) -> None:
        """The lines of the box from the choice of A' on.

        Between two updates of a game, others change the weights too. The box's Q - Q_old is what the game's own last
        update did to the value of S, A, and so Q_old is the value before it, plus what others have done to it since.
        """
        next_action, next_value = (0, 0.0) if next_x is None else self.choose(next_x)
        since = self.agent.action_value(self.w, self.x[game], action) - self.after[game]
        sound = self.agent.update(
            self.w, self.traces[game], self.x[game], action, reward, next_value, self.before[game] + since,
            self.step_size, self.settings["discount"], self.settings["trace_decay"],
        )  # fmt: skip
        self.diverged |= not sound
        self.actions[game], self.before[game] = next_action, next_value
        self.after[game] = 0.0 if next_x is None else self.agent.action_value(self.w, next_x, next_action)

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
        traces = {
            f"trace.{game}.{name}": array
            for game, trace in enumerate(self.traces)
            for name, array in trace.arrays().items()
        }
        return {"w": self.w, "before": self.before, "after": self.after, "actions": self.actions, **traces}

    def assign(self, state: dict[str, np.ndarray]) -> None:
        """Set all of `variables` to what `state` has."""
        for name in ("w", "before", "after", "actions"):
            getattr(self, name)[:] = state[name]
        for game, trace in enumerate(self.traces):
            trace.assign({name: state[f"trace.{game}.{name}"] for name in trace.arrays()})

    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """Play the running episodes again, to where they stood."""
        self.x = resume_episodes(self.games, self.running, advanced)
