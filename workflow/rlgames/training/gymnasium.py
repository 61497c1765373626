"""Linear agents over tiles in any Gymnasium environment: a plain Python loop around the agents' functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from rlgames.agents.linear.core import (
    DIVERGED,
    ENDINGS,
    TERMINATED,
    TRUNCATED,
    Learned,
    action_values,
    epsilon_greedy,
    record,
)
from rlgames.environments import gymnasium
from rlgames.environments.games import ending
from rlgames.features.tile_coding import Coding, Range, active_tiles
from rlgames.streams import Purpose, episode_seed, stream


def ranges(environment: dict[str, Any]) -> tuple[Range, Range]:
    """The box that features are scaled over."""
    return tuple(environment["low"]), tuple(environment["high"])


def train(agent: Any, seed: int, coding: Coding, environment: dict[str, Any], **settings: Any) -> Learned:
    """Let the module `agent` learn from zero weights, with the random streams of `seed`.

    `environment` has the settings of `rlgames.settings.environments.Gymnasium`.
    """
    game = gymnasium.Games(environment, 1)
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
) -> Learned:
    """The loop of `rlgames.agents.linear.true_online_sarsa_lambda.learn` over one game of any environment."""
    learned = Learned.empty(len(game.actions), coding.features, episodes, max_steps)
    rng = stream(seed, Purpose.EXPLORATION)
    trace = np.zeros_like(learned.weights)
    tiles = np.empty(coding.tilings, np.int64)
    next_tiles = np.empty_like(tiles)
    values = np.empty(len(learned.weights))
    for episode in range(episodes):
        observations = game.reset(np.array([episode_seed(seed, Purpose.ENVIRONMENT, episode + 1)]))
        active_tiles(coding, state(coding, observations), tiles)
        action_values(learned.weights, tiles, values)
        action = epsilon_greedy(values, epsilon, rng)
        trace[:] = 0.0
        old_value = 0.0
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            step = game.step(np.array([action]))
            reward, terminated = float(step.rewards[0]), bool(step.terminated[0])
            record(learned, episode, t, action, reward)
            next_value, next_action = 0.0, 0
            if not terminated:
                active_tiles(coding, state(coding, step.observations), next_tiles)
                action_values(learned.weights, next_tiles, values)
                next_action = epsilon_greedy(values, epsilon, rng)
                next_value = float(values[next_action])
            if not agent.update(learned.weights, trace, tiles, action, reward, next_value, old_value, **settings):
                learned.endings[episode] = DIVERGED
                return learned
            old_value = next_value
            if terminated:
                learned.endings[episode] = TERMINATED
            if step.truncated[0]:
                how = ending(game, terminated=terminated, steps=t, max_steps=max_steps)
                learned.endings[episode] = ENDINGS.index(how)
            if terminated or step.truncated[0]:
                break
            tiles, next_tiles, action = next_tiles, tiles, next_action
    return learned


def state(coding: Coding, observations: np.ndarray) -> tuple[float, ...]:
    """An observation (shape (1, 1, dimensions)) as features are coded from it: float64, clipped to the coding's box."""
    return tuple(np.clip(observations[0, 0].astype(np.float64), coding.low, coding.high).tolist())
