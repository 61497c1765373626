"""A deep agent as it plays, with weights that were kept during its training."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from rlgames.environments.games import Game, Games
from rlgames.networks import numerics


def prepare() -> None:
    """To be called before the modules of network and agent are imported, and with them TensorFlow."""
    numerics.set_up()


class Player:
    """The online network. Its states are observations."""

    def __init__(
        self, saved: dict[str, np.ndarray], modules: dict[str, ModuleType], environment: dict[str, Any],
        settings: dict[str, Any], features: Any = None,  # noqa: ARG002 (linear agents have features)
    ) -> None:  # fmt: skip
        """`saved` is the weights.npz of a run; `settings` are those that weights need to play with."""
        import tensorflow as tf

        from rlgames.networks.building import Network
        from rlgames.networks.reader import Reader

        self.saved, self.environment, self.make = saved, environment, modules["environment"].Games
        games: Games = self.make(environment, 1)
        agent, body, self.reader = modules["agent"], modules["network"], Reader(games.frame, modules["network"].BLOCK)
        self.shown: str = agent.SHOWN
        """What the preferences are."""
        self.network = Network(agent, body, self.reader.shape, games.frame.dtype, len(games.actions), settings)
        inputs = tf.TensorSpec((None, *self.reader.shape), tf.as_dtype(games.frame.dtype))
        self.forward = tf.function(lambda x: agent.preferences(self.network(x)), input_signature=[inputs])

    def game(self) -> Game:
        """A game to play."""
        return Game(self.make(self.environment, 1))

    def load(self, point: int) -> None:
        """Take the weights kept at a point (from 0) of the training."""
        self.network.load(self.saved, point)

    def preferences(self, states: np.ndarray) -> np.ndarray:
        """What actions are chosen by, for states of shape (games, stack, *frame): float32, shape (games, actions)."""
        return self.forward(self.reader(states)).numpy()
