"""Mountain Car against Gymnasium's."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv
from gymnasium.spaces import Box, Discrete
from gymnasium.utils.env_checker import check_env

from rlgames.environments import mountain_car
from rlgames.streams import Purpose, stream


class MountainCar(gym.Env[np.ndarray, np.int64]):
    """The compiled dynamics behind Gymnasium's interface, without a time limit."""

    action_space = Discrete(mountain_car.ACTIONS)
    observation_space = Box(np.array([-1.2, -0.07], np.float32), np.array([0.6, 0.07], np.float32))

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed, options=options)
        self.state = (self.np_random.uniform(*mountain_car.START), 0.0)
        return np.array(self.state, np.float32), {}

    def step(self, action: np.int64) -> tuple[np.ndarray, float, bool, bool, dict]:
        position, velocity, reward, terminated = mountain_car.step(*self.state, int(action))
        self.state = (position, velocity)
        return np.array(self.state, np.float32), reward, terminated, False, {}


def test_dynamics_equal_gymnasium_to_the_last_bit() -> None:
    theirs = MountainCarEnv()
    theirs.reset(seed=0)
    position, velocity = theirs.state
    random = np.random.default_rng(0)
    # Long pushes in one direction reach both ends of the valley; random ones alone stay at its bottom.
    actions = np.repeat(random.integers(3, size=6000), random.integers(1, 40, size=6000))[:100_000]
    assert len(actions) == 100_000
    goals = walls = 0
    for action in actions:
        observation, reward, terminated, _, _ = theirs.step(action)
        position, velocity, our_reward, our_terminated = mountain_car.step(position, velocity, action)
        assert (position, velocity) == tuple(theirs.state)
        assert (our_reward, our_terminated) == (reward, terminated)
        np.testing.assert_array_equal(np.array([position, velocity], np.float32), observation)
        walls += position == -1.2
        goals += terminated
        if terminated:
            theirs.reset()
            position, velocity = theirs.state
    assert goals > 10
    assert walls > 10


def test_passes_gymnasiums_checker() -> None:
    check_env(MountainCar(), skip_render_check=True)


def test_class_equals_gymnasium_from_one_seed() -> None:
    ours, theirs = MountainCar(), MountainCarEnv()
    np.testing.assert_array_equal(ours.reset(seed=3)[0], theirs.reset(seed=3)[0])
    for action in np.random.default_rng(1).integers(3, size=500):
        one, other = ours.step(action), theirs.step(action)
        np.testing.assert_array_equal(one[0], other[0])
        assert one[1:] == other[1:]


def test_starts_are_what_reset_draws_from_the_same_stream() -> None:
    environment = MountainCarEnv()
    environment.np_random = stream(5, Purpose.ENVIRONMENT)
    drawn = []
    for _ in range(20):
        environment.reset()
        drawn.append(environment.state[0])
    np.testing.assert_array_equal(mountain_car.starts(stream(5, Purpose.ENVIRONMENT), 20), drawn)


def test_observation_is_rounded_to_float32_then_clipped() -> None:
    assert mountain_car.observe(-1.2, -0.07) == (-1.2, -0.07)  # float32 of both lies just below
    assert mountain_car.observe(0.55, 0.01) == (0.5, np.float64(np.float32(0.01)))
    assert mountain_car.observe(-0.3, 0.02) == (np.float64(np.float32(-0.3)), np.float64(np.float32(0.02)))


IMPORTING = """
import sys
from importlib import import_module
for name in sys.argv[1:]:
    import_module(name)
print(*sorted({"ale_py", "gymnasium", "keras", "pandas", "pydantic", "tensorflow"} & sys.modules.keys()))
"""

LINEAR_JOB = ["commands.train_linear", "training.block", "training.mountain_car", "agents.linear.sarsa"]


@pytest.mark.parametrize("modules", [["training.mountain_car"], LINEAR_JOB], ids=["the loop", "a whole job"])
def test_linear_jobs_import_nothing_large(modules: list[str]) -> None:
    """They are many and short: Gymnasium alone would be a good part of their time."""
    modules = [*modules, "environments.mountain_car", "operations.progress", "provenance", "messages"]
    command = [sys.executable, "-c", IMPORTING, *(f"rlgames.{name}" for name in modules)]
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip() == ""
