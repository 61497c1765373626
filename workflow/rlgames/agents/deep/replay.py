"""The replay buffer: a ring of single frames for each game, from which whole transitions are assembled.

A frame is stored once; stacks are put together when they are sampled, as in Mnih et al. (2015). The last
frame of an episode has a row of its own: a return may bootstrap from it, but no transition starts there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

CONTINUES, TERMINATED, TRUNCATED, NO_ACTION = range(4)
"""What followed the observation in a row: another one, the end of the game, the time limit, or nothing (yet)."""

PATIENCE = 10_000
"""Maximum number of transitions redrawn for a minibatch in search of ends: less than a millisecond."""


class Minibatch(NamedTuple):
    """Transitions, one per row: from `observations` by `actions` to `next_observations`, some steps later."""

    observations: np.ndarray
    """Shape (batch, ..., channels): the frames of a stack side by side in the channels."""
    actions: np.ndarray
    """int32, shape (batch,)."""
    returns: np.ndarray
    """Discounted sum of the rewards on the way: float32, shape (batch,)."""
    discounts: np.ndarray
    """Discount on the bootstrap value: γⁿ, or 0 after a terminal state: float32, shape (batch,)."""
    next_observations: np.ndarray
    """As `observations`; meaningless after a terminal state."""


class Ring(NamedTuple):
    """The rows of all games: first axis games, second axis rows."""

    frames: np.ndarray
    ages: np.ndarray
    """Steps since the start of the episode."""
    actions: np.ndarray
    rewards: np.ndarray
    follows: np.ndarray
    """What followed: one of the four constants above."""
    near_end: np.ndarray
    """Whether the game, or what counts as one, ended within the next `end_steps` steps: bool."""
    written: np.ndarray
    """Rows ever written, per game: row `written - 1`, modulo the size of the ring, is the newest."""


class Replay:
    """The last `capacity` frames of several games, as transitions over `n` steps."""

    def __init__(
        self, capacity: int, games: int, frame: tuple[int, ...], *, stack: int, offsets: tuple[int, ...], n: int,
        discount: float, end_share: float = 0.0, end_steps: int = 1, dtype: Any = np.uint8,
    ) -> None:  # fmt: skip
        """A ring of `capacity` rows, shared evenly among `games`, for frames of shape (..., channels).

        At least `end_share` of a minibatch are drawn from the last `end_steps` steps before an end.

        The observation at a row is made of the frames `offsets` rows before it (oldest first, below `stack`), zeros
        where the episode was younger.
        """
        rows, self.frame = capacity // games, frame
        shape = (int(np.prod(frame[:-1])), frame[-1])
        self.ring = Ring(
            frames=np.full((games, rows, *shape), 0, dtype),  # zeros() would take the memory only when it is written
            ages=np.zeros((games, rows), np.int32),
            actions=np.zeros((games, rows), np.uint8),
            rewards=np.zeros((games, rows), np.float32),
            follows=np.full((games, rows), NO_ACTION, np.uint8),
            near_end=np.zeros((games, rows), bool),
            written=np.zeros(games, np.int64),
        )
        self.rows = rows
        bytes_of_place = frame[-1] * np.dtype(dtype).itemsize
        self.word = next(
            word for word in (np.uint64, np.uint32, np.uint8) if bytes_of_place % np.dtype(word).itemsize == 0
        )
        """The type in which frames are copied: eight bytes at once, where they fit."""
        self.offsets = np.array(offsets)
        self.stack, self.n, self.discount = stack, n, discount
        self.end_share, self.end_steps = end_share, end_steps

    @staticmethod
    def size(capacity: int, frame_bytes: int) -> int:
        """Bytes of a ring for frames of `frame_bytes` bytes each."""
        return capacity * (frame_bytes + 4 + 1 + 4 + 1 + 1)

    def begin(self, games: np.ndarray, frames: np.ndarray) -> None:
        """Episodes begin in these games, with these frames: shapes (begun,) and (begun, *frame)."""
        self.store(games, self.ring.written[games], np.zeros(len(games), np.int64), *nothing(len(games)), frames)
        self.ring.written[games] += 1

    def add(self, actions: np.ndarray, rewards: np.ndarray, follows: np.ndarray, frames: np.ndarray) -> None:
        """A step was taken in every game: actions and (clipped) rewards, what follows (the constants), all of shape
        (games,), and the next frames."""
        games, rows = np.arange(len(self.ring.written)), self.ring.written
        ages = self.ring.ages[games, (rows - 1) % self.rows] + 1
        self.store(games, rows, ages, actions, rewards, follows, frames)
        self.ring.written[:] += 1

    def store(
        self, games: np.ndarray, rows: np.ndarray, ages: np.ndarray, actions: np.ndarray, rewards: np.ndarray,
        follows: np.ndarray, frames: np.ndarray,
    ) -> None:  # fmt: skip
        """Put frames into rows, counted from the first ever written, and what led there into the rows before, if the
        episode is older than 0 steps. Rows that the ring forgot since are left out. Nothing was done in a new row yet.
        """
        frames = np.ascontiguousarray(frames).reshape(len(games), *self.ring.frames.shape[2:])
        write(self.ring, self.end_steps, games, rows, ages, actions, rewards, follows, frames)

    def sample(self, batch: int, rng: np.random.Generator) -> Minibatch:
        """A minibatch of different transitions, uniformly from all that are whole; the first `end_share` of them from
        those near an end, as far as there are enough."""
        _, _, places, channels = self.ring.frames.shape
        observations = np.empty((2, batch, places, channels * len(self.offsets)), self.ring.frames.dtype)
        ring = self.ring._replace(frames=self.ring.frames.view(self.word))
        actions = np.empty(batch, np.int32)
        returns, discounts = np.empty((2, batch), np.float32)
        games, rows = np.empty((2, batch), np.int64)
        if not draw(ring, self.stack, self.n, int(self.end_share * batch), rng, games, rows):
            raise ValueError(f"the replay buffer holds fewer than {batch} transitions")
        parts = observations.view(self.word), actions, returns, discounts
        assemble(ring, self.offsets, self.n, self.discount, games, rows, *parts)
        first, last = observations.reshape(2, batch, *self.frame[:-1], -1)
        return Minibatch(first, actions, returns, discounts, last)


def nothing(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Actions, rewards and what followed, for frames that nothing led to."""
    return np.zeros(count, np.int64), np.zeros(count), np.zeros(count, np.int64)


@njit(cache=True)
def write(
    ring: Ring, end_steps: int, games: np.ndarray, rows: np.ndarray, ages: np.ndarray, actions: np.ndarray,
    rewards: np.ndarray, follows: np.ndarray, frames: np.ndarray,
) -> None:  # fmt: skip
    """See `Replay.store`."""
    size = ring.ages.shape[1]
    for number in range(len(games)):
        game, row, age = games[number], rows[number], ages[number]
        oldest = ring.written[game] - size
        before, here = (row - 1) % size, row % size
        if age > 0 and row - 1 >= oldest:
            ring.actions[game, before] = actions[number]
            ring.rewards[game, before] = rewards[number]
            ring.follows[game, before] = follows[number]
            if follows[number] == TERMINATED:
                for last in range(max(oldest, row - min(age, end_steps)), row):
                    ring.near_end[game, last % size] = True
        if row >= oldest:
            ring.frames[game, here] = frames[number]
            ring.ages[game, here] = age
            ring.follows[game, here] = NO_ACTION
            ring.near_end[game, here] = False


@njit(cache=True)
def whole(ring: Ring, stack: int, n: int, game: int, row: int) -> bool:
    """Whether a transition starts at `row` (counted from the first ever written) of which nothing is missing."""
    rows = ring.ages.shape[1]
    if row - min(ring.ages[game, row % rows], stack - 1) < ring.written[game] - rows:
        return False  # a frame of its stack was overwritten
    for later in range(row, row + n):
        if later >= ring.written[game] or ring.follows[game, later % rows] == NO_ACTION:
            return False
        if ring.follows[game, later % rows] != CONTINUES:
            return True
    return True


@njit(cache=True)
def draw(ring: Ring, stack: int, n: int, near: int, rng: Any, games: np.ndarray, rows: np.ndarray) -> bool:
    """Draw different whole transitions, each with one chance: those that are not whole, or were drawn, are redrawn. The
    first `near` are also redrawn until they are near an end, but no more than `PATIENCE` times in all.

    Returns False if there are too few.
    """
    filled = np.minimum(ring.written, ring.ages.shape[1])
    ends = np.cumsum(filled)
    if ends[-1] < 20 * len(rows):  # rarely: before, redrawing might never end
        count = 0
        for game in range(len(filled)):
            for row in range(ring.written[game] - filled[game], ring.written[game]):
                count += whole(ring, stack, n, game, row)
        if count < len(rows):
            return False
    drawn = passed = 0
    while drawn < len(rows):
        place = rng.integers(0, ends[-1])
        game = np.searchsorted(ends, place, side="right")
        row = ring.written[game] - (ends[game] - place)
        if not whole(ring, stack, n, game, row):
            continue
        if drawn < near and passed < PATIENCE and not ring.near_end[game, row % ring.ages.shape[1]]:
            passed += 1
            continue
        games[drawn], rows[drawn] = game, row
        for earlier in range(drawn):
            if games[earlier] == game and rows[earlier] == row:
                break
        else:
            drawn += 1
    return True


@njit(cache=True)
def assemble(
    ring: Ring, offsets: np.ndarray, n: int, discount: float, games: np.ndarray, rows: np.ndarray,
    observations: np.ndarray, actions: np.ndarray, returns: np.ndarray, discounts: np.ndarray,
) -> None:  # fmt: skip
    """Put together the transitions that start at `rows`: uncorrected n-step returns, shorter at an episode's end."""
    size = ring.ages.shape[1]
    for number in range(len(rows)):
        game, row = games[number], rows[number]
        actions[number] = ring.actions[game, row % size]
        total, factor = 0.0, 1.0
        for later in range(row, row + n):
            total += factor * ring.rewards[game, later % size]
            factor *= discount
            follows = ring.follows[game, later % size]
            if follows == TERMINATED:
                factor = 0.0
            if follows != CONTINUES:
                break
        returns[number], discounts[number] = total, factor
        stacked(ring, offsets, game, row, observations[0, number])
        stacked(ring, offsets, game, later + 1, observations[1, number])


@njit(cache=True)
def stacked(ring: Ring, offsets: np.ndarray, game: int, row: int, observation: np.ndarray) -> None:
    """Write the observation at `row` into `observation`, shape (places, frames * channels)."""
    size = ring.ages.shape[1]
    age = ring.ages[game, row % size]
    channels = ring.frames.shape[3]
    for place in range(len(offsets)):
        target = observation[:, place * channels : (place + 1) * channels]
        if offsets[place] > age:
            target[:] = 0
            continue
        source = ring.frames[game, (row - offsets[place]) % size]
        for spot in range(source.shape[0]):  # faster than an assignment of slices
            for channel in range(channels):
                target[spot, channel] = source[spot, channel]
