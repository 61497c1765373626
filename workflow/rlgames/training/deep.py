"""Deep Q-learning on several games side by side: the loop, and all that it takes to go on from where it stood."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.deep import Learner
from rlgames.environments.atari import PATCH, Games, Step, offsets, patches
from rlgames.replay import CUT_OFF, GOES_ON, TERMINATED, Replay
from rlgames.streams import Purpose, reset_seed, stream

CHECKPOINTS = 10
"""Times that the weights are kept, evenly over the budget; the last is the end. One that stops early has fewer."""

RECENT = 40
"""Episodes whose mean return may end a training."""

BESIDES = 1_000_000_000
"""Bytes that TensorFlow, the networks and the games take."""

LANES = 8
"""Games side by side when recorded episodes are played again."""


class ReplayError(ValueError):
    """A recorded episode, played again, has another return than it had."""


@dataclass
class Episode:
    """An episode of training, finished or not."""

    number: int
    """From 1, in the order in which episodes began."""
    game: int
    """Which of the games side by side."""
    reset_seed: int
    actions: bytearray = field(default_factory=bytearray)
    score: float = 0.0
    """Its return: the sum of raw rewards so far."""
    ending: str = "unfinished"
    end_step: int = 0
    """The step of the training at which it ended; 0 before."""


class Training:
    """A training at some step. `advance` is its only way forward; `state` and `restore` carry it over a kill."""

    def __init__(
        self, agent: ModuleType, seed: int, environment: dict[str, Any], settings: dict[str, Any], budget: int,
        *, threads: int = 1,
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all for the module `agent`. Threads of the games change no result."""
        self.seed, self.environment, self.settings, self.budget = seed, environment, settings, budget
        self.games = Games(environment, settings["games"], threads=threads)
        side, stack = environment["image_size"] // PATCH, offsets(environment)
        self.replay = Replay(
            settings["capacity"], settings["games"], (side, side, PATCH**2),
            stack=environment["stack"], offsets=stack, n=settings["n"], discount=settings["discount"],
        )  # fmt: skip
        self.learner = Learner(
            agent, (side, side, PATCH**2 * len(stack)), len(self.games.actions), settings,
            stream(seed, Purpose.WEIGHTS),
        )  # fmt: skip
        self.rngs = {purpose: stream(seed, purpose) for purpose in (Purpose.EXPLORATION, Purpose.REPLAY)}
        self.episodes: list[Episode] = []
        self.running: list[Episode] = []
        self.ended: list[Episode] = []
        self.steps = self.updates = 0
        self.diverged = False

    # The algorithm.

    def begin(self) -> None:
        """Start the first episode of every game."""
        self.running = [self.new_episode(game) for game in range(self.settings["games"])]
        observations = self.games.reset(np.array([episode.reset_seed for episode in self.running]))
        self.observations = patches(observations)
        for game, frame in enumerate(patches(observations[:, -1:])):
            self.replay.begin(game, frame)

    def advance(self) -> bool:
        """A step of every game, and the updates that fall due; True when these weights are to be kept."""
        actions = self.choose()
        step = self.games.step(actions)
        before, self.steps = self.steps, self.steps + len(actions)
        ended = step.terminated | step.truncated
        for game, frame in enumerate(patches(step.observations[:, -1:])):
            self.replay.add(game, actions[game], clipped(step.rewards[game]), self.follows(step, game), frame)
            self.running[game].actions.append(actions[game])
            self.running[game].score += step.rewards[game]
        observations = self.restart(step.terminated, ended) if ended.any() else step.observations
        self.observations = patches(observations)

        while self.updates < (self.steps - self.settings["warm_up"]) * self.settings["updates_per_step"]:
            self.learner.update(self.replay.sample(self.settings["batch_size"], self.rngs[Purpose.REPLAY]))
            self.updates += 1
        if passed(self.settings["target_every"], before, self.steps):
            self.learner.synchronise()
        kept = self.finished or passed(self.budget / CHECKPOINTS, before, self.steps)
        self.diverged = kept and not self.learner.is_finite()
        return kept

    def choose(self) -> np.ndarray:
        """ε-greedy actions, one per game. Both random numbers are drawn, used or not."""
        rng, count = self.rngs[Purpose.EXPLORATION], len(self.running)
        explores, actions = rng.random(count) < self.epsilon, rng.integers(0, len(self.games.actions), count)
        if explores.all():
            return actions
        return np.where(explores, actions, self.learner.values(self.observations).argmax(axis=1))

    def follows(self, step: Step, game: int) -> int:
        """What follows the last action of a game, for learning."""
        life_lost = step.life_lost[game] and self.environment["life_loss_terminal"]
        rally_over = step.rewards[game] != 0 and self.environment["reward_terminal"]
        if step.terminated[game] or life_lost or rally_over:
            return TERMINATED
        return CUT_OFF if step.truncated[game] else GOES_ON

    def restart(self, terminated: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Begin a new episode in every game that `ended`: the observations of all games."""
        games = np.flatnonzero(ended).tolist()
        for game in games:
            self.running[game].ending = "terminated" if terminated[game] else "truncated"
            self.running[game].end_step = self.steps
            self.ended.append(self.running[game])
            self.running[game] = self.new_episode(game)
        observations = self.games.reset(np.array([self.running[game].reset_seed for game in games]), ended)
        for game in games:
            self.replay.begin(game, patches(observations[game, -1:]))
        return observations

    def new_episode(self, game: int) -> Episode:
        number = len(self.episodes) + 1
        self.episodes.append(Episode(number, game, reset_seed(self.seed, Purpose.ENVIRONMENT, number)))
        return self.episodes[-1]

    @property
    def epsilon(self) -> float:
        """ε falls linearly over the first `epsilon_steps` steps, and stays."""
        start, end = self.settings["epsilon_start"], self.settings["epsilon_end"]
        return float(start + (end - start) * min(1.0, self.steps / self.settings["epsilon_steps"]))

    @property
    def finished(self) -> bool:
        """Whether the budget is spent, the mean return so high that no more is wanted, or a weight not finite."""
        return self.steps >= self.budget or self.diverged or self.has_reached(self.settings["stop_return"])

    def has_reached(self, wanted: float | None) -> bool:
        recent = None if wanted is None else self.recent_return(RECENT)
        return wanted is not None and recent is not None and recent >= wanted

    def recent_return(self, count: int) -> float | None:
        """Mean return of the last `count` episodes that ended; None before there are so many."""
        return float(np.mean([episode.score for episode in self.ended[-count:]])) if len(self.ended) >= count else None

    # Going on from where it stood.

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to go on, as arrays. The replay buffer is not: it is played again."""
        facts = {
            "steps": self.steps,
            "updates": self.updates,
            "diverged": bool(self.diverged),
            "rngs": {purpose.name: rng.bit_generator.state for purpose, rng in self.rngs.items()},
            "running": [episode.number for episode in self.running],
        }
        return {
            "facts": np.array(json.dumps(facts)),
            **{
                f"episodes.{name}": np.array([getattr(episode, name) for episode in self.episodes])
                for name in ("number", "game", "reset_seed", "score", "ending", "end_step")
            },
            "episodes.steps": np.array([len(episode.actions) for episode in self.episodes]),
            "episodes.actions": np.frombuffer(b"".join(episode.actions for episode in self.episodes), np.uint8),
            **{name: variable.numpy() for name, variable in self.learner.variables().items()},
        }

    def restore(self, state: dict[str, np.ndarray], advanced: Callable[[int, int], None]) -> None:
        """Go on from `state`. `advanced` is told of the steps played again: how many, and of how many.

        Raises `ReplayError` if an episode does not play as it did.
        """
        facts = json.loads(str(state["facts"]))
        self.steps, self.updates, self.diverged = facts["steps"], facts["updates"], facts["diverged"]
        for purpose, rng in self.rngs.items():
            rng.bit_generator.state = facts["rngs"][purpose.name]
        for name, variable in self.learner.variables().items():
            variable.assign(state[name])
        ends = np.cumsum(state["episodes.steps"]).tolist()
        actions = state["episodes.actions"].tobytes()
        columns = {
            name: state[f"episodes.{name}"].tolist()
            for name in ("number", "game", "reset_seed", "score", "ending", "end_step")
        }
        self.episodes = [
            Episode(**{name: column[row] for name, column in columns.items()}, actions=bytearray(actions[start:end]))
            for row, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
        ]
        self.running = [self.episodes[number - 1] for number in facts["running"]]
        ended = [episode for episode in self.episodes if episode.end_step]
        self.ended = sorted(ended, key=lambda episode: (episode.end_step, episode.game))
        if not self.finished:
            self.rebuild(advanced)

    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """Play again what the replay buffer holds: finished episodes in any games, running ones where they stood."""
        written = self.replay.ring.written
        first_rows: dict[int, int] = {}
        for episode in self.episodes:
            first_rows[episode.number] = int(written[episode.game])
            written[episode.game] += len(episode.actions) + 1
        oldest = written - self.replay.rows
        held = [
            episode
            for episode in self.episodes
            if episode.end_step and first_rows[episode.number] + len(episode.actions) >= oldest[episode.game]
        ]
        lanes: list[list[Episode]] = [[] for _ in range(min(LANES, len(held)))]
        for episode in sorted(held, key=lambda episode: len(episode.actions), reverse=True):
            min(lanes, key=duration).append(episode)
        running = [[episode] for episode in self.running]
        pool, total = sum(map(duration, lanes)), sum(map(duration, lanes + running))
        if lanes:
            games = Games(self.environment, len(lanes), threads=os.cpu_count() or 1)
            self.play_again(games, lanes, first_rows, lambda done: advanced(done, total))
        observations = self.play_again(self.games, running, first_rows, lambda done: advanced(pool + done, total))
        self.observations = patches(observations)

    def play_again(
        self, games: Games, lanes: list[list[Episode]], first_rows: dict[int, int], advanced: Callable[[int], None]
    ) -> np.ndarray:
        """Play episodes, one after the other in each lane, into their rows of the replay buffer.

        All lanes end together, so that shorter ones wait at first. Returns the last observations.
        """
        length = max(map(duration, lanes))
        starts: list[dict[int, Episode]] = []
        for episodes in lanes:
            times = np.cumsum([length - duration(episodes), *(len(episode.actions) for episode in episodes)]).tolist()
            starts.append(dict(zip(times, episodes, strict=False)))
        playing: list[Episode | None] = [None] * len(lanes)
        ages, scores, done = [0] * len(lanes), [0.0] * len(lanes), 0
        observations = games.reset(np.zeros(len(lanes), np.int64))
        for now in range(length + 1):
            if starting := {lane: plan[now] for lane, plan in enumerate(starts) if now in plan}:
                seeds = np.array([episode.reset_seed for episode in starting.values()])
                observations = games.reset(seeds, np.isin(np.arange(len(lanes)), list(starting)))
                for lane, episode in starting.items():
                    playing[lane], ages[lane], scores[lane] = episode, 0, 0.0
                    self.put(episode, 0, first_rows, patches(observations[lane, -1:]))
            if now == length:
                break
            actions = [episode.actions[age] if episode else 0 for episode, age in zip(playing, ages, strict=True)]
            step = games.step(np.array(actions))
            observations, frames = step.observations, patches(step.observations[:, -1:])
            for lane, current in enumerate(playing):
                if current is None:
                    continue
                ages[lane] += 1
                scores[lane] += step.rewards[lane]
                self.put(current, ages[lane], first_rows, frames[lane], step, lane)
                if ages[lane] == len(current.actions) and scores[lane] != current.score:
                    raise ReplayError(f"episode {current.number} had a return of {current.score}, now {scores[lane]}")
                done += 1
            advanced(done)
        return observations

    def put(
        self, episode: Episode, age: int, first_rows: dict[int, int], frame: np.ndarray, step: Step | None = None,
        lane: int = 0,
    ) -> None:  # fmt: skip
        """A frame of an episode, and the `step` of its `lane` that led there, unless the buffer forgot it."""
        row = first_rows[episode.number] + age
        oldest = self.replay.ring.written[episode.game] - self.replay.rows
        if step is not None and row - 1 >= oldest:
            follows = self.follows(step, lane)
            self.replay.note(episode.game, row - 1, episode.actions[age - 1], clipped(step.rewards[lane]), follows)
        if row >= oldest:
            self.replay.write(episode.game, row, frame, age)


def memory(environment: dict[str, Any], settings: dict[str, Any]) -> str | None:
    """Why the replay buffer would not fit in the memory that is free now; None if it does."""
    import psutil

    needed = Replay.size(settings["capacity"], environment["image_size"] ** 2) + BESIDES
    free = psutil.virtual_memory().available
    if needed <= free:
        return None
    return (
        f"This training needs {needed / 1e9:.1f} GB of memory, {settings['capacity']} frames of the replay buffer and "
        f"{BESIDES / 1e9:.1f} GB besides, but {free / 1e9:.1f} GB are free. Lower the agent's capacity, train fewer at "
        "once (CORES=1), or take a larger machine."
    )


def clipped(reward: float) -> float:
    """A reward as it is learned from. (NumPy takes ten times as long for a single number.)"""
    return max(-1.0, min(1.0, reward))


def duration(lane: list[Episode]) -> int:
    """Steps of all episodes of a lane."""
    return sum(len(episode.actions) for episode in lane)


def passed(interval: float, before: int, now: int) -> bool:
    """Whether a multiple of `interval` lies in (before, now]."""
    return now // interval > before // interval
