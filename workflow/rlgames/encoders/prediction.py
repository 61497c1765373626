"""Prediction: the values of a fixed policy, learned from episodes that it played, and judged on others.

Values are of the discounted return, which in an episode that was cut off is known only for moments far enough from its
end. What learns them is a subclass of `Prediction`: a linear agent, below, or a network (value_network.py).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from rlgames.encoders.dataset import split
from rlgames.encoders.frames import Frames, parts
from rlgames.features.base import Features
from rlgames.messages import UserError
from rlgames.statistics import discounted
from rlgames.streams import Purpose, episode_stream

UNKNOWN = 0.01
"""A return is known if what follows the last reward of a data set's episode counts less than this in it."""


FACTS = ("epoch", "place", "steps", "diverged")
"""Of a training, that a save holds besides arrays."""


class Prediction(ABC):
    """Learning from the training episodes of a data set, and predicted returns of its test episodes.

    It is a training at some place in an epoch (`rlgames.training.protocol`), once all frames are described.
    """

    unit = "steps"
    steps_per_epoch: int
    """Steps of play to learn from in an epoch."""

    def __init__(self, frames: Frames, seed: int, settings: dict[str, Any], epochs: int) -> None:
        """Prepare. Raises `UserError` if nothing could be judged."""
        self.frames = frames
        self.seed, self.settings, self.epochs = seed, settings, epochs
        self.training, self.test = (np.unique(frames.episodes[rows]) for rows in split(frames.episodes, "episode"))
        numbers, starts = np.unique(frames.episodes, return_index=True)
        self.rows = dict(zip(numbers.tolist(), np.split(np.arange(len(frames)), starts[1:]), strict=True))
        known = [self.returns(episodes, settings["discount"]) for episodes in (self.training, self.test)]
        if not all(any(len(found) for *_, found in some) for some in known):
            raise UserError(
                f"{frames.path}: its episodes are cut off so soon that no return is known. Raise the size of the data "
                "set or its environment.max_steps, or lower the discount."
            )
        self.epoch, self.place, self.steps = 1, 0, 0
        """The epoch, from 1; how many rows of its `order` are done; and steps learned from in all epochs."""
        self.order = np.empty(0, np.int64)
        """What each `advance` of this epoch learns from."""
        self.diverged = False

    @property
    def total(self) -> int:
        """Steps of play to learn from, in all epochs."""
        return self.epochs * self.steps_per_epoch

    @property
    def done(self) -> int:
        """Steps learned from so far."""
        return self.steps

    @property
    def finished(self) -> bool:
        return self.diverged or self.steps >= self.total

    @property
    def remark(self) -> str:
        return f"epoch {self.epoch} of {self.epochs}"

    @abstractmethod
    def describe(self, advanced: Callable[[int], object]) -> None:
        """Look at all frames; `advanced` gets the number of those done since its last call."""

    @abstractmethod
    def shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """All that there is to learn from in an epoch, in a new order; an `advance` takes one of its rows."""

    @abstractmethod
    def learn(self, rows: Any) -> None:
        """Learn from a row of the order, unless weights diverge, and count its steps."""

    @abstractmethod
    def arrays(self) -> dict[str, np.ndarray]:
        """All that learning changes, by name."""

    @abstractmethod
    def assign(self, arrays: dict[str, np.ndarray]) -> None:
        """Set it."""

    def begin(self) -> None:
        """Shuffle what is learned from in this epoch, by a stream of its own."""
        self.order = self.shuffled(episode_stream(self.seed, Purpose.MINIBATCHES, self.epoch))

    def advance(self) -> bool:
        """Learn from the next row of the order; no weights are kept on the way."""
        self.learn(self.order[self.place])
        self.place += 1
        if self.place == len(self.order) and not self.finished:
            self.epoch, self.place = self.epoch + 1, 0
            self.begin()
        return False

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to resume, as arrays."""
        facts = {name: getattr(self, name) for name in FACTS}
        return {"facts": np.array(json.dumps(facts)), **self.arrays()}

    def restore(self, state: dict[str, np.ndarray], _advanced: Callable[[int, int], None]) -> None:
        """Resume from `state`; nothing is played again."""
        for name, value in json.loads(str(state["facts"])).items():
            setattr(self, name, value)
        self.begin()
        self.assign(state)

    @abstractmethod
    def values(self, rows: np.ndarray) -> np.ndarray:
        """The values of the first moments of an episode, by their rows: float64, shape (rows,)."""

    @abstractmethod
    def weights(self) -> dict[str, np.ndarray]:
        """What was learned, by name."""

    def step_size(self, share: float) -> float:
        """Falls linearly to `step_size_end`, if that is given; `share` is the share of steps done."""
        start, end = self.settings["step_size"], self.settings["step_size_end"]
        return float(start if end is None else start + (end - start) * share)

    def predictions(self) -> pd.DataFrame:
        """A row for each moment of the test episodes whose return is known: episode, step, value, return, and mean, of
        the returns in training; blank values if the weights diverged."""
        discount = self.settings["discount"]
        mean = np.concatenate([kept for _, _, kept in self.returns(self.training, discount)]).mean()
        tables = [
            pd.DataFrame(
                {
                    "episode": episode,
                    "step": self.frames.steps[rows],
                    "value": np.full(len(rows), np.nan) if self.diverged else self.values(rows),
                    "return": kept,
                    "mean": mean,
                }
            )
            for episode, rows, kept in self.returns(self.test, discount)
        ]
        return pd.concat(tables, ignore_index=True)

    def returns(self, episodes: np.ndarray, discount: float) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Of each episode its number, the rows of moments whose discounted return is known, and those returns."""
        for episode in episodes.tolist():
            rows = self.rows[episode]
            found = discounted(self.frames.rewards[rows], discount)
            if not self.frames.terminal[rows[-1]]:
                found = found[: np.count_nonzero(discount ** np.arange(len(rows), 0, -1) < UNKNOWN)]
            yield episode, rows[: len(found)], found


class Training(Prediction):
    """True online TD(λ) (van Seijen et al. 2016; Sutton and Barto 2018, section 12.5) over the training episodes of a
    data set, again and again, in a new order each time. Zero initial weights.

    A linear agent of a single action is one of state values.
    """

    def __init__(
        self, modules: dict[str, ModuleType], frames: Frames, seed: int, settings: dict[str, Any], epochs: int,
        features: Features,
    ) -> None:  # fmt: skip
        """Prepare. The module of the agent has `Trace`, `action_value` and `update`, of which the only action is 0.

        Raises `UserError` if nothing could be judged.
        """
        super().__init__(frames, seed, settings, epochs)
        self.agent, self.features = modules["agent"], features
        self.steps_per_epoch = sum(len(self.rows[episode]) for episode in self.training.tolist())
        self.w = np.zeros((1, features.count))
        self.trace = self.agent.Trace.empty(1, features.count)

    def describe(self, advanced: Callable[[int], object]) -> None:
        """Describe all frames; `advanced` gets the number of those done since its last call."""
        self.numbers = np.empty((len(self.frames), len(self.features.rates)))
        for rows in parts(np.arange(len(self.frames))):
            memory = self.features.reads_memory
            states = self.frames.memories(rows) if memory else self.frames.pictures(rows)[:, np.newaxis]
            self.numbers[rows] = self.features.describe(states)
            advanced(len(rows))

    def x(self, rows: np.ndarray) -> np.ndarray:
        """The features of an episode's moments, of which the first is still: shape (moments, features)."""
        newest = self.numbers[rows]
        return self.features.join(newest, np.concatenate([newest[:1], newest[:-1]]))

    def shuffled(self, rng: np.random.Generator) -> np.ndarray:
        """Episodes, by their numbers."""
        return rng.permutation(self.training)

    def learn(self, rows: Any) -> None:
        """Learn from an episode."""
        moments = self.rows[int(rows)]
        self.learn_episode(moments, self.step_size(self.steps / self.total))
        if not self.diverged:
            self.steps += len(moments)

    def arrays(self) -> dict[str, np.ndarray]:
        """Traces begin anew with each episode."""
        return {"w": self.w}

    def assign(self, arrays: dict[str, np.ndarray]) -> None:
        self.w[:] = arrays["w"]

    def learn_episode(self, rows: np.ndarray, step_size: float) -> None:
        """The box of true online TD(λ). After the last step of an episode that was cut off, nothing is known."""
        discount, trace_decay = self.settings["discount"], self.settings["trace_decay"]
        x, rewards, terminal = self.x(rows), self.frames.rewards[rows], self.frames.terminal[rows]
        self.trace.clear()
        old_value = 0.0
        for moment in range(len(rows)):
            if terminal[moment]:
                next_value = 0.0
            elif moment + 1 < len(rows):
                next_value = self.agent.action_value(self.w, x[moment + 1], 0)
            else:
                return
            sound = self.agent.update(
                self.w, self.trace, x[moment], 0, rewards[moment], next_value, old_value, step_size, discount,
                trace_decay,
            )  # fmt: skip
            old_value = next_value
            self.diverged |= not sound

    def values(self, rows: np.ndarray) -> np.ndarray:
        return np.array([self.agent.action_value(self.w, x, 0) for x in self.x(rows)])

    def weights(self) -> dict[str, np.ndarray]:
        return {"weight_0": self.w}
