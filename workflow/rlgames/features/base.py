"""Features of Atari games for linear agents: what a moment shows, and how it differs from the one before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from rlgames.environments.atari import Games
from rlgames.environments.games import Game, Moment, Step

LARGEST = 3.0
"""Features are clipped to ±3, so that one outlier frame cannot blow up the weights."""


class Features(ABC):
    """How a moment of a game becomes numbers, and two moments become features. One object serves many games.

    Each module of this package has a subclass, `Features(environment, settings, weights)`, from the settings of the
    environment, those of the features, and, for an encoder, the path of its weights.
    """

    def __init__(self, environment: dict[str, Any], rates: np.ndarray) -> None:
        """`rates` have a place for each number that `describe` gives: times these, its changes from one step to the
        next have a size of about 1. A change that is small beside the number would be learned very slowly."""
        self.environment, self.rates = environment, rates
        self.count = len(self.join(np.zeros(len(rates)), np.zeros(len(rates))))
        """Features in x."""

    def emulator(self) -> Any:
        """A game whose states `describe` reads, with the methods of `rlgames.environments.games.Game`."""
        return Game(Games(self.environment | {"stack": 1}, 1))

    @abstractmethod
    def describe(self, state: np.ndarray) -> np.ndarray:
        """A moment in numbers, scaled to a size of about 1: float64, shape (numbers,)."""

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The features of a moment and the one before: its numbers, their changes and a constant, float64, shape
        (count,)."""
        numbers = np.concatenate([newest, (newest - previous) * self.rates]).clip(-LARGEST, LARGEST)
        return np.append(numbers, 1.0)


class FeatureGame:
    """One game whose states are features x. At first, when there is one moment only, nothing has moved."""

    def __init__(self, features: Features) -> None:
        self.features, self.emulator = features, features.emulator()

    def reset(self, seed: int) -> np.ndarray:
        """Begin the episode of this seed: its first x."""
        self.newest = self.features.describe(self.emulator.reset(seed))
        return self.features.join(self.newest, self.newest)

    def step(self, action: int) -> Moment:
        """Take an action (its number in `rlgames.environments.atari.Games.actions`)."""
        moment = self.emulator.step(action)
        previous, self.newest = self.newest, self.features.describe(moment.state)
        return moment._replace(state=self.features.join(self.newest, previous))


class FeatureGames:
    """Several, with the methods of `rlgames.environments.games.Games`; their observations are features x."""

    def __init__(self, features: Features, count: int) -> None:
        self.games = [FeatureGame(features) for _ in range(count)]
        self.x = np.zeros((count, features.count))

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: the x of all."""
        chosen = range(len(self.games)) if mask is None else np.flatnonzero(mask).tolist()
        for game, seed in zip(chosen, seeds.tolist(), strict=True):
            self.x[game] = self.games[game].reset(seed)
        return self.x.copy()

    def step(self, actions: np.ndarray) -> Step:
        """Take an action in every game."""
        moments = [game.step(action) for game, action in zip(self.games, actions.tolist(), strict=True)]
        self.x[:] = [moment.state for moment in moments]
        _, *facts = zip(*moments, strict=True)
        return Step(self.x.copy(), *map(np.array, facts))
