"""Prediction by a network: state values of a fixed policy, learned by TD(0) from single steps of its episodes."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.deep.replay import Minibatch
from rlgames.encoders.frames import Frames, parts
from rlgames.encoders.prediction import Prediction
from rlgames.environments.games import Frame
from rlgames.messages import UserError
from rlgames.networks.reader import Reader
from rlgames.streams import Purpose, stream


class Training(Prediction):
    """Semi-gradient TD(0) with minibatches and a target network, over the training steps of a data set, again and
    again, in a new order each time."""

    def __init__(
        self, modules: dict[str, ModuleType], frames: Frames, seed: int, settings: dict[str, Any], epochs: int
    ) -> None:
        """Prepare. `modules` are those of agent and network. Raises `UserError` if nothing could be judged."""
        super().__init__(frames, seed, settings, epochs)
        agent, body = modules["agent"], modules["network"]
        offsets = tuple(reversed(range(settings["stack"])))
        self.reader = Reader(Frame((frames.size, frames.size), np.uint8, offsets), body.BLOCK)
        self.learner = agent.Learner(agent, body, self.reader, 0, settings, stream(seed, Purpose.WEIGHTS))
        goes_on = np.append(frames.episodes[1:] == frames.episodes[:-1], False)
        rows = np.flatnonzero(np.isin(frames.episodes, self.training))
        self.transitions = rows[goes_on[rows] | frames.terminal[rows]]
        """Rows of training moments of which it is known what followed."""
        size = settings["batch_size"]
        self.steps_per_epoch = len(self.transitions) // size * size
        if not self.steps_per_epoch:
            raise UserError(
                f"{frames.path} has {len(self.transitions)} steps to learn from, which fill no minibatch: lower the "
                "agent's batch_size, or raise the size of the data set."
            )

    def describe(self, advanced: Callable[[int], object]) -> None:
        """Decode all frames; `advanced` gets the number of those done since its last call."""
        self.pictures = np.empty((len(self.frames), *self.reader.frame_shape), np.uint8)
        for rows in parts(np.arange(len(self.frames))):
            self.pictures[rows] = self.reader.newest(self.frames.pictures(rows)[:, np.newaxis])
            advanced(len(rows))

    def observations(self, rows: np.ndarray) -> np.ndarray:
        """What the network reads at each row: the frames of a stack, zeros where the episode was younger."""
        stack = []
        for offset in reversed(range(self.settings["stack"])):
            frame = self.pictures[np.maximum(rows - offset, 0)]
            frame[self.frames.steps[rows] < offset] = 0
            stack.append(frame)
        return np.concatenate(stack, axis=-1)

    def shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Rows of moments, shape (minibatches, batch size); those left over wait for another epoch."""
        order = rng.permutation(self.transitions)[: self.steps_per_epoch]
        return order.reshape(-1, self.settings["batch_size"])

    def learn(self, rows: Any) -> None:
        """Learn from a minibatch, and look at the weights when it was the last of an epoch."""
        terminal = self.frames.terminal[rows]
        following = np.where(terminal, rows, rows + 1)  # meaningless after a terminal state
        discounts = np.where(terminal, 0, self.settings["discount"]).astype(np.float32)
        self.learner.step_size = self.step_size(self.steps / self.total)
        self.learner.update(
            Minibatch(
                self.observations(rows), np.zeros(len(rows), np.int32), self.frames.rewards[rows], discounts,
                self.observations(following),
            )
        )  # fmt: skip
        self.steps += len(rows)
        if self.place + 1 == len(self.order):
            self.diverged = not self.learner.online.is_finite()

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: variable.numpy() for name, variable in self.learner.variables().items()}

    def assign(self, arrays: dict[str, np.ndarray]) -> None:
        for name, variable in self.learner.variables().items():
            variable.assign(arrays[name])

    def values(self, rows: np.ndarray) -> np.ndarray:
        found = [self.learner.preferences(self.observations(part)) for part in parts(rows)]
        return np.concatenate([*found, np.empty(0)])

    def weights(self) -> dict[str, np.ndarray]:
        return self.learner.online.arrays()
