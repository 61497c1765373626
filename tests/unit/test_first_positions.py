"""The lesson's defect, on request: two positions in the first state of an episode."""

from typing import Any

import numpy as np
import pytest

from rlgames.agents.linear import sarsa
from rlgames.environments.mountain_car import HIGH, LOW, observe, starts, step
from rlgames.features.tile_coding import active_tiles, tiled
from rlgames.settings.loading import SettingsError, load
from rlgames.streams import Purpose, stream
from rlgames.training import mountain_car

CODING: dict[str, Any] = {"name": "tiled", "tiles": 8, "tilings": 8}
FIXED = -0.4726077


def plain(seed: int, episodes: int, step_size: float) -> list[int]:
    """Steps per episode of Sarsa as NumPy has it: a sum over a list of indices, and `w[indices] += change`."""
    coding, rng = tiled(LOW, HIGH, 8, 8), stream(seed, Purpose.EXPLORATION)
    seconds = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, 0)))).uniform(-0.6, -0.4, episodes)
    weights, lengths = np.zeros((3, 880)), []

    def tiles(position: float, velocity: float) -> list[int]:
        found = np.empty(8, np.int64)
        active_tiles(coding, observe(position, velocity), found)
        return found.tolist()

    def values(indices: list[int]) -> list[float]:
        return [sum((weights[a, i] for i in indices), 0.0) for a in range(3)]

    def greedy(found: list[float]) -> int:
        best = [a for a in range(3) if found[a] == max(found)]
        return best[int(rng.random() * len(best))] if len(best) > 1 else best[0]

    for second in seconds:
        position, velocity, over, length = FIXED, 0.0, False, 0
        active = tiles(position, velocity) + tiles(second, 0.0)
        action = greedy(values(active))
        while not over:
            position, velocity, reward, over = step(position, velocity, action)
            length += 1
            following = [] if over else tiles(position, velocity)
            found = values(following)
            chosen = 0 if over else greedy(found)
            error = reward + (0.0 if over else found[chosen]) - values(active)[action]
            weights[action, active] += step_size * error
            active, action = following, chosen
        lengths.append(length)
    return lengths


def test_two_first_positions_are_those_of_numpys_indices() -> None:
    environment = {"max_steps": 100_000, "start": [FIXED, FIXED]}
    settings: dict[str, Any] = {"episodes": 6, "step_size": 0.0625, "epsilon": 0.0, "discount": 1.0}
    coding = tiled(LOW, HIGH, 8, 8)
    both = mountain_car.train(sarsa, 3, coding, environment, **settings, defect="two-first-positions")
    one = mountain_car.train(sarsa, 3, coding, environment, **settings)
    assert both.steps.tolist() == plain(3, 6, 0.0625)
    assert one.steps.tolist() != both.steps.tolist()


def test_the_second_position_is_where_gymnasium_would_have_begun() -> None:
    """A tile of both positions is active twice, and changed once."""
    tiles = np.empty(8, np.int64)
    coding = tiled(LOW, HIGH, 8, 8)
    active_tiles(coding, observe(FIXED, 0.0), tiles)
    active, changed = sarsa.first_tiles(coding, tiles, starts(stream(0, Purpose.ENVIRONMENT), 1)[0])
    assert (len(active), sorted(set(active.tolist()))) == (16, changed.tolist())


@pytest.mark.parametrize(("agent", "accepted"), [("sarsa", True), ("expected-sarsa", False), ("q-learning", False)])
def test_it_is_the_lessons_agent_that_has_it(agent: str, accepted: bool) -> None:
    coding = CODING | {"defect": "two-first-positions"}
    experiment = {
        "environment": {"name": "mountain-car"}, "agent": {"name": agent, "coding": coding, "step_size": 0.1},
        "episodes": 1, "seeds": 1,
    }  # fmt: skip
    config = {"results": "results/x", "experiments": {"e": experiment}, "figures": {}}
    if accepted:
        load(config)
    else:
        with pytest.raises(SettingsError, match=r"coding\.defect: two-first-positions is a defect of sarsa only"):
            load(config)
