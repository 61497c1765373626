"""True online Sarsa(λ) with binary features, at the cost of the traces that are not zero (van Seijen et al. 2016;
Sutton and Barto 2018, section 12.7).

Of a coding with a hundred thousand tiles, a step activates one of each tiling, and those of the last few dozen steps
are all that has a trace. Here only these are touched, where the box goes over all of them.

With a single action it is true online TD(λ) (section 12.5), since Q(S, A) is then V(S).
"""

from typing import NamedTuple, Self

import numpy as np
from numba import njit

from rlgames.agents.linear.core import LIMIT, action_value, action_values

__all__ = ["Trace", "action_value", "action_values", "update"]


class Trace(NamedTuple):
    """The dutch trace z, float64 of shape (actions, features), as a list of what is not zero of it."""

    places: np.ndarray
    """Where it is not zero, as numbers in the flattened z: int64, of which the first `length` are in use."""
    values: np.ndarray
    """What it is there: float64, likewise."""
    line: np.ndarray
    """For each place of the flattened z the line of these lists on which it is, from 1; 0 where z is zero: int32."""
    length: np.ndarray
    """How many places are in use: int64, shape (1,)."""
    smallest: float
    """Values of this size or less are taken for zero."""

    @classmethod
    def empty(cls, actions: int, features: int, smallest: float = 0.001) -> Self:
        """A trace of zeros. (Of memory that is never written, nothing is taken.)"""
        size = actions * features
        return cls(np.zeros(size, np.int64), np.zeros(size), np.zeros(size, np.int32), np.zeros(1, np.int64), smallest)

    def clear(self) -> None:
        """Set it to zero, as at the start of an episode."""
        self.line[self.places[: self.length[0]]] = 0
        self.length[0] = 0

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to save, by name: the nonzero part."""
        count = self.length[0]
        return {"places": self.places[:count].copy(), "values": self.values[:count].copy()}

    def assign(self, saved: dict[str, np.ndarray]) -> None:
        """Restore what `arrays` returned."""
        self.clear()
        count = self.length[0] = len(saved["places"])
        self.places[:count], self.values[:count] = saved["places"], saved["values"]
        self.line[saved["places"]] = np.arange(1, count + 1)


@njit(cache=True)
def update(
    weights: np.ndarray,
    trace: Trace,
    tiles: np.ndarray,
    action: int,
    reward: float,
    next_value: float,
    old_value: float,
    step_size: float,
    discount: float,
    trace_decay: float,
) -> bool:
    """The lines of the box from delta to w, for the features x of `tiles` and `action`.

    `next_value` is Q' (0 at the end of an episode), `old_value` is Q_old (0 at its start). Changes `weights` (float64,
    shape (actions, features)) and `trace`; of that, values of its `smallest` or less are set to zero. With 0 these are
    the bits of `rlgames.agents.linear.true_online_sarsa_lambda.update`. False once a weight that changed is beyond
    LIMIT or not a number.
    """
    places, values, line = trace.places, trace.values, trace.line
    start = action * weights.shape[1]
    value = action_value(weights, tiles, action)
    delta = reward + discount * next_value - value
    decay = discount * trace_decay
    along = 0.0
    for tile in tiles:
        if line[start + tile] > 0:
            along += values[line[start + tile] - 1]
    boost = 1.0 - step_size * decay * along
    count = 0
    for old in range(trace.length[0]):
        faded = values[old] * decay
        if abs(faded) > trace.smallest:
            places[count], values[count] = places[old], faded
            count += 1
            line[places[old]] = count
        else:
            line[places[old]] = 0
    for tile in tiles:
        place = start + tile
        if line[place] == 0:
            places[count], values[count] = place, 0.0
            count += 1
            line[place] = count
        values[line[place] - 1] += boost
    trace.length[0] = count
    change = step_size * (delta + value - old_value)
    sound = True
    flat = weights.reshape(-1)
    for number in range(count):
        flat[places[number]] += change * values[number]
        sound &= abs(flat[places[number]]) <= LIMIT
    for tile in tiles:
        weights[action, tile] -= step_size * (value - old_value)
    return sound
