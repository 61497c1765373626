"""What both loops of deep agents share: games, network and learner, new episodes, and what a save holds."""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.environments.games import Games
from rlgames.networks.reader import Reader
from rlgames.streams import Purpose, stream
from rlgames.training.episodes import GameTraining


class DeepTraining(GameTraining):
    """A deep agent at some step."""

    def __init__(
        self, modules: dict[str, ModuleType], seed: int, environment: dict[str, Any], settings: dict[str, Any],
        budget: int, purposes: Iterable[Purpose], threads: int,
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all. `modules` are those of agent, network and environment; threads of the games
        change no result."""
        super().__init__(seed, environment, settings, budget, purposes)
        agent, body, self.make = modules["agent"], modules["network"], modules["environment"].Games
        self.games: Games = self.make(environment, settings["games"], threads=threads)
        self.reader = Reader(self.games.frame, body.BLOCK)
        weights = stream(seed, Purpose.WEIGHTS)
        self.learner = agent.Learner(agent, body, self.reader, len(self.games.actions), settings, weights)

    def begin(self) -> None:
        self.running = [self.new_episode(game) for game in range(self.settings["games"])]
        self.observations = self.games.reset(np.array([episode.reset_seed for episode in self.running]))

    def more_games(self, count: int) -> Games:
        """Other games of the same kind."""
        return self.make(self.environment, count, threads=os.cpu_count() or 1)

    def update(self, steps: Any) -> None:
        """Learn from a minibatch or a rollout, with the step size that is due."""
        self.learner.step_size = self.step_size
        self.learner.update(steps)
        self.updates += 1

    def diverges(self, kept: bool) -> bool:
        """Whether weights that are to be kept are no longer finite."""
        return kept and not self.learner.online.is_finite()

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        self.learner.start_from(saved)

    def weights(self) -> dict[str, np.ndarray]:
        return self.learner.online.arrays()

    def variables(self) -> dict[str, np.ndarray]:
        return {name: variable.numpy() for name, variable in self.learner.variables().items()}

    def assign(self, state: dict[str, np.ndarray]) -> None:
        for name, variable in self.learner.variables().items():
            variable.assign(state[name])
