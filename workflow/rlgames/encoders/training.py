"""Training of an auto-encoder, with early stopping, and all that it takes to resume."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from rlgames.encoders.dataset import evenly, split
from rlgames.encoders.frames import Frames, parts
from rlgames.networks.autoencoder import AutoEncoder, Learner, typical_picture
from rlgames.streams import Purpose, episode_stream, stream

HELD_OUT = 0.1
"""Share of the training frames that say when to stop; no weight is learned from them."""

TYPICAL = 2000
"""Frames that the typical picture is taken from."""

SCALED = 5000
"""Frames, each with the next one, over which the latent variables' means and deviations are taken."""


class Training:
    """A training at some minibatch. `advance` is its only way forward; `state` and `restore` carry it over a kill."""

    unit = "minibatches"

    def __init__(self, frames: Frames, seed: int, settings: dict[str, Any], epochs: int) -> None:
        """Prepare at most `epochs` over the training part of a data set."""
        self.frames, self.seed, self.settings, self.epochs = frames, seed, settings, epochs
        training, _ = split(frames.episodes, settings["split"])
        order = stream(seed, Purpose.HELD_OUT).permutation(training)
        held_out = max(1, int(HELD_OUT * len(order)))
        self.held_out, self.rows = np.sort(order[:held_out]), order[held_out:]
        picture, importance = typical_picture(frames.pictures(self.rows[:TYPICAL]), settings["moving_weight"])
        self.model = AutoEncoder(picture, importance, settings["latents"])
        self.learner = Learner(self.model, settings["step_size"], stream(seed, Purpose.WEIGHTS))
        self.epoch = self.minibatch = self.best_epoch = 0
        self.loss_sum = 0.0
        """Of this epoch's minibatches."""
        self.losses: list[tuple[float, float]] = []
        """Of every epoch that is over: mean on training frames while it lasted, and on held-out ones after it."""
        self.best = self.model.to_arrays()
        self.begin_epoch()

    @property
    def minibatches(self) -> int:
        """In an epoch; the last may be smaller."""
        return -(-len(self.rows) // self.settings["batch_size"])

    @property
    def done(self) -> int:
        """Minibatches so far, in all epochs."""
        return self.epoch * self.minibatches + self.minibatch

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
        """Minibatches of all epochs, if it does not stop early."""
        return self.epochs * self.minibatches

    @property
    def remark(self) -> str:
        return f"held-out loss {self.losses[-1][1]:.5f} after epoch {self.epoch}" if self.losses else ""

    def begin(self) -> None:
        """It has begun with its first epoch."""

    def weights(self) -> dict[str, np.ndarray]:
        """The best so far."""
        return self.best

    def advance(self) -> bool:
        """Learn from a minibatch, and judge the weights when it was the epoch's last; none are kept on the way."""
        size, start = self.settings["batch_size"], self.minibatch * self.settings["batch_size"]
        self.loss_sum += self.learner.update(self.frames.pictures(self.order[start : start + size]))
        self.minibatch += 1
        if self.minibatch == self.minibatches:
            self.end_epoch()
        return False

    def end_epoch(self) -> None:
        judged = [self.model.losses(self.frames.pictures(part)) for part in parts(self.held_out)]
        loss = float(np.concatenate(judged).mean(dtype=np.float64))
        if not self.learner.is_finite():  # ReLU hides it from the loss
            loss = np.nan
        best = self.losses[self.best_epoch - 1][1] if self.losses else np.inf
        self.losses.append((self.loss_sum / self.minibatches, loss))
        self.epoch += 1
        if loss < best:
            self.best_epoch, self.best = self.epoch, self.model.to_arrays()
        self.begin_epoch()

    def result(self) -> dict[str, np.ndarray]:
        """The best weights, and of each latent variable, over training frames, the mean, the standard deviation, and
        that of its change from one frame to the next.

        Nothing can be learned after this: the model has the best weights then.
        """
        self.model.assign(self.best)
        rows = np.sort(self.rows)
        pairs = np.flatnonzero((np.diff(rows) == 1) & (np.diff(self.frames.episodes[rows]) == 0))
        first = rows[evenly(pairs, SCALED)]
        latents, following = self.encode(first), self.encode(first + 1)
        return self.best | {
            "latent_mean": latents.mean(axis=0),
            "latent_deviation": latents.std(axis=0),
            "latent_change": (following - latents).std(axis=0),
        }

    def loss_table(self) -> pd.DataFrame:
        """A row for each epoch: epoch, training, held_out."""
        losses = pd.DataFrame(self.losses, columns=["training", "held_out"])
        losses.insert(0, "epoch", range(1, len(losses) + 1))
        return losses

    def encode(self, rows: np.ndarray) -> np.ndarray:
        """Latent variables of frames: float32, shape (rows, latents)."""
        return np.concatenate([self.model.encode(self.frames.pictures(part)) for part in parts(rows)])

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to resume, as arrays."""
        facts = {name: getattr(self, name) for name in ("epoch", "minibatch", "best_epoch", "loss_sum", "losses")}
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
        self.minibatch, self.loss_sum, self.best_epoch = facts["minibatch"], facts["loss_sum"], facts["best_epoch"]
        self.losses = [tuple(pair) for pair in facts["losses"]]
        self.best = {name.removeprefix("best."): array for name, array in state.items() if name.startswith("best.")}
        for name, variable in self.learner.variables().items():
            variable.assign(state[name])
