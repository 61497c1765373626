"""A deep agent as it plays, with weights that were kept during its training."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.environments.games import Games, Playable
from rlgames.networks import numerics

EVEN = 8
"""Batches of so many, or of twice as many and so on, give each row the same bits (tests/unit/test_evaluation.py)."""


def prepare() -> None:
    """To be called before the modules of network and agent are imported, and with them TensorFlow."""
    numerics.set_up()


class Player:
    """The online network. Its states are observations."""

    def __init__(
        self, saved: dict[str, np.ndarray], modules: dict[str, ModuleType], environment: dict[str, Any],
        settings: dict[str, Any], features: Any = None,  # noqa: ARG002 (linear agents have features)
    ) -> None:  # fmt: skip
        """`saved` is the weights.npz of a run; `settings` are those that weights need to play with.

        Raises `WeightsError` if the weights are of another network.
        """
        import tensorflow as tf

        from rlgames.networks.building import Network
        from rlgames.networks.reader import Reader

        self.environment, self.make = environment, modules["environment"].Games
        games: Games = self.make(environment, 1)
        agent, body, self.reader = modules["agent"], modules["network"], Reader(games.frame, modules["network"].BLOCK)
        self.shown: str = agent.SHOWN
        """Description of the preferences."""
        self.samples: bool = agent.Learner.samples
        """Whether preferences are the probabilities that actions are sampled from."""
        self.settings = settings
        self.actions = games.actions
        self.network = Network(agent, body, self.reader.shape, games.frame.dtype, len(games.actions), settings)
        self.shape, self.dtype, self.agent = (None, *self.reader.shape), tf.as_dtype(games.frame.dtype), agent
        self.weights = [self.network.fitting(saved, point) for point in range(len(saved["steps"]))]
        self.forwards: dict[int, Any] = {}
        self.tensor = tf.constant

    def forward(self, point: int) -> Any:
        """The preferences by the weights of a point, as a function of what the network reads. (Weights as arguments
        would take as long to check, in each call, as some of the sums.)"""
        import tensorflow as tf

        if point not in self.forwards:
            self.forwards[point] = tf.function(
                lambda x: self.agent.preferences(self.network.with_weights(self.weights[point], x)),
                input_signature=[tf.TensorSpec(self.shape, self.dtype)],
            ).get_concrete_function()
        return self.forwards[point]

    def games(self, count: int) -> Games:
        """`count` games to play."""
        return self.make(self.environment, count)

    def preferences(self, states: np.ndarray, point: int) -> np.ndarray:
        """What actions are chosen by, with the weights kept at a point (from 0) of the training, for states of shape
        (games, stack, *frame): float32, shape (games, actions).

        The same bits in any company: the sums of small batches have another order, so that rows of zeros fill them up.
        """
        empty = np.zeros((-len(states) % EVEN, *states.shape[1:]), states.dtype)
        read = self.reader(np.concatenate([states, empty]))
        return self.forward(point)(self.tensor(read)).numpy()[: len(states)]

    def insights(self, recording: Playable) -> Iterator[dict[str, np.ndarray]]:
        """What the agent's `insights` are with the last weights, before each action of a recorded episode and after the
        last one, without the axis of the batch."""
        import tensorflow as tf

        forward = tf.function(
            lambda x: self.agent.insights(self.network.with_weights(self.weights[-1], x), self.settings)
        )
        games = self.games(1)
        states = games.reset(np.array([recording.reset_seed]))
        for action in (*recording.actions, None):
            found = forward(self.tensor(self.reader(states)))
            yield {name: each.numpy()[0] for name, each in found.items()}
            if action is not None:
                states = games.step(np.array([action])).observations
