"""DQN with a histogram loss, HL-Gauss (Imani and White 2018; Farebrother et al. 2024, "Stop regressing").

The target is DQN's number, made a histogram: the mass of a normal distribution around it that falls into each of some
`bins`. Learning that is a classification. Q(s, a) is the mean of the network's histogram. Unlike C51 it does not follow
the distribution of returns: what it spreads is the target, by the same width everywhere.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from rlgames.agents.deep import dqn
from rlgames.agents.deep.c51 import Learner, Outputs, distributions, loss, preferences
from rlgames.agents.deep.learner import Minibatch
from rlgames.networks.building import Network

__all__ = ["SHOWN", "Learner", "Outputs", "heads", "insights", "loss", "preferences", "target"]

SHOWN = "histograms of the value"
"""Label, in videos, of the histograms of which `preferences` are the means."""


def edges(settings: dict[str, Any]) -> np.ndarray:
    """Edges of the bins: float32, shape (bins + 1,)."""
    return np.linspace(settings["v_min"], settings["v_max"], settings["bins"] + 1, dtype=np.float32)


def middles(settings: dict[str, Any]) -> np.ndarray:
    """Midpoints of the bins, the values that they stand for: float32, shape (bins,)."""
    ends = edges(settings)
    return (ends[:-1] + ends[1:]) / 2


def heads(features: keras.KerasTensor, actions: int, settings: dict[str, Any]) -> Outputs:
    """A head with a histogram of the value for each action."""
    return distributions(features, actions, middles(settings))


def insights(outputs: Outputs, settings: dict[str, Any]) -> dict[str, tf.Tensor]:
    """What videos show besides: the histograms, of shape (batch, actions, bins), and the values they are over, of
    shape (1, bins)."""
    return {"distributions": tf.nn.softmax(outputs.logits), "returns": middles(settings)[None]}


def target(minibatch: Minibatch, online: Network, target_network: Network, settings: dict[str, Any]) -> tf.Tensor:
    """The histogram of R + γ max_a Q⁻(S', a): shape (batch, bins)."""
    return histogram(dqn.target(minibatch, online, target_network, settings), settings)


def histogram(values: tf.Tensor, settings: dict[str, Any]) -> tf.Tensor:
    """The mass of N(value, σ²) in each bin, as a share of that in all of them (Farebrother et al., section 3.1).

    `values` of shape (batch,) become shape (batch, bins). A value beyond the ends counts as the end.
    """
    ends = edges(settings)
    width = settings["smoothing"] * (ends[1] - ends[0])
    inside = tf.clip_by_value(values, ends[0], ends[-1])
    below = tf.math.erf((ends - inside[:, None]) / (width * np.sqrt(2, dtype=np.float32)))
    return (below[:, 1:] - below[:, :-1]) / (below[:, -1:] - below[:, :1])
