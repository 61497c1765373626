"""The compiled agent against a plain twin, hand-computed numbers, and the published levels."""

from typing import Any

import numpy as np
import pytest
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv

from references import additive_reference, tiled_reference
from rlgames.agents import sarsa
from rlgames.agents.linear import DIVERGED, TERMINATED, TRUNCATED, action_value, epsilon_greedy, update
from rlgames.environments.mountain_car import HIGH, LOW
from rlgames.environments.tile_coding import additive, tiled
from rlgames.streams import Purpose, stream


def twin(
    seed: int, features: Any, size: int, *, episodes: int, max_steps: int, step_size: float, epsilon: float
) -> Any:
    """Sarsa in plain Python over Gymnasium's environment: the book's box, and nothing of ours but the streams."""
    environment = MountainCarEnv()
    environment.np_random = stream(seed, Purpose.ENVIRONMENT)
    random = stream(seed, Purpose.EXPLORATION)
    weights = np.zeros((3, size))

    def active(observation: np.ndarray) -> list[int]:
        position, velocity = (float(number) for number in observation)
        return features((min(max(position, -1.2), 0.5), min(max(velocity, -0.07), 0.07)))

    def q(tiles: list[int], action: int) -> float:
        return sum(float(weights[action, tile]) for tile in tiles)

    def choose(tiles: list[int]) -> int:
        if epsilon > 0 and random.random() < epsilon:
            return int(random.random() * 3)
        values = [q(tiles, action) for action in range(3)]
        best = [action for action in range(3) if values[action] == max(values)]
        return best[int(random.random() * len(best))] if len(best) > 1 else best[0]

    steps: list[int] = []
    for _ in range(episodes):
        tiles = active(environment.reset()[0])
        action = choose(tiles)
        steps.append(0)
        for _ in range(max_steps):
            observation, reward, terminated, _, _ = environment.step(action)
            steps[-1] += 1
            if terminated:
                error = reward - q(tiles, action)
            else:
                next_tiles = active(observation)
                next_action = choose(next_tiles)
                error = reward + 1.0 * q(next_tiles, next_action) - q(tiles, action)
            for tile in tiles:
                weights[action, tile] += step_size * error
            if terminated:
                break
            tiles, action = next_tiles, next_action
    return weights, steps


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("coding", "step_size", "epsilon"), [("additive", 0.0125, 0.1), ("tiled", 0.0625, 0.0)])
def test_equals_plain_twin_to_the_last_bit(coding: str, step_size: float, epsilon: float, seed: int) -> None:
    if coding == "additive":
        ours, features = additive(LOW, HIGH, 8), lambda state: additive_reference(state, 8)
    else:
        ours, features = tiled(LOW, HIGH, 8, 4), lambda state: tiled_reference(state, 8, 4)
    limits: dict[str, Any] = {"episodes": 8, "max_steps": 1500, "step_size": step_size, "epsilon": epsilon}
    run = sarsa.train(seed, ours, discount=1.0, **limits)
    weights, steps = twin(seed, features, ours.features, **limits)
    np.testing.assert_array_equal(run.steps, steps)
    np.testing.assert_array_equal(run.weights, weights)
    np.testing.assert_array_equal(run.returns, -run.steps)


def test_first_update_by_hand() -> None:
    """From zero weights the first error is -1, and each active weight of the action changes by the step size."""
    coding = additive(LOW, HIGH, 8)
    run = sarsa.train(0, coding, episodes=1, max_steps=1, step_size=0.25, epsilon=0.0, discount=1.0)
    changed = np.argwhere(run.weights)
    assert len(changed) == 2
    assert set(run.weights[run.weights != 0]) == {-0.25}
    position = stream(0, Purpose.ENVIRONMENT).uniform(-0.6, -0.4)
    assert sorted(changed[:, 1]) == additive_reference((position, 0.0), 8)


def test_ties_are_broken_evenly_and_exploration_is_uniform() -> None:
    weights, tiles, random = np.zeros((3, 4)), np.array([0, 2]), np.random.default_rng(0)
    ties = np.bincount([epsilon_greedy(weights, tiles, 0.0, random) for _ in range(9000)], minlength=3)
    assert abs(ties - 3000).max() < 200
    weights[1, 2] = -1.0
    two = np.bincount([epsilon_greedy(weights, tiles, 0.0, random) for _ in range(9000)], minlength=3)
    assert two[1] == 0
    assert abs(two[0] - 4500) < 250
    weights[2, 0] = 1.0
    greedy = np.bincount([epsilon_greedy(weights, tiles, 0.3, random) for _ in range(9000)], minlength=3)
    assert abs(greedy - [900, 900, 7200]).max() < 200


def test_value_and_update() -> None:
    weights = np.arange(12.0).reshape(3, 4)
    assert action_value(weights, np.array([1, 3]), 2) == 9 + 11
    assert update(weights, np.array([1, 3]), 2, 0.5)
    np.testing.assert_array_equal(weights[2], [8, 9.5, 10, 11.5])
    assert not update(weights, np.array([0]), 0, 1e13)
    assert not update(weights, np.array([1]), 0, np.nan)


def test_endings() -> None:
    coding = additive(LOW, HIGH, 8)
    settings = {"epsilon": 0.0, "discount": 1.0}
    cut = sarsa.train(0, coding, episodes=3, max_steps=10, step_size=0.01, **settings)
    assert cut.endings.tolist() == [TRUNCATED] * 3
    assert cut.steps.tolist() == [10] * 3
    whole = sarsa.train(0, coding, episodes=3, max_steps=100_000, step_size=0.05, **settings)
    assert whole.endings.tolist() == [TERMINATED] * 3
    lost = sarsa.train(0, coding, episodes=50, max_steps=500, step_size=2.0, **settings)
    assert lost.endings[-1] == DIVERGED
    assert len(lost.steps) == len(lost.endings) == len(lost.returns) < 50
    table = lost.table(7)
    assert table.ending.iloc[-1] == "diverged"
    assert set(table.seed) == {7}
    assert np.abs(lost.weights).max() > 1e12


def level(coding: Any, step_size: float) -> np.ndarray:
    """Mean of the last 100 of 500 episodes, for each of 100 seeds."""
    settings: dict[str, Any] = {"episodes": 500, "max_steps": 100_000, "epsilon": 0.0, "discount": 1.0}
    return np.array(
        [sarsa.train(seed, coding, step_size=step_size, **settings).steps[-100:].mean() for seed in range(100)]
    )


def test_levels_of_the_step_sizes() -> None:
    coding = additive(LOW, HIGH, 8)
    small, middle, large = (level(coding, factor / 8) for factor in (0.1, 0.2, 0.5))
    assert small.mean() == pytest.approx(168, abs=9)
    assert middle.mean() == pytest.approx(175, abs=9)
    assert large.mean() == pytest.approx(146, abs=9)
    assert large.mean() < min(small.mean(), middle.mean())


def test_levels_of_the_tilings_fall() -> None:
    levels = [level(tiled(LOW, HIGH, 8, tilings), 0.3 / tilings).mean() for tilings in (2, 4, 8, 16, 32)]
    assert levels == pytest.approx([149, 134, 119, 114, 111], abs=5)
    assert levels == sorted(levels, reverse=True)
