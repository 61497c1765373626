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
from rlgames.networks.reader import Reader
from rlgames.streams import Purpose, episode_stream, stream


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

    @property
    def total(self) -> int:
        size = self.settings["batch_size"]
        return self.epochs * (len(self.transitions) // size * size)

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

    def learn(self, advanced: Callable[[int], object]) -> None:
        total, size = self.total, self.settings["batch_size"]
        for epoch in range(1, self.epochs + 1):
            self.epoch = epoch
            order = episode_stream(self.seed, Purpose.MINIBATCHES, epoch).permutation(self.transitions)
            for rows in order[: len(order) // size * size].reshape(-1, size):
                terminal = self.frames.terminal[rows]
                following = np.where(terminal, rows, rows + 1)  # meaningless after a terminal state
                discounts = np.where(terminal, 0, self.settings["discount"]).astype(np.float32)
                self.learner.step_size = self.step_size(self.steps / total)
                self.learner.update(
                    Minibatch(
                        self.observations(rows), np.zeros(size, np.int32), self.frames.rewards[rows], discounts,
                        self.observations(following),
                    )
                )  # fmt: skip
                self.steps += size
                advanced(size)
            if not self.learner.online.is_finite():
                self.diverged = True
                return

    def values(self, rows: np.ndarray) -> np.ndarray:
        found = [self.learner.preferences(self.observations(part)) for part in parts(rows)]
        return np.concatenate([*found, np.empty(0)])

    def weights(self) -> dict[str, np.ndarray]:
        return self.learner.online.arrays()
