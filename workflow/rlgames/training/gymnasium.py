"""Any Gymnasium environment with a continuous state: a plain Python loop around the compiled agents' functions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np

from rlgames.agents.linear import DIVERGED, TERMINATED, TRUNCATED, Run, action_values, epsilon_greedy, note
from rlgames.environments.tile_coding import Coding, Range, active_tiles
from rlgames.streams import Purpose, stream


def ranges(environment: dict[str, Any]) -> tuple[Range, Range]:
    """The box that features are scaled over."""
    return tuple(environment["low"]), tuple(environment["high"])


def train(agent: Any, seed: int, coding: Coding, environment: dict[str, Any], **settings: Any) -> Run:
    """Let the module `agent` learn from zero weights, with the random streams of `seed`.

    `environment` has Gymnasium's `id` and the limit `max_steps`, in place of Gymnasium's own. Every episode has a
    seed of its own, see `episode_seed`.
    """
    game = gym.make(environment["id"]).unwrapped
    return play(agent, seed, coding, game, max_steps=environment["max_steps"], **settings)


def play(
    agent: Any,
    seed: int,
    coding: Coding,
    game: Any,
    *,
    max_steps: int,
    episodes: int,
    epsilon: float,
    **settings: Any,
) -> Run:
    """The loop of `rlgames.agents.true_online_sarsa_lambda.learn` over any environment."""
    run = Run.empty(int(game.action_space.n), coding.features, episodes, max_steps)
    rng = stream(seed, Purpose.EXPLORATION)
    trace = np.zeros_like(run.weights)
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(run.weights))
    for episode in range(episodes):
        observation, _ = game.reset(seed=episode_seed(seed, episode + 1))
        active_tiles(coding, state(coding, observation), tiles)
        action_values(run.weights, tiles, values)
        action = epsilon_greedy(values, epsilon, rng)
        trace[:] = 0.0
        old_value = 0.0
        run.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            observation, reward, terminated, _, _ = game.step(action)
            note(run, episode, t, action, float(reward))
            next_value, next_action = 0.0, 0
            if not terminated:
                active_tiles(coding, state(coding, observation), next_tiles)
                action_values(run.weights, next_tiles, values)
                next_action = epsilon_greedy(values, epsilon, rng)
                next_value = float(values[next_action])
            if not agent.update(
                run.weights, trace, tiles, action, float(reward), next_value, old_value, **settings
            ):  # fmt: skip
                run.endings[episode] = DIVERGED
                return run
            old_value = next_value
            if terminated:
                run.endings[episode] = TERMINATED
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action
    return run


def state(coding: Coding, observation: np.ndarray) -> tuple[float, ...]:
    """An observation as features are coded from it: float64, clipped to the coding's box."""
    return tuple(np.clip(observation.astype(np.float64), coding.low, coding.high).tolist())


def episode_seed(seed: int, episode: int) -> int:
    """The seed that Gymnasium resets an episode (from 1) with."""
    return int(np.random.SeedSequence((seed, Purpose.ENVIRONMENT, episode)).generate_state(1)[0])


def replay(
    recording: dict[Any, Any], environment: dict[str, Any], *, render: bool = False
) -> Iterator[tuple[float, bool, np.ndarray | None]]:
    """Play a recorded episode again: reward, end and picture of each step, as for Mountain Car."""
    os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # pictures need no screen
    game = gym.make(environment["id"], render_mode="rgb_array" if render else None).unwrapped
    game.reset(seed=episode_seed(int(recording["seed"]), int(recording["episode"])))
    yield 0.0, False, np.asarray(game.render()) if render else None
    for action in recording["actions"]:
        _, reward, terminated, *_ = game.step(action)
        yield float(reward), bool(terminated), np.asarray(game.render()) if render else None
    game.close()
