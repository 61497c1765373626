"""The replay buffer against whole transitions kept in a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlgames.agents.deep.replay import CONTINUES, TERMINATED, TRUNCATED, Replay

DISCOUNT = 0.5


def frame(number: int) -> np.ndarray:
    """One of 65,536 different frames, of shape (1, 1, 2)."""
    return np.array(divmod(number % 65536, 256), np.uint8).reshape(1, 1, 2)


def add(replay: Replay, game: int, action: int, reward: float, follows: int, following: np.ndarray) -> None:
    """A step of one game; the others wait."""
    row = replay.ring.written[game]
    age = replay.ring.ages[game, (row - 1) % replay.rows] + 1
    games, rows, ages, actions, rewards, ends = (np.array([fact]) for fact in (game, row, age, action, reward, follows))
    replay.store(games, rows, ages, actions, rewards, ends, following[None])
    replay.ring.written[game] += 1


class Oracle:
    """Plays made-up games into a buffer, and keeps every transition whole."""

    def __init__(self, rng: np.random.Generator, games: int, stack: int, offsets: tuple[int, ...], n: int) -> None:
        self.rng, self.stack, self.offsets, self.n = rng, stack, offsets, n
        self.frames = 1
        self.rows = [0] * games  # rows that each game has written
        self.transitions: list[tuple[int, int, Any]] = []  # game, row of the oldest frame needed, transition

    def observe(self, seen: list[np.ndarray]) -> np.ndarray:
        """The stack after the frames `seen` in an episode, zeros before it."""
        parts = [seen[-1 - back] if back < len(seen) else np.zeros((1, 1, 2), np.uint8) for back in self.offsets]
        return np.concatenate(parts, axis=2)

    def new_frame(self) -> np.ndarray:
        self.frames += 1
        return frame(self.frames)

    def play_episode(self, replay: Replay, game: int) -> None:
        length, first = int(self.rng.integers(1, 12)), self.rows[game]
        seen = [self.new_frame()]
        replay.begin(np.array([game]), seen[0][None])
        actions, rewards, follows = [], [], []
        for t in range(length):
            last = t == length - 1
            follows.append(int(self.rng.choice([TERMINATED, TRUNCATED] if last else [CONTINUES] * 4 + [TERMINATED])))
            actions.append(int(self.rng.integers(6)))
            rewards.append(float(self.rng.integers(-1, 2)))
            seen.append(self.new_frame())
            add(replay, game, actions[t], rewards[t], follows[t], seen[-1])
        self.rows[game] += length + 1
        for t in range(length):
            end = next((later for later in range(t, t + self.n) if follows[later] != CONTINUES), t + self.n - 1)
            total = np.float32(sum(DISCOUNT ** (later - t) * rewards[later] for later in range(t, end + 1)))
            after = 0.0 if follows[end] == TERMINATED else DISCOUNT ** (end + 1 - t)
            found = (self.observe(seen[: t + 1]), actions[t], total, np.float32(after), self.observe(seen[: end + 2]))
            self.transitions.append((game, first + t - min(t, self.stack - 1), found))

    def held(self, replay: Replay) -> set[tuple[Any, ...]]:
        """Every transition of which no frame was overwritten."""
        return {key(*what) for game, oldest, what in self.transitions if oldest >= self.rows[game] - replay.rows}


def key(observation: np.ndarray, action: int, total: float, discount: float, following: np.ndarray) -> tuple[Any, ...]:
    """A transition as a value; what follows a terminal state has no meaning."""
    return observation.tobytes(), int(action), float(total), float(discount), following.tobytes() if discount else b""


@given(
    seed=st.integers(0, 10**6), games=st.integers(1, 3), stack=st.integers(1, 4), first_last=st.booleans(),
    n=st.integers(1, 5), rows=st.integers(30, 60), episodes=st.integers(5, 40),
)  # fmt: skip
def test_samples_are_the_transitions_that_were_played(
    seed: int, games: int, stack: int, first_last: bool, n: int, rows: int, episodes: int
) -> None:
    rng = np.random.default_rng(seed)
    offsets = (stack - 1, 0) if first_last and stack > 1 else tuple(range(stack - 1, -1, -1))
    replay = Replay(rows * games, games, (1, 1, 2), stack=stack, offsets=offsets, n=n, discount=DISCOUNT)
    oracle = Oracle(rng, games, stack, offsets, n)
    for number in range(episodes * games):
        oracle.play_episode(replay, number % games)
    held = oracle.held(replay)
    size = min(8, len(held))
    found = set()
    for _ in range(400):
        keys = [key(*row) for row in zip(*replay.sample(size, rng), strict=True)]
        assert len(set(keys)) == size
        found |= set(keys)
    assert found <= held
    assert len(found) > 0.9 * len(held)  # 400 draws of 8 from 180 at most: all but surely all of them
    with pytest.raises(ValueError, match="fewer than"):
        replay.sample(len(held) + 1, rng)


def test_every_transition_has_one_chance() -> None:
    replay = Replay(40, 2, (1, 1, 2), stack=2, offsets=(1, 0), n=2, discount=DISCOUNT)
    oracle = Oracle(np.random.default_rng(1), 2, 2, (1, 0), 2)
    for number in range(20):
        oracle.play_episode(replay, number % 2)
    rng, counts = np.random.default_rng(2), dict.fromkeys(oracle.held(replay), 0)
    draws = 20_000
    for _ in range(draws):
        for row in zip(*replay.sample(4, rng), strict=True):
            counts[key(*row)] += 1
    expected = 4 * draws / len(counts)
    assert max(abs(count - expected) for count in counts.values()) < 5 * expected**0.5


def steps(replay: Replay, follows: list[int], first: int = 0) -> None:
    """An episode of one game with these ends, whose actions count its steps from `first`."""
    replay.begin(np.array([0]), frame(1)[None])
    for number, what in enumerate(follows, first):
        add(replay, 0, number, 0.0, what, frame(number + 2))


def test_steps_near_an_end_by_hand() -> None:
    """Two steps before a point, before the game's end, and before nothing: a truncation is no end."""
    replay = Replay(100, 1, (1, 1, 2), stack=1, offsets=(0,), n=1, discount=1, end_share=0.5, end_steps=2)
    steps(replay, [TERMINATED, CONTINUES, CONTINUES, CONTINUES, TERMINATED, CONTINUES, TRUNCATED])
    steps(replay, [CONTINUES, CONTINUES, CONTINUES, TERMINATED], first=7)
    #        0  1  2  3  4  5  6     | 7  8  9  10
    near = [1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 0]
    assert replay.ring.near_end[0, : len(near)].tolist() == [bool(each) for each in near]
    rng, drawn = np.random.default_rng(0), np.zeros(11)
    for _ in range(4000):
        sample = replay.sample(4, rng)
        assert {0, 3, 4, 9, 10} >= set(sample.actions[:2].tolist())
        drawn[sample.actions] += 1
    ends = np.isin(np.arange(11), [0, 3, 4, 9, 10])
    for those, expected in ((ends, (2 + 2 * 3 / 9) / 5), (~ends, 2 / 9)):  # the others: any of the nine that are left
        np.testing.assert_allclose(drawn[those] / 4000, expected, atol=0.04)


def test_rows_that_are_written_anew_are_near_no_end_of_old() -> None:
    replay = Replay(40, 1, (1, 1, 2), stack=1, offsets=(0,), n=1, discount=1, end_share=1.0, end_steps=30)
    steps(replay, [CONTINUES] * 19 + [TERMINATED])
    assert replay.ring.near_end.sum() == 20
    steps(replay, [CONTINUES] * 45)
    assert not replay.ring.near_end.any()
    sample = replay.sample(4, np.random.default_rng(0))  # there is no end to be found
    assert len(set(sample.actions.tolist())) == 4


def test_returns_by_hand() -> None:
    """Rewards 1, 1, -1, with n = 2 and γ = .5: terminal, truncated with its short tail, and running."""
    for follows, discounts, returns in (
        (TERMINATED, [0.25, 0.0, 0.0], [1.5, 0.5, -1.0]),
        (TRUNCATED, [0.25, 0.25, 0.5], [1.5, 0.5, -1.0]),
        (CONTINUES, [0.25, 0.25], [1.5, 0.5]),  # the third return is not whole yet
    ):
        replay = Replay(100, 1, (1, 1, 2), stack=1, offsets=(0,), n=2, discount=0.5)
        replay.begin(np.array([0]), frame(1)[None])
        for action, (reward, what) in enumerate(((1, CONTINUES), (1, CONTINUES), (-1, follows))):
            add(replay, 0, action, reward, what, frame(action + 2))
        sample = replay.sample(len(returns), np.random.default_rng(0))
        order = np.argsort(sample.actions)
        assert sample.returns[order].tolist() == returns
        assert sample.discounts[order].tolist() == discounts


def test_memory() -> None:
    assert Replay.size(100_000, 84 * 84) <= 0.75e9
    assert Replay.size(1_000_000, 84 * 84) <= 7.5e9
    ring = Replay(1000, 2, (21, 21, 16), stack=4, offsets=(3, 2, 1, 0), n=3, discount=0.99).ring
    assert sum(array.nbytes for array in ring) - ring.written.nbytes == Replay.size(1000, 84 * 84)


def test_vectors_are_kept_as_they_are() -> None:
    """Frames of float32: the bits come back, and the ring has the size that it says."""
    frames = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    replay = Replay(20, 1, (4,), stack=1, offsets=(0,), n=1, discount=0.5, dtype=np.float32)
    replay.begin(np.array([0]), frames[0][None])
    for action, frame_after in enumerate(frames[1:]):
        add(replay, 0, action, 1.0, CONTINUES, frame_after)
    sample = replay.sample(5, np.random.default_rng(0))
    assert (sample.observations.shape, sample.observations.dtype.name) == ((5, 4), "float32")
    np.testing.assert_array_equal(sample.observations, frames[sample.actions])
    np.testing.assert_array_equal(sample.next_observations, frames[sample.actions + 1])
    assert sum(array.nbytes for array in replay.ring) - replay.ring.written.nbytes == Replay.size(20, 4 * 4)
