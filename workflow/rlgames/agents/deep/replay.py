"""The replay buffer: a ring of single frames for each game, from which whole transitions are assembled.

A frame is stored once; stacks are put together when they are sampled, as in Mnih et al. (2015). The last
frame of an episode has a row of its own: a return may bootstrap from it, but no transition starts there.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

CONTINUES, TERMINATED, TRUNCATED, NO_ACTION = range(4)
"""What followed the observation of a row: another one, the end of the game, the time limit, or nothing (yet)."""


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
    """As `observations`; after a terminal state, of no meaning."""


class Ring(NamedTuple):
    """The rows of all games: first axis games, second axis rows."""

    frames: np.ndarray
    ages: np.ndarray
    """Steps since the start of the episode."""
    actions: np.ndarray
    rewards: np.ndarray
    follows: np.ndarray
    """One of the four constants above."""
    written: np.ndarray
    """Rows ever written, per game: row `written - 1`, modulo the size of the ring, is the newest."""


class Replay:
    """The last `capacity` frames of several games, as transitions over `n` steps."""

    def __init__(
        self, capacity: int, games: int, frame: tuple[int, ...], *, stack: int, offsets: tuple[int, ...], n: int,
        discount: float, dtype: Any = np.uint8,
    ) -> None:  # fmt: skip
        """A ring of `capacity` rows, shared evenly among `games`, for frames of shape (..., channels).

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
            written=np.zeros(games, np.int64),
        )
        self.rows = rows
        self.offsets = np.array(offsets)
        self.stack, self.n, self.discount = stack, n, discount

    @staticmethod
    def size(capacity: int, frame_bytes: int) -> int:
        """Bytes of a ring for frames of so many bytes."""
        return capacity * (frame_bytes + 4 + 1 + 4 + 1)

    def begin(self, game: int, frame: np.ndarray) -> None:
        """An episode begins with this frame."""
        self.write(game, int(self.ring.written[game]), frame, 0)
        self.ring.written[game] += 1

    def add(self, game: int, action: int, reward: float, follows: int, frame: np.ndarray) -> None:
        """A step was taken: action and (clipped) reward, what follows (one of the constants), and the next frame."""
        row = int(self.ring.written[game])
        self.complete(game, row - 1, action, reward, follows)
        self.write(game, row, frame, int(self.ring.ages[game, (row - 1) % self.rows]) + 1)
        self.ring.written[game] += 1

    def write(self, game: int, row: int, frame: np.ndarray, age: int) -> None:
        """Fill `row`, counted from the first ever written, with a frame that no action was taken from yet."""
        row %= self.rows
        self.ring.frames[game, row] = frame.reshape(self.ring.frames.shape[2:])
        self.ring.ages[game, row] = age
        self.ring.follows[game, row] = NO_ACTION

    def complete(self, game: int, row: int, action: int, reward: float, follows: int) -> None:
        """Complete `row` with what was done there."""
        row %= self.rows
        self.ring.actions[game, row] = action
        self.ring.rewards[game, row] = reward
        self.ring.follows[game, row] = follows

    def sample(self, batch: int, rng: np.random.Generator) -> Minibatch:
        """A minibatch of different transitions, uniformly from all that are whole."""
        _, _, places, channels = self.ring.frames.shape
        observations = np.empty((2, batch, places, channels * len(self.offsets)), self.ring.frames.dtype)
        actions = np.empty(batch, np.int32)
        returns, discounts = np.empty((2, batch), np.float32)
        games, rows = np.empty((2, batch), np.int64)
        if not draw(self.ring, self.stack, self.n, rng, games, rows):
            raise ValueError(f"the replay buffer holds fewer than {batch} transitions")
        assemble(self.ring, self.offsets, self.n, self.discount, games, rows, observations, actions, returns, discounts)
        first, last = observations.reshape(2, batch, *self.frame[:-1], -1)
        return Minibatch(first, actions, returns, discounts, last)


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
def draw(ring: Ring, stack: int, n: int, rng: Any, games: np.ndarray, rows: np.ndarray) -> bool:
    """Draw different whole transitions, each with one chance: those that are not whole, or were drawn, are redrawn.

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
    drawn = 0
    while drawn < len(rows):
        place = rng.integers(0, ends[-1])
        game = np.searchsorted(ends, place, side="right")
        row = ring.written[game] - (ends[game] - place)
        if not whole(ring, stack, n, game, row):
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
        else:
            target[:] = ring.frames[game, (row - offsets[place]) % size]
