"""Deep Q-learning on several games side by side: the loop, and all that it takes to go on from where it stood."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.deep import Learner
from rlgames.environments.atari import PATCH, Games, Step, offsets, patches
from rlgames.memory import demand
from rlgames.replay import CUT_OFF, GOES_ON, TERMINATED, Replay
from rlgames.streams import Purpose, stream
from rlgames.training.atari import AtariTraining, Episode, clipped, passed

BESIDES = 1_000_000_000
"""Bytes that TensorFlow, the networks and the games take."""

LANES = 8
"""Games side by side when recorded episodes are played again."""


class Training(AtariTraining):
    """Deep Q-learning at some step."""

    def __init__(
        self, agent: ModuleType, seed: int, environment: dict[str, Any], settings: dict[str, Any], budget: int,
        *, threads: int = 1,
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all for the module `agent`. Threads of the games change no result.

        Raises `ShortageError` if the replay buffer would not fit in the memory that is free.
        """
        super().__init__(seed, environment, settings, budget, (Purpose.EXPLORATION, Purpose.REPLAY))
        demand_memory(environment, settings)
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
        kept = self.keeps(before)
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
        if self.is_terminal(step.rewards[game], step.terminated[game], step.life_lost[game]):
            return TERMINATED
        return CUT_OFF if step.truncated[game] else GOES_ON

    def restart(self, terminated: np.ndarray, ended: np.ndarray) -> np.ndarray:
        """Begin a new episode in every game that `ended`: the observations of all games."""
        games = np.flatnonzero(ended).tolist()
        for game in games:
            self.next_episode(game, terminated=terminated[game])
        observations = self.games.reset(np.array([self.running[game].reset_seed for game in games]), ended)
        for game in games:
            self.replay.begin(game, patches(observations[game, -1:]))
        return observations

    # Weights, and going on from where it stood. The replay buffer is not saved: it is played again.

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        """Start from the last weights of another run (its weights.npz); raises `WeightsError` if they do not fit."""
        self.learner.start_from(saved)

    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the online network's weights, by name."""
        return self.learner.weights()

    def variables(self) -> dict[str, np.ndarray]:
        """Both networks and the state of the optimiser, by name."""
        return {name: variable.numpy() for name, variable in self.learner.variables().items()}

    def assign(self, state: dict[str, np.ndarray]) -> None:
        """Set all of `variables` to what `state` has."""
        for name, variable in self.learner.variables().items():
            variable.assign(state[name])

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
                if ages[lane] == len(current.actions):
                    current.confirm(scores[lane])
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


def demand_memory(environment: dict[str, Any], settings: dict[str, Any]) -> None:
    """Raise `ShortageError` unless the replay buffer fits in the memory that is free."""
    frames = settings["capacity"]
    besides = f"{frames} frames of the replay buffer and {BESIDES / 1e9:.1f} GB besides"
    demand(Replay.size(frames, environment["image_size"] ** 2) + BESIDES, besides)


def duration(lane: list[Episode]) -> int:
    """Steps of all episodes of a lane."""
    return sum(len(episode.actions) for episode in lane)
