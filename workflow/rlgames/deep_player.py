"""A deep agent as it plays, with weights that were kept during its training."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from rlgames.devices import prepare
from rlgames.environments.atari import PATCH, Game, Games, offsets, patches


class Player:
    """The online network. Its states are observations."""

    def __init__(self, saved: dict[str, np.ndarray], environment: dict[str, Any], settings: dict[str, Any]) -> None:
        """`saved` is the weights.npz of a run; `settings` are those of the network."""
        prepare("cpu", 1)  # before TensorFlow is imported

        import tensorflow as tf

        from rlgames import networks

        side = environment["image_size"] // PATCH
        shape = (side, side, PATCH**2 * len(offsets(environment)))
        network = networks.make(settings, shape, len(Games(environment, 1).actions))
        self.game = partial(Game, environment)
        self.load = partial(networks.load, network, saved)
        """Take the weights kept at a point (from 0) of the training."""
        self.forward = tf.function(lambda x: network(x), input_signature=[tf.TensorSpec((None, *shape), tf.uint8)])

    def q(self, states: np.ndarray) -> np.ndarray:
        """Action values of observations, uint8 of shape (games, stack, height, width): float32, (games, actions)."""
        return self.forward(patches(states)).numpy()
