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
    record,
)
from rlgames.environments import gymnasium
from rlgames.environments.games import ending
from rlgames.features.tile_coding import Coding, Range, active_tiles
from rlgames.streams import Purpose, episode_seed, stream


def ranges(environment: dict[str, Any]) -> tuple[Range, Range]:
    """Bounds of the box over which features are scaled."""
    return tuple(environment["low"]), tuple(environment["high"])


def train(agent: Any, seed: int, coding: Coding, environment: dict[str, Any], **settings: Any) -> Learned:
    """Let the module `agent` learn from zero weights, with the random streams of `seed`.

    `environment` has the settings of `rlgames.settings.environments.Gymnasium`.
    """
    game = gymnasium.Games(environment, 1)
    return play(agent, seed, coding, game, max_steps=environment["max_steps"], **settings)


def play(
    agent: Any, seed: int, coding: Coding, game: Any, *, max_steps: int, episodes: int, **settings: Any
) -> Learned:
    """The loop of `agent.learn` over one game of any environment, by the `Learner` of the same module.

    That one gets the weights, the random stream, the number of tilings, `max_steps` and its settings. It is told where
    an episode starts, asked for actions, and told what followed each, with None for the tiles of a terminal state. Of
    an episode that is cut off it gets the tiles of the last state: what follows there is for its values to say.
    """
    rows = len(game.actions) + getattr(agent, "VALUE_ROWS", 0)
    learned = Learned.empty(rows, coding.features, episodes, max_steps)
    learner = agent.Learner(learned.weights, stream(seed, Purpose.EXPLORATION), coding.tilings, max_steps, **settings)
    tiles = np.empty(coding.tilings, np.int64)
    for episode in range(episodes):
        observations = game.reset(np.array([episode_seed(seed, Purpose.ENVIRONMENT, episode + 1)]))
        active_tiles(coding, state(coding, observations), tiles)
        learner.start(tiles)
        learned.endings[episode] = TRUNCATED
        for t in range(1, max_steps + 1):
            action = learner.act()
            step = game.step(np.array([action]))
            reward, terminated = float(step.rewards[0]), bool(step.terminated[0])
            record(learned, episode, t, action, reward)
            if not terminated:
                active_tiles(coding, state(coding, step.observations), tiles)
            if not learner.learn(reward, None if terminated else tiles):
                learned.endings[episode] = DIVERGED
                return learned
            if terminated:
                learned.endings[episode] = TERMINATED
            if step.truncated[0]:
                how = ending(game, terminated=terminated, steps=t, max_steps=max_steps)
                learned.endings[episode] = ENDINGS.index(how)
            if terminated or step.truncated[0]:
                break
        if not learner.end():
            learned.endings[episode] = DIVERGED
            return learned
    return learned


def state(coding: Coding, observations: np.ndarray) -> tuple[float, ...]:
    """An observation (shape (1, 1, dimensions)) as features are coded from it: float64, clipped to the coding's box."""
    return tuple(np.clip(observations[0, 0].astype(np.float64), coding.low, coding.high).tolist())
