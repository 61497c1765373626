"""Latent variables of an auto-encoder as features."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from rlgames.features import base as features
from rlgames.files import read_weights
from rlgames.networks import numerics


class Features(features.Features):
    """Each latent variable, standardised by its mean and standard deviation on the encoder's data set."""

    def __init__(self, environment: dict[str, Any], _settings: dict[str, Any], weights: Path) -> None:
        """`weights` is the weights.npz of a trained auto-encoder."""
        numerics.set_up()  # before TensorFlow is imported; on a processor, so that the bits are the same everywhere

        from rlgames.networks.autoencoder import load

        self.encode = load(weights).encode
        names = ("latent_mean", "latent_deviation", "latent_change")
        saved = read_weights(weights, *names)
        self.mean, deviation, change = (saved[name].astype(np.float64) for name in names)
        self.deviation = np.where(deviation > 0, deviation, 1.0)  # one that never changes is a zero
        super().__init__(environment, self.deviation / np.where(change > 0, change, 1.0))

    def describe(self, states: np.ndarray) -> np.ndarray:
        """`states` are observations: uint8, shape (games, stack, size, size)."""
        latents = self.encode(states[:, -1]).astype(np.float64)
        return (latents - self.mean) / self.deviation
