"""A block of seeds of a linear agent over tiles, trained one after the other, and what is published of them."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow.parquet import write_table

from rlgames.agents.linear.core import DIVERGED, ENDINGS, TRUNCATED
from rlgames.features.tile_coding import IndexHashed, make
from rlgames.files import replacing


class Block:
    """The seeds of a block, as far as they are trained. (No pandas: it would be a good part of a short job's time.)"""

    def __init__(self, training: ModuleType, agent: ModuleType, spec: dict[str, Any]) -> None:
        """`training` is the module of the loop, `agent` that of the agent."""
        self.training, self.agent, self.spec = training, agent, spec
        self.settings = {key: value for key, value in spec["agent"].items() if key not in ("name", "coding")}
        if (defect := spec["agent"]["coding"].get("defect")) is not None:
            self.settings["defect"] = defect
        self.seeds: list[int] = []
        self.weights: list[np.ndarray] = []
        self.places: list[np.ndarray] = []
        """Of the tiles in each seed's index hash table, without which its weights mean nothing."""
        self.actions: list[bytes] = []
        """Actions of the last episode of each seed."""
        self.tables: list[dict[str, np.ndarray]] = []

    def train(self, seed: int) -> None:
        """Let one more seed learn."""
        environment, settings = self.spec["environment"], self.spec["agent"]
        coding = make(*self.training.ranges(environment), **settings["coding"])
        learned = self.training.train(
            self.agent, seed, coding, environment, episodes=self.spec["episodes"], **self.settings
        )
        self.seeds.append(seed)
        self.weights.append(learned.weights)
        if isinstance(coding, IndexHashed):
            self.places.append(coding.places.astype(np.int32))
        self.tables.append(learned.table(seed))
        self.tables[-1]["collisions"] = np.full(len(self.tables[-1]["seed"]), coding.collisions)
        self.actions.append(learned.actions[: learned.steps[-1]].astype(np.uint8).tobytes())

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """A row for each episode of every seed."""
        return {key: np.concatenate([table[key] for table in self.tables]) for key in self.tables[0]}

    def steps(self) -> int:
        return int(self.columns["steps"].sum())

    def truncated(self) -> int:
        """Episodes that were cut off."""
        return int((self.columns["ending"] == TRUNCATED).sum())

    def diverged(self) -> list[dict[str, int]]:
        """Seeds that diverged, each with its episode."""
        seeds, episodes = self.columns["seed"], self.columns["episode"]
        return [
            {"seed": int(seeds[row]), "episode": int(episodes[row])}
            for row in np.flatnonzero(self.columns["ending"] == DIVERGED)
        ]

    def write(self, name: dict[str, str], weights: Path, episodes: Path, recordings: Path) -> None:
        """Publish weights, the table of episodes, and recordings: the last episode of each seed that came to it."""
        lost = {place["seed"] for place in self.diverged()}
        arrays = {"seeds": np.array(self.seeds), "weights": np.stack(self.weights)}
        arrays["diverged"] = np.isin(self.seeds, list(lost))
        if self.places:
            arrays["places"] = np.stack(self.places)
        with replacing(weights) as path:
            np.savez_compressed(path, **name, **arrays)  # type: ignore[arg-type]
        columns = self.columns
        table = pa.table(
            {
                **{key: pa.array([value] * len(columns["seed"])).dictionary_encode() for key, value in name.items()},
                **columns,
                "ending": pa.DictionaryArray.from_arrays(columns["ending"], ENDINGS),
            }
        )
        with replacing(episodes) as path:
            write_table(table, path)
        ends = np.cumsum([len(each["seed"]) for each in self.tables]) - 1
        kept = [number for number, end in enumerate(ends) if columns["episode"][end] == self.spec["episodes"]]
        actions = pa.array([self.actions[number] for number in kept], pa.binary())
        environment = pa.array([json.dumps(self.spec["environment"])] * len(kept), pa.string())
        last = table.take(ends[kept]).append_column("actions", actions).append_column("environment", environment)
        with replacing(recordings) as path:
            write_table(last, path)
