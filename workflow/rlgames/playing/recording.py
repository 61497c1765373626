"""Recordings: an episode is a seed and its actions, and can be played again from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rlgames.environments.games import Replayed
from rlgames.files import read_table, reading


class Recording(NamedTuple):
    """A recorded episode, of training or of evaluation."""

    episode: int
    """Number of the episode, from 1."""
    steps: int
    score: float
    """Its return: the sum of raw rewards."""
    ending: str
    actions: bytes
    environment: dict[str, Any]
    """Settings of the environment."""
    experiment: str = ""
    variant: str = ""
    seed: int = 0
    """Seed of the run."""
    reset_seed: int = 0
    """Seed of the game; environments that derive it from run and episode need none."""
    agent: str = ""
    """Kind of agent, in an evaluation: trained, random, in training, or sampled."""
    trained_steps: int = 0
    shown: str = ""
    """Description of the preferences."""
    rewards: np.ndarray | None = None
    """Rewards after every action, in an evaluation: float32, shape (steps,)."""
    preferences: np.ndarray | None = None
    """Preferences before every action, in an evaluation: float32, shape (steps, actions); None for random play, and for
    weights that had diverged."""

    @classmethod
    def of(cls, row: dict[Any, Any]) -> Recording:
        """A row of recordings.parquet."""
        known = {name: row[name] for name in cls._fields if name in row and name not in ("rewards", "environment")}
        rewards, values = row.get("rewards"), row.get("values")
        return cls(
            **known,
            score=float(row["return"]),
            environment=json.loads(row["environment"]),
            rewards=None if rewards is None else np.frombuffer(rewards, "<f4"),
            preferences=None if values is None else np.frombuffer(values, "<f4").reshape(int(row["steps"]), -1),
        )

    @property
    def module(self) -> Any:
        """The module of its game."""
        return import_module(module_name(self.environment))

    def replay(self, *, render: bool = False) -> Iterator[Replayed]:
        """Play it again, step by step."""
        return self.module.replay(self, render=render)

    def action_names(self) -> list[str]:
        """Names of the actions, in the order of their numbers."""
        return self.module.actions(self.environment)


def module_name(environment: dict[str, Any]) -> str:
    """The module of the game that settings describe."""
    return f"rlgames.environments.{environment['name'].replace('-', '_')}"


def read(path: Path) -> list[Recording]:
    """The recordings in a file. Raises `UserError` for a file that has none."""
    rows = read_table(path).to_dict("records")
    with reading(path):
        return [Recording.of(row) for row in rows]
