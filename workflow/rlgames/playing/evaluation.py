"""Evaluation: episodes with seeds of their own and hardly any exploration, apart from training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from rlgames.environments.games import Game, Moment, ending
from rlgames.streams import Purpose, episode_stream, reset_seed


class Played(NamedTuple):
    """An evaluation episode."""

    reset_seed: int
    actions: bytes
    ending: str
    score: float
    """Its return, summed in the order of its rewards."""
    rewards: np.ndarray
    """The game's own points after every action: float32, shape (steps,)."""
    preferences: np.ndarray
    """What actions were chosen by, before each of them: shape (steps, actions)."""


def play(
    make: Callable[[], Any], preferences: Callable[[np.ndarray], np.ndarray], numbers: range, seed: int, epsilon: float,
    games: list[Any] | None = None, max_steps: int = 0,
) -> list[Played]:  # fmt: skip
    """Play the episodes `numbers` side by side: the preferred action, or with probability ε a random one.

    `preferences` are over the actions, for states (first axis: games), and asked for once a step, for all games that
    are still played. Those that are over cost nothing more: one rally of half an hour is common while an agent learns.
    (A vector of games would go on with them.) Every episode has its own game, seed and random actions, by `seed` and
    its number. `make` gives a game, with the methods of `rlgames.environments.games.Game`; `games` are some that were
    made before, and get those that it takes more. At `max_steps` an episode is cut off, unless that is the
    environment's own limit.
    """
    count = len(numbers)
    games = [] if games is None else games
    games += [make() for _ in range(count - len(games))]
    seeds = [reset_seed(seed, Purpose.EVALUATION, number) for number in numbers]
    rngs = [episode_stream(seed, Purpose.EVALUATION_EXPLORATION, number) for number in numbers]
    actions: list[bytearray] = [bytearray() for _ in numbers]
    preferred: list[list[np.ndarray]] = [[] for _ in numbers]
    rewards: list[list[float]] = [[] for _ in numbers]
    scores = [0.0] * count
    endings = [""] * count
    states = np.stack([games[k].reset(seeds[k]) for k in range(count)])
    while playing := [k for k in range(count) if not endings[k]]:
        found = preferences(states[playing])
        best = found.argmax(axis=1).tolist()
        for row, k in enumerate(playing):
            explores, random = rngs[k].random() < epsilon, rngs[k].integers(found.shape[1])
            actions[k].append(int(random) if explores else best[row])
            preferred[k].append(found[row])
        for k, moment in zip(
            playing, step([games[k] for k in playing], [actions[k][-1] for k in playing]), strict=True
        ):
            rewards[k].append(moment.reward)
            scores[k] += moment.reward
            if moment.terminated or moment.truncated:
                endings[k] = ending(
                    getattr(games[k], "games", None),
                    terminated=moment.terminated,
                    steps=len(actions[k]),
                    max_steps=max_steps,
                )
            states[k] = moment.state
    return [
        Played(
            seeds[k], bytes(actions[k]), endings[k], scores[k], np.array(rewards[k], np.float32), np.stack(preferred[k])
        )
        for k in range(count)
    ]


def step(games: list[Any], actions: list[int]) -> list[Moment]:
    """A step of every game; those that have threads of their own take it at the same time."""
    if not all(isinstance(game, Game) for game in games):
        return [game.step(action) for game, action in zip(games, actions, strict=True)]
    for game, action in zip(games, actions, strict=True):
        game.send(action)
    return [game.receive() for game in games]


def published(preferences: np.ndarray) -> bytes | None:
    """Preferences as recordings have them, float32; None where weights diverged, and gave none to draw or compare."""
    with np.errstate(over="ignore"):  # beyond float32: as good as infinite
        single = preferences.astype("<f4")
    return single.tobytes() if np.isfinite(single).all() else None


class Part(NamedTuple):
    """Episodes of one agent."""

    agent: str
    """trained, random or in training."""
    point: int | None
    """Of the training, whose weights play; None for random play."""
    epsilon: float
    numbers: range
    """Of the episodes, which are those of their seeds."""


def parts(protocol: dict[str, Any], points: int) -> list[Part]:
    """All episodes of an evaluation: of the last of `points` weights, of random play, and of the earlier weights."""
    count, few, epsilon = protocol["episodes"], protocol["checkpoint_episodes"], protocol["epsilon"]
    starts = [2 * count + 1 + earlier * few for earlier in range(points - 1)]
    return [
        Part("trained", points - 1, epsilon, range(1, count + 1)),
        Part("random", None, 1.0, range(count + 1, 2 * count + 1)),
        *(Part("in training", earlier, epsilon, range(first, first + few)) for earlier, first in enumerate(starts)),
    ]


def evaluate(
    player: Any, plain: Callable[[], Game], actions: int, steps: np.ndarray, protocol: dict[str, Any], seed: int,
    environment: dict[str, Any],
) -> Iterator[list[dict[str, Any]]]:  # fmt: skip
    """Play each part of an evaluation: the rows of its episodes. `steps` are those at which weights were kept.

    `plain` makes a game for random play, which looks at nothing. Games are made once: an emulator takes as long for
    that as for some 200 steps.
    """
    pools: dict[bool, list[Any]] = {False: [], True: []}

    def no_preferences(states: np.ndarray) -> np.ndarray:
        return np.zeros((len(states), actions), np.float32)

    for agent, point, epsilon, numbers in parts(protocol, len(steps)):
        if point is None:
            played = play(plain, no_preferences, numbers, seed, epsilon, pools[True], environment["max_steps"])
        else:
            player.load(point)
            played = play(
                player.game, player.preferences, numbers, seed, epsilon, pools[False], environment["max_steps"]
            )
        yield [
            {
                "agent": agent,
                "trained_steps": 0 if point is None else int(steps[point]),
                "episode": number,
                "steps": len(episode.actions),
                "return": episode.score,
                "ending": episode.ending,
                "reset_seed": episode.reset_seed,
                "actions": episode.actions,
                "rewards": episode.rewards.astype("<f4").tobytes(),
                "values": None if point is None else published(episode.preferences),
                "shown": player.shown,
                "environment": json.dumps(environment),
            }
            for number, episode in zip(numbers, played, strict=True)
        ]
