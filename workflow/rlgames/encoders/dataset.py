"""Data sets: what a policy saw while it played, how they are split, and what a split lets through."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from rlgames.encoders.frames import Frames, Row, encode, parts
from rlgames.environments import atari
from rlgames.environments.atari_ram import Memory
from rlgames.files import reading
from rlgames.messages import UserError
from rlgames.playing.recording import Recording, read
from rlgames.provenance import Manifest
from rlgames.streams import Purpose, episode_stream, reset_seed

TEST_SHARE, SPLIT_SEED = 0.3, 42
"""Share of test frames and seed of the split, as in the lesson."""

SPLITS = ("random", "episode")

NEIGHBOURS = 300
"""Number of test frames whose nearest training frame is looked for."""


class Observed(NamedTuple):
    """An episode, or its beginning, with what was seen before each action."""

    reset_seed: int
    actions: bytes
    rewards: list[float]
    ending: str
    frames: list[bytes]
    """Frames as PNG, one before each action."""
    memories: list[bytes]

    def cut(self, length: int) -> Observed:
        """Its first `length` steps, unfinished; itself if it has no more."""
        if length >= len(self.actions):
            return self
        lists = (self.actions, self.rewards, self.frames, self.memories)
        actions, rewards, frames, memories = (each[:length] for each in lists)
        return Observed(self.reset_seed, actions, rewards, "unfinished", frames, memories)  # type: ignore[arg-type]


def play(environment: dict[str, Any], seed: int, actions: Iterable[int]) -> Observed:
    """Play the episode of an emulator's `seed` to its end, or to that of `actions`."""
    game = Memory(environment)
    moment = game.reset(seed)
    taken, rewards, frames, memories = bytearray(), [], [], []
    for action in actions:
        frames.append(encode(moment.state.frame))
        memories.append(moment.state.memory.tobytes())
        moment = game.step(action)
        taken.append(action)
        rewards.append(moment.reward)
        if moment.terminated or moment.truncated:
            break
    ending = "terminated" if moment.terminated else "truncated" if moment.truncated else "unfinished"
    return Observed(seed, bytes(taken), rewards, ending, frames, memories)


def random_episode(environment: dict[str, Any], actions: int, seed: int, number: int) -> Observed:
    """Episode `number` of random play among so many actions, with streams of its own."""
    rng = episode_stream(seed, Purpose.DATASET_EXPLORATION, number)
    choices = (int(rng.integers(actions)) for _ in count())
    return play(environment, reset_seed(seed, Purpose.DATASET, number), choices)


def recorded_episode(environment: dict[str, Any], recording: Recording) -> Observed:
    """A recorded episode, played again."""
    return play(environment, recording.reset_seed, recording.actions)


def side_by_side(
    one: Callable[[Any], Observed], arguments: Iterable[Any], workers: int, begin: Callable[[int], None]
) -> Iterator[Observed]:
    """The episodes of all `arguments`, in their order, played in so many processes, no more than two each ahead. Each
    process calls `begin` first, with the number of this one."""
    with ProcessPoolExecutor(workers, initializer=begin, initargs=(os.getpid(),)) as pool:
        waiting: deque[Future[Observed]] = deque()
        try:
            for argument in arguments:
                waiting.append(pool.submit(one, argument))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def observe(episodes: Iterator[Observed], size: int) -> Iterator[Observed]:
    """The episodes until `size` observations are there; the last is cut."""
    left = size
    while left and (episode := next(episodes, None)) is not None:
        yield (episode := episode.cut(left))
        left -= len(episode.actions)


class Playing:
    """The episodes of a data set, as they are played; workers change no result."""

    def __init__(self, spec: dict[str, Any], policy: list[Path], advanced: Callable[[int], None]) -> None:
        """`spec` has game, size and seed; `policy` is the file of a trained agent's recordings, if one plays."""
        self.spec, self.policy, self.advanced = spec, policy, advanced
        self.played: list[Observed] = []

    def episodes(self, workers: int, begin: Callable[[int], None]) -> Iterator[Observed]:
        """Play them, in so many processes that call `begin` first."""
        environment = self.spec["environment"]
        one: Callable[[Any], Observed] = partial(
            random_episode, environment, len(atari.actions(environment)), self.spec["seed"]
        )
        what: Iterator[Any] = count(1)
        for path in self.policy:
            one = partial(recorded_episode, environment)
            what = (each for each in read(path) if each.agent == "trained")
        for episode in observe(side_by_side(one, what, workers, begin), self.spec["size"]):
            self.played.append(episode._replace(frames=[], memories=[]))
            self.advanced(len(episode.actions))
            yield episode

    def check(self, name: str) -> None:
        """Raise `UserError` unless there were enough frames."""
        if (found := sum(len(episode.actions) for episode in self.played)) < self.spec["size"]:
            raise UserError(
                f"{name}: the evaluation of the trained agent has {found} frames, not {self.spec['size']}. Lower the "
                "size, or raise evaluation.episodes."
            )

    def table(self, name: str) -> pd.DataFrame:
        """Recordings: a row for each episode."""
        return pd.DataFrame(
            {
                "dataset": name,
                "episode": number,
                "steps": len(episode.actions),
                "return": sum(episode.rewards),
                "ending": episode.ending,
                "reset_seed": episode.reset_seed,
                "actions": episode.actions,
                "environment": json.dumps(self.spec["environment"]),
            }
            for number, episode in enumerate(self.played, start=1)
        )


def rows(episodes: Iterable[Observed]) -> Iterator[Row]:
    """The rows of `rlgames.encoders.frames.SCHEMA`; episodes are numbered from 1."""
    return chain.from_iterable(
        (
            (number, step, *observed, one.ending == "terminated" and step + 1 == len(one.actions))
            for step, observed in enumerate(zip(one.frames, one.memories, one.actions, one.rewards, strict=True))
        )
        for number, one in enumerate(episodes, start=1)
    )


def datasets_csv(manifests: Iterable[Path]) -> str:
    """The table of data sets, from their manifests: a row for each split."""
    rows = []
    for path in manifests:
        manifest = Manifest.read(path)
        with reading(path):
            policy, facts = manifest.spec["policy"], manifest.more
            rows += [
                {
                    "dataset": manifest.experiment,
                    "game": manifest.spec["environment"]["game"],
                    "policy": policy if isinstance(policy, str) else "/".join(map(str, policy.values())),
                    "frames": manifest.steps,
                    **{key: facts[key] for key in ("different_frames", "episodes")},
                    "split": split,
                    "training_frames": found["training"],
                    "test_frames": found["test"],
                    "test_frames_with_a_copy_in_training": found["copies"],
                    "median_distance_to_training": found["nearest"],
                }
                for split, found in facts["splits"].items()
            ]
    return pd.DataFrame(rows).to_csv(index=False, float_format="%.4g")


def split(episodes: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows for training and for testing, ascending: int64. `episodes` is the number of each row's episode.

    A random split takes single frames, whose neighbours in time then lie on the other side; one by episode takes
    whole episodes, and raises `UserError` if there is only one.
    """
    if kind == "episode" and episodes[0] == episodes[-1]:
        raise UserError("The data set has one episode only; raise its size, or split it at random.")
    whole = np.arange(len(episodes)) if kind == "random" else np.unique(episodes)
    _, test = train_test_split(whole, test_size=TEST_SHARE, random_state=SPLIT_SEED)
    is_test = np.isin(np.arange(len(episodes)) if kind == "random" else episodes, test)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def facts(frames: Frames) -> dict[str, Any]:
    """What a manifest says of a data set: how many frames are different, and what each split lets through."""
    kinds = [kind for kind in SPLITS if kind == "random" or frames.episodes[0] != frames.episodes[-1]]
    return {
        "different_frames": len(set(frames.png.to_pylist())),
        "splits": {kind: leaks(frames, kind) for kind in kinds},
    }


def leaks(frames: Frames, kind: str) -> dict[str, Any]:
    """What a split lets through: its sizes, the share of test frames of which training has a copy, and how far test
    frames are from the nearest training frame (root of the mean squared difference of grey levels; the median of
    NEIGHBOURS of them)."""
    training, test = split(frames.episodes, kind)
    known = {frames.png[row].as_py() for row in training.tolist()}
    copies = sum(frames.png[row].as_py() in known for row in test.tolist())
    sample = evenly(test, NEIGHBOURS)
    return {
        "training": len(training),
        "test": len(test),
        "copies": copies / len(test),
        "nearest": float(np.median(nearest(frames, sample, training))),
    }


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """All rows, or so many that lie evenly among them."""
    return rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]


def nearest(frames: Frames, sample: np.ndarray, training: np.ndarray) -> np.ndarray:
    """Distance of each of the rows `sample` from the nearest of `training`: float64, in grey levels."""
    wanted = flat(frames, sample)
    squares, least = (wanted**2).sum(axis=1), np.full(len(sample), np.inf)
    for part in parts(training):
        others = flat(frames, part)
        distances = squares[:, None] + (others**2).sum(axis=1) - 2 * wanted @ others.T
        least = np.minimum(least, distances.min(axis=1))
    return np.sqrt(least.clip(0) / frames.size**2)


def flat(frames: Frames, rows: np.ndarray) -> np.ndarray:
    """float64: whole numbers below 2 to the 53, so that equal pictures have a distance of exactly 0."""
    return frames.pictures(rows).reshape(len(rows), -1).astype(np.float64)
