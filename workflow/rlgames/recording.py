"""Recordings: an episode is a seed and its actions, and can be played again from them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from rlgames.settings.environments import Environment


def replay(recording: dict[Any, Any], *, render: bool = False) -> Iterator[tuple[float, bool, np.ndarray | None]]:
    """Play a recording again: reward, end and picture of each step.

    `recording` is a row of recordings.parquet: seed, episode (from 1), actions as bytes, steps, return, ending, the
    settings of the environment as JSON and, for Atari, the emulator's seed. The first picture comes before any action,
    with a reward of 0. With `render`, pictures are those that people see: uint8, shape (height, width, 3). Without,
    they are Atari's stacked frames, uint8, shape (stack, height, width), and None for other games.
    """
    environment = environment_of(recording)
    module = import_module(environment.module)
    return module.replay(recording, environment.model_dump(), render=render)


def environment_of(recording: dict[Any, Any]) -> Any:
    """The settings of the environment that an episode was played in."""
    return TypeAdapter(Environment).validate_json(recording["environment"])
