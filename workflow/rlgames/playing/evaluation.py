"""Evaluation: episodes with seeds of their own and hardly any exploration, apart from training."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from rlgames.environments.games import Games, Step, ending
from rlgames.streams import Purpose, episode_stream, reset_seed

LANES, GROUP = 16, 4
"""Episodes that are played at the same time, and how many of their games step together."""


class Planned(NamedTuple):
    """An episode to play."""

    number: int
    """Number of the episode, which determines its seeds."""
    point: int | None
    """Point of the training whose weights play; None for random play."""
    epsilon: float
    samples: bool = False
    """Whether actions are sampled from the preferences, which are probabilities."""


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
    """Preferences before each action: shape (steps, actions)."""


class Running:
    """An episode that is being played."""

    def __init__(self, place: int, planned: Planned, seed: int) -> None:
        """`place` is that of the episode in the plan."""
        self.place, self.planned = place, planned
        self.reset_seed = reset_seed(seed, Purpose.EVALUATION, planned.number)
        self.rng = episode_stream(seed, Purpose.EVALUATION_EXPLORATION, planned.number)
        self.actions, self.rewards, self.score = bytearray(), array("f"), 0.0
        self.preferences: list[bytes] = []

    def choose(self, preferences: np.ndarray, best: int) -> None:
        """The best action, or with probability ε a random one; both random numbers are drawn, used or not. Or, where
        the plan says so, an action drawn by its probability."""
        if self.planned.samples:
            shares = preferences.cumsum()
            drawn = np.searchsorted(shares, self.rng.random() * shares[-1], side="right")
            self.actions.append(min(int(drawn), len(preferences) - 1))
        else:
            explores, random = self.rng.random() < self.planned.epsilon, self.rng.integers(len(preferences))
            self.actions.append(int(random) if explores else best)
        self.preferences.append(preferences.tobytes())

    def rewarded(self, reward: float) -> None:
        self.rewards.append(reward)
        self.score += reward

    def ended(self, ending: str, dtype: Any) -> Played:
        """What was played; `dtype` is that of the preferences."""
        preferences = np.frombuffer(b"".join(self.preferences), dtype).reshape(len(self.actions), -1)
        rewards = np.array(self.rewards, np.float32)
        return Played(self.reset_seed, bytes(self.actions), ending, self.score, rewards, preferences)


def play(
    make: Callable[[int], Any], preferences: Callable[[np.ndarray, Any], np.ndarray], plan: Sequence[Planned],
    seed: int, *, max_steps: int = 0, lanes: int = LANES, ended: Callable[[], None] = lambda: None,
) -> list[Played]:  # fmt: skip
    """Play episodes side by side, in `lanes` that each take the next one of the plan when theirs is over.

    `make` gives so many games, with the methods of `rlgames.environments.games.Games`: several groups of a few, since a
    game that waits for nothing more goes on with the others of its group. `preferences` are over the actions, for
    states (first axis: games), by the weights of a point. Every episode has its own seed and random actions, by `seed`
    and its number. At `max_steps` an episode is cut off, unless that is the environment's own limit. `ended` is called
    after every episode.
    """
    waiting = iter(enumerate(plan))
    groups = [make(GROUP) for _ in range(0, min(lanes, len(plan)), GROUP)]
    running: dict[tuple[int, int], Running] = {}
    played: dict[int, Played] = {}

    def begin(group: int, games: Sequence[int]) -> list[int]:
        """Give the next episodes of the plan to games of a group: seeds of those that get one."""
        for game, (place, planned) in zip(games, waiting, strict=False):
            running[group, game] = Running(place, planned, seed)
        return [running[group, game].reset_seed for game in games if (group, game) in running]

    states = []
    for number, games in enumerate(groups):
        seeds = begin(number, range(GROUP))
        states.append(games.reset(np.array(seeds + [0] * (GROUP - len(seeds)))))

    while running:
        places: dict[int | None, list[tuple[int, int]]] = {}
        for where, episode in running.items():
            places.setdefault(episode.planned.point, []).append(where)
        for point, those in places.items():
            found = preferences(np.stack([states[group][game] for group, game in those]), point)
            for where, row, best in zip(those, found, found.argmax(axis=1).tolist(), strict=True):
                running[where].choose(row, best)
        busy = sorted({group for group, _ in running})
        actions = np.zeros((len(groups), GROUP), np.int64)
        for where, episode in running.items():
            actions[where] = episode.actions[-1]
        for group, result in zip(busy, step([groups[k] for k in busy], actions[busy]), strict=True):
            states[group], over = result.observations, []
            for game in range(GROUP):  # in their order, which is that of the seeds
                if (group, game) not in running:
                    continue
                episode = running[group, game]
                episode.rewarded(float(result.rewards[game]))
                if result.terminated[game] or result.truncated[game]:
                    terminated, steps = bool(result.terminated[game]), len(episode.actions)
                    how = ending(groups[group], terminated=terminated, steps=steps, max_steps=max_steps)
                    played[episode.place] = running.pop((group, game)).ended(how, found.dtype)
                    over.append(game)
                    ended()
            if over and (seeds := begin(group, over)):
                mask = np.array([game in over and (group, game) in running for game in range(GROUP)])
                states[group] = groups[group].reset(np.array(seeds), mask)
    return [played[place] for place in range(len(plan))]


def step(groups: list[Any], actions: np.ndarray) -> list[Step]:
    """A step of every group of games; those that have threads of their own take it at the same time."""
    if not all(hasattr(games, "send") for games in groups):
        return [games.step(chosen) for games, chosen in zip(groups, actions, strict=True)]
    for games, chosen in zip(groups, actions, strict=True):
        games.send(chosen)
    return [games.receive() for games in groups]


def published(preferences: np.ndarray) -> bytes | None:
    """Preferences as recordings have them, float32; None where weights diverged, and gave none to draw or compare."""
    with np.errstate(over="ignore"):  # beyond float32: as good as infinite
        single = preferences.astype("<f4")
    return single.tobytes() if np.isfinite(single).all() else None


class Part(NamedTuple):
    """Episodes of one agent."""

    agent: str
    """Kind of agent: trained, random, in training, or sampled."""
    point: int | None
    """Point of the training whose weights play; None for random play."""
    epsilon: float
    numbers: range
    """Numbers of the episodes, which determine their seeds."""
    samples: bool = False


def parts(protocol: dict[str, Any], points: int, *, samples: bool = False) -> list[Part]:
    """All episodes of an evaluation: of the last of `points` weights, of random play, and of the earlier weights.

    Of a policy (`samples`), all of these take the most probable action; then the last weights play as many episodes
    with actions drawn by their probabilities.
    """
    count, few, epsilon = protocol["episodes"], protocol["checkpoint_episodes"], protocol["epsilon"]
    *starts, sampled = [2 * count + 1 + earlier * few for earlier in range(points)]
    return [
        Part("trained", points - 1, epsilon, range(1, count + 1)),
        Part("random", None, 1.0, range(count + 1, 2 * count + 1)),
        *(Part("in training", earlier, epsilon, range(first, first + few)) for earlier, first in enumerate(starts)),
        *([Part("sampled", points - 1, 0.0, range(sampled, sampled + count), samples=True)] if samples else []),
    ]


def evaluate(
    player: Any, plain: Callable[[int], Games], steps: np.ndarray, protocol: dict[str, Any], seed: int,
    environment: dict[str, Any], ended: Callable[[], None],
) -> list[dict[str, Any]]:  # fmt: skip
    """Play all parts of an evaluation: the rows of its episodes. `steps` are those at which weights were kept.

    `plain` makes games for random play, which looks at nothing. `ended` is called after every episode. Weights play in
    the order of the training: its longest episodes are in the middle, and the last ones leave lanes without work.
    """
    chosen = parts(protocol, len(steps), samples=player.samples)
    by_weights = sorted((part for part in chosen if part.point is not None), key=lambda part: part.point or 0)
    at_random = [part for part in chosen if part.point is None]
    actions = len(player.actions)

    def no_preferences(states: np.ndarray, _point: int | None) -> np.ndarray:
        return np.zeros((len(states), actions), np.float32)

    played: dict[int, Played] = {}
    for make, preferences, those in (
        (player.games, player.preferences, by_weights),
        (plain, no_preferences, at_random),
    ):
        plan = [Planned(number, part.point, part.epsilon, part.samples) for part in those for number in part.numbers]
        found = play(make, preferences, plan, seed, max_steps=environment["max_steps"], ended=ended)
        played |= {planned.number: episode for planned, episode in zip(plan, found, strict=True)}
    return [
        {
            "agent": part.agent,
            "trained_steps": 0 if part.point is None else int(steps[part.point]),
            "episode": number,
            "steps": len(played[number].actions),
            "return": played[number].score,
            "ending": played[number].ending,
            "reset_seed": played[number].reset_seed,
            "actions": played[number].actions,
            "rewards": played[number].rewards.astype("<f4").tobytes(),
            "values": None if part.point is None else published(played[number].preferences),
            "shown": player.shown,
            "environment": json.dumps(environment),
        }
        for part in chosen
        for number in part.numbers
    ]
