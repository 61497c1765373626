"""Data sets: what a policy saw while it played, how they are split, and what a split lets through."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import chain, count
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from rlgames.environments.atari_memory import Memory
from rlgames.frames import Frames, FramesError, encode, parts
from rlgames.resume import die_with_parent
from rlgames.streams import Purpose, reset_seed

TEST_SHARE, SPLIT_SEED = 0.3, 42
"""The lesson's split."""

SPLITS = ("random", "episode")

NEIGHBOURS = 300
"""Test frames whose nearest training frame is looked for."""


class Episode(NamedTuple):
    """An episode, or its beginning, with what was seen before each action."""

    reset_seed: int
    actions: bytes
    rewards: list[float]
    ending: str
    frames: list[bytes]
    """PNG."""
    memories: list[bytes]

    def cut(self, length: int) -> Episode:
        """Its first `length` steps, unfinished; itself if it has no more."""
        if length >= len(self.actions):
            return self
        lists = (self.actions, self.rewards, self.frames, self.memories)
        actions, rewards, frames, memories = (each[:length] for each in lists)
        return Episode(self.reset_seed, actions, rewards, "unfinished", frames, memories)  # type: ignore[arg-type]


def play(environment: dict[str, Any], seed: int, actions: Iterable[int]) -> Episode:
    """Play the episode of an emulator's `seed` to its end, or to that of `actions`."""
    game = Memory(environment)
    moment = game.reset(seed)
    taken, rewards, frames, memories = bytearray(), [], [], []
    for action in actions:
        frames.append(encode(moment.frame))
        memories.append(moment.memory.tobytes())
        moment = game.step(action)
        taken.append(action)
        rewards.append(moment.reward)
        if moment.terminated or moment.truncated:
            break
    ending = "terminated" if moment.terminated else "truncated" if moment.truncated else "unfinished"
    return Episode(seed, bytes(taken), rewards, ending, frames, memories)


def random_episode(environment: dict[str, Any], actions: int, seed: int, number: int) -> Episode:
    """Episode `number` of random play among so many actions, with streams of its own."""
    rng = np.random.default_rng((seed, Purpose.DATASET_EXPLORATION, number))
    choices = (int(rng.integers(actions)) for _ in count())
    return play(environment, reset_seed(seed, Purpose.DATASET, number), choices)


def recorded_episode(environment: dict[str, Any], recording: dict[Any, Any]) -> Episode:
    """A recorded episode, played again."""
    return play(environment, int(recording["reset_seed"]), recording["actions"])


def side_by_side(one: Callable[[Any], Episode], arguments: Iterable[Any], workers: int) -> Iterator[Episode]:
    """The episodes of all `arguments`, in their order, played in so many processes, no more than two each ahead."""
    with ProcessPoolExecutor(workers, initializer=die_with_parent, initargs=(os.getpid(),)) as pool:
        waiting: deque[Future[Episode]] = deque()
        try:
            for argument in arguments:
                waiting.append(pool.submit(one, argument))
                if len(waiting) == 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def observe(one: Callable[[Any], Episode], arguments: Iterable[Any], size: int, workers: int) -> Iterator[Episode]:
    """The episodes of `arguments` until `size` observations are there; the last is cut. Workers change no result."""
    episodes, left = side_by_side(one, arguments, workers), size
    while left and (episode := next(episodes, None)) is not None:
        yield (episode := episode.cut(left))
        left -= len(episode.actions)


def rows(episodes: Iterable[Episode]) -> Iterator[tuple[int, int, bytes, bytes]]:
    """The rows of `rlgames.frames.SCHEMA`; episodes are numbered from 1."""
    return chain.from_iterable(
        (
            (number, step, frame, memory)
            for step, (frame, memory) in enumerate(zip(one.frames, one.memories, strict=True))
        )
        for number, one in enumerate(episodes, start=1)
    )


def split(episodes: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows for training and for testing, ascending: int64. `episodes` is the number of each row's episode.

    A random split takes single frames, whose neighbours in time then lie on the other side; one by episode takes
    whole episodes, and raises `FramesError` if there is only one.
    """
    if kind == "episode" and episodes[0] == episodes[-1]:
        raise FramesError("The data set has one episode only; raise its size, or split it at random.")
    whole = np.arange(len(episodes)) if kind == "random" else np.unique(episodes)
    _, test = train_test_split(whole, test_size=TEST_SHARE, random_state=SPLIT_SEED)
    is_test = np.isin(np.arange(len(episodes)) if kind == "random" else episodes, test)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


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
