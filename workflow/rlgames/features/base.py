"""Features of Atari games for linear agents: what a moment shows, and how it differs from the one before."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np

from rlgames.environments.atari import Games
from rlgames.environments.games import Playable, Step

LARGEST = 3.0
"""Features are clipped to ±3, so that one outlier frame cannot blow up the weights."""


class Features(ABC):
    """How a moment of a game becomes numbers, and two moments become features. One object serves many games.

    Each module of this package has a subclass, `Features(environment, settings, weights)`, from the settings of the
    environment, those of the features, and, for an encoder, the path of its weights.
    """

    reads_memory: ClassVar[bool] = False
    """Whether `describe` reads the console's memory rather than pictures."""

    def __init__(self, environment: dict[str, Any], rates: np.ndarray) -> None:
        """`rates` have a place for each number that `describe` gives: times these, its changes from one step to the
        next have a size of about 1. A change that is small beside the number would be learned very slowly."""
        self.environment, self.rates = environment, rates
        nothing = np.zeros((1, len(rates)))
        self.count = self.join(nothing, nothing).shape[1]
        """Number of features in x."""

    def emulators(self, count: int) -> Any:
        """Games whose states `describe` reads, with the methods of `rlgames.environments.games.Games`."""
        return Games(self.environment | {"stack": 1}, count)

    @abstractmethod
    def describe(self, states: np.ndarray) -> np.ndarray:
        """A moment of every game in numbers, scaled to a size of about 1: float64, shape (games, numbers)."""

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:
        """The features of moments and those before: their numbers, their changes and a constant, float64, shape (games,
        count)."""
        numbers = np.concatenate([newest, (newest - previous) * self.rates], axis=1).clip(-LARGEST, LARGEST)
        return np.concatenate([numbers, np.ones((len(numbers), 1))], axis=1)

    def places(self, numbers: np.ndarray) -> np.ndarray:
        """Where things are on the screen in moments, as `describe` gives them: their x and y as shares of its width and
        height, float64, shape (games, things, 2), with NaN for those that are not there. The first thing is what the
        agent controls. Most features tell no places."""
        return np.empty((len(numbers), 0, 2))

    def seen(self, recording: Playable) -> Iterator[np.ndarray]:
        """The `places` of a recorded episode, before each action and after the last one: float64, shape (things, 2)."""
        games = FeatureGames(self, 1)
        games.reset(np.array([recording.reset_seed]))
        yield self.places(games.newest)[0]
        for action in recording.actions:
            games.step(np.array([action]))
            yield self.places(games.newest)[0]


class FeatureGames:
    """Games with the methods of `rlgames.environments.games.Games`, whose observations are features x. At first, when
    there is one moment only, nothing has moved."""

    def __init__(self, features: Features, count: int) -> None:
        self.features, self.games = features, features.emulators(count)
        self.newest = np.zeros((count, len(features.rates)))
        self.x = features.join(self.newest, self.newest)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """Begin an episode in every game (or where `mask`), each with its own of `seeds`: the x of all."""
        states, begun = self.games.reset(seeds, mask), slice(None) if mask is None else mask
        self.newest[begun] = self.features.describe(states)[begun]  # of all: an encoder's bits depend on the batch
        self.x[begun] = self.features.join(self.newest[begun], self.newest[begun])
        return self.x.copy()

    def step(self, actions: np.ndarray) -> Step:
        """Take an action in every game."""
        step, previous = self.games.step(actions), self.newest
        self.newest = self.features.describe(step.observations)
        self.x = self.features.join(self.newest, previous)
        return step._replace(observations=self.x.copy())
