"""Training of an auto-encoder, with early stopping, and all that it takes to resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from rlgames.encoders.dataset import split
from rlgames.encoders.frames import Frames, parts
from rlgames.networks.encoder import Learner
from rlgames.networks.foreground import PixelWeights
from rlgames.streams import Purpose, episode_stream, stream

HELD_OUT = 0.1
"""Share of the training frames that say when to stop; no weight is learned from them."""

TYPICAL = 2000
"""Number of frames of which the typical picture is the median."""

MEASURED = 10_000
"""Training frames, those that were played first, over which the encoder's numbers are measured in the end."""

TRIAL = 200
"""Minibatches in which each of several initial weights show what they are worth."""

FACTS = ("epoch", "minibatch", "best_epoch", "loss_sum", "losses", "trials")
"""Of a training, that a save holds besides arrays."""


class Training:
    """A training at some minibatch. `advance` is its only way forward; `state` and `restore` carry it over a kill."""

    unit = "minibatches"

    def __init__(
        self, modules: dict[str, ModuleType], frames: Frames, seed: int, settings: dict[str, Any], epochs: int
    ) -> None:  # fmt: skip
        """Prepare at most `epochs` over the training part of a data set. The module of the agent has an `Encoder`."""
        self.frames, self.seed, self.settings, self.epochs = frames, seed, settings, epochs
        training, _ = split(frames.episodes, settings["split"])
        order = stream(seed, Purpose.HELD_OUT).permutation(training)
        held_out = max(1, int(HELD_OUT * len(order)))
        self.held_out, self.rows = np.sort(order[:held_out]), order[held_out:]
        pixels = PixelWeights.of(
            frames.pictures(self.rows[:TYPICAL]), settings["moving_weight"], ignore_still=settings["ignore_still"]
        )
        self.model = modules["agent"].Encoder(pixels, settings)
        self.learner = Learner(self.model)
        self.epoch = self.minibatch = self.best_epoch = 0
        self.loss_sum = 0.0
        """Sum of the losses of this epoch's minibatches."""
        self.losses: list[tuple[float, float]] = []
        """Of every epoch that is over: mean on training frames while it lasted, and on held-out ones after it."""
        self.trials: list[float] = []
        """Held-out loss that each of several initial weights had after their trial."""
        self.begin_epoch()
        self.draw(0)

    def draw(self, number: int) -> None:
        """Start from the initial weights of a number, each with a stream of its own."""
        self.learner.begin(episode_stream(self.seed, Purpose.WEIGHTS, number))
        self.best, self.minibatch = self.model.to_arrays(), 0

    @property
    def trying(self) -> bool:
        """Whether it is still to be found which initial weights are worth a training."""
        return len(self.trials) < self.settings["trials"] > 1

    @property
    def minibatches(self) -> int:
        """Number of minibatches in an epoch; the last may be smaller."""
        return -(-len(self.rows) // self.settings["batch_size"])

    @property
    def done(self) -> int:
        """Minibatches so far, in all trials and epochs."""
        return len(self.trials) * TRIAL + self.epoch * self.minibatches + self.minibatch

    @property
    def finished(self) -> bool:
        """Whether all epochs are over, or so many in a row brought nothing better, or a weight is not finite."""
        stale = self.epoch - self.best_epoch >= self.settings["patience"]
        return self.epoch >= self.epochs or stale or self.diverged

    @property
    def diverged(self) -> bool:
        return bool(self.losses) and not np.isfinite(self.losses[-1]).all()

    def begin_epoch(self) -> None:
        """Shuffle, by a stream of the epoch's own."""
        rng = episode_stream(self.seed, Purpose.MINIBATCHES, self.epoch)
        self.order, self.minibatch, self.loss_sum = rng.permutation(self.rows), 0, 0.0

    @property
    def total(self) -> int:
        """Minibatches of all trials and epochs, if it does not stop early."""
        trials = self.settings["trials"]
        return (trials > 1) * trials * TRIAL + self.epochs * self.minibatches

    @property
    def step_size(self) -> float:
        """It falls linearly over all epochs, if it has an end."""
        start, end = self.settings["step_size"], self.settings["step_size_end"]
        share = 0.0 if self.trying else (self.epoch + self.minibatch / self.minibatches) / self.epochs
        return float(start if end is None else start + (end - start) * share)

    @property
    def remark(self) -> str:
        return f"held-out loss {self.losses[-1][1]:.5f} after epoch {self.epoch}" if self.losses else ""

    def begin(self) -> None:
        """It has begun with its first epoch."""

    def weights(self) -> dict[str, np.ndarray]:
        """The best weights so far."""
        return self.best

    def advance(self) -> bool:
        """Learn from a minibatch, and judge the weights when it was the last of a trial or an epoch; none are kept on
        the way."""
        size, start = self.settings["batch_size"], self.minibatch % self.minibatches * self.settings["batch_size"]
        self.loss_sum += self.learner.update(*self.pictures(self.order[start : start + size]), self.step_size)
        self.minibatch += 1
        if self.trying and self.minibatch == TRIAL:
            self.end_trial()
        elif not self.trying and self.minibatch == self.minibatches:
            self.end_epoch()
        return False

    def pictures(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frames, and those a step before them, of which a loss without `ignore_still` takes no notice."""
        frames = self.frames.pictures(rows)
        before = self.frames.pictures(rows - (self.frames.steps[rows] > 0)) if self.settings["ignore_still"] else frames
        return frames, before

    def end_trial(self) -> None:
        """Go on to the next initial weights or, after the last, begin anew with the best."""
        self.trials.append(self.held_out_loss())
        self.loss_sum = 0.0
        self.draw(len(self.trials) if self.trying else int(np.nanargmin([*self.trials, np.inf])) % len(self.trials))

    def end_epoch(self) -> None:
        loss = self.held_out_loss()
        best = self.losses[self.best_epoch - 1][1] if self.losses else np.inf
        self.losses.append((self.loss_sum / self.minibatches, loss))
        self.epoch += 1
        if loss < best:
            self.best_epoch, self.best = self.epoch, self.model.to_arrays()
        self.begin_epoch()

    def held_out_loss(self) -> float:
        """Mean over the held-out frames; NaN once a weight is not finite, which ReLU hides from the loss."""
        judged = [self.model.losses(*self.pictures(part)) for part in parts(self.held_out)]
        loss = float(np.concatenate(judged).mean(dtype=np.float64))
        return loss if self.learner.is_finite() else np.nan

    def result(self) -> dict[str, np.ndarray]:
        """The best weights, and what their numbers tell of the first training frames and from one to the next.

        Nothing can be learned after this: the model has the best weights then.
        """
        self.model.assign(self.best)
        rows = np.sort(self.rows)[:MEASURED]
        follows = np.append((np.diff(rows) == 1) & (np.diff(self.frames.episodes[rows]) == 0), False)
        numbers = np.concatenate([self.model.encode(self.frames.pictures(part)) for part in parts(rows)])
        return self.best | self.model.measured(numbers, self.frames.actions[rows], follows)

    def loss_table(self) -> pd.DataFrame:
        """A row for each epoch: epoch, training, held_out."""
        losses = pd.DataFrame(self.losses, columns=["training", "held_out"])
        losses.insert(0, "epoch", range(1, len(losses) + 1))
        return losses

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to resume, as arrays."""
        facts = {name: getattr(self, name) for name in FACTS}
        return {
            "facts": np.array(json.dumps(facts)),
            **{f"best.{name}": array for name, array in self.best.items()},
            **{name: variable.numpy() for name, variable in self.learner.variables().items()},
        }

    def restore(self, state: dict[str, np.ndarray], _advanced: Callable[[int, int], None]) -> None:
        """Resume from `state`; nothing is played again."""
        facts = json.loads(str(state["facts"]))
        self.epoch = facts["epoch"]
        self.begin_epoch()
        for name in FACTS:
            setattr(self, name, facts[name])
        self.losses = [tuple(pair) for pair in facts["losses"]]
        self.best = {name.removeprefix("best."): array for name, array in state.items() if name.startswith("best.")}
        for name, variable in self.learner.variables().items():
            variable.assign(state[name])
