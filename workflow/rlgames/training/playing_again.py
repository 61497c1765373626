"""Filling a replay buffer again from the recordings of a training that was killed: gigabytes that need no save."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rlgames.agents.deep.replay import Replay
from rlgames.environments.games import Games, Step
from rlgames.networks.reader import Reader
from rlgames.training.episodes import Episode

LANES = 8
"""Games side by side when finished episodes are played again."""


class Refill:
    """Puts recorded episodes into the rows of a replay buffer that they had."""

    def __init__(
        self, replay: Replay, reader: Reader, episodes: list[Episode], learned: Callable[[float], float],
        follows: Callable[[Step], np.ndarray],
    ) -> None:  # fmt: skip
        """`replay` is empty; `learned` and `follows` say what a reward and an end are for learning."""
        self.replay, self.reader, self.learned, self.follows = replay, reader, learned, follows
        self.first_rows: dict[int, int] = {}
        written = replay.ring.written
        for episode in episodes:
            self.first_rows[episode.number] = int(written[episode.game])
            written[episode.game] += len(episode.actions) + 1
        oldest = written - replay.rows
        self.held = [
            episode
            for episode in episodes
            if episode.end_step and self.first_rows[episode.number] + len(episode.actions) >= oldest[episode.game]
        ]

    def run(
        self, make_games: Callable[[int], Games], games: Games, running: list[Episode],
        advanced: Callable[[int, int], None],
    ) -> np.ndarray:  # fmt: skip
        """Play finished episodes in any games, and running ones in `games`, where they stood: their observations."""
        lanes: list[list[Episode]] = [[] for _ in range(min(LANES, len(self.held)))]
        for episode in sorted(self.held, key=lambda episode: len(episode.actions), reverse=True):
            min(lanes, key=duration).append(episode)
        singles = [[episode] for episode in running]
        pool, total = sum(map(duration, lanes)), sum(map(duration, lanes + singles))
        if lanes:
            self.play(make_games(len(lanes)), lanes, lambda done: advanced(done, total))
        return self.play(games, singles, lambda done: advanced(pool + done, total))

    def play(self, games: Games, lanes: list[list[Episode]], advanced: Callable[[int], None]) -> np.ndarray:
        """Play episodes, one after the other in each lane, into their rows. Returns the last observations.

        All lanes end together, so that shorter ones wait at first.
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
                    self.put(episode, 0, self.reader.newest(observations[lane : lane + 1])[0])
            if now == length:
                break
            actions = [episode.actions[age] if episode else 0 for episode, age in zip(playing, ages, strict=True)]
            step = games.step(np.array(actions))
            observations, frames = step.observations, self.reader.newest(step.observations)
            follows = self.follows(step)
            for lane, current in enumerate(playing):
                if current is None:
                    continue
                ages[lane] += 1
                scores[lane] += step.rewards[lane]
                self.put(current, ages[lane], frames[lane], step.rewards[lane], follows[lane])
                if ages[lane] == len(current.actions):
                    current.confirm(scores[lane])
                done += 1
            advanced(done)
        return observations

    def put(self, episode: Episode, age: int, frame: np.ndarray, reward: float = 0.0, follows: int = 0) -> None:
        """A frame of an episode, and what the step that led there gave, unless the buffer forgot it."""
        row = self.first_rows[episode.number] + age
        oldest = self.replay.ring.written[episode.game] - self.replay.rows
        if age > 0 and row - 1 >= oldest:
            self.replay.complete(episode.game, row - 1, episode.actions[age - 1], self.learned(reward), follows)
        if row >= oldest:
            self.replay.write(episode.game, row, frame, age)


def duration(lane: list[Episode]) -> int:
    """Steps of all episodes of a lane."""
    return sum(len(episode.actions) for episode in lane)


def resume_episodes(games: Games, running: list[Episode], advanced: Callable[[int, int], None]) -> np.ndarray:
    """Play the running episodes of `games` again, to where they stood: their observations.

    A game whose episode is shorter waits, and begins so that all arrive together.
    """
    length = max(len(episode.actions) for episode in running)
    scores = np.zeros(len(running))
    starts = np.array([length - len(episode.actions) for episode in running])
    observations = games.reset(np.array([episode.reset_seed for episode in running]))
    for now in range(length):
        if now and (starting := starts == now).any():
            seeds = [episode.reset_seed for episode, begins in zip(running, starting, strict=True) if begins]
            games.reset(np.array(seeds), starting)
            scores[starting] = 0.0
        taken = [
            episode.actions[now - start] if now >= start else 0
            for episode, start in zip(running, starts.tolist(), strict=True)
        ]
        step = games.step(np.array(taken))
        scores += np.where(starts <= now, step.rewards, 0.0)
        observations = step.observations
        advanced(now + 1, length)
    if (late := starts == length).any() and length:
        seeds = [episode.reset_seed for episode, begins in zip(running, late, strict=True) if begins]
        observations = games.reset(np.array(seeds), late)
    for episode, score in zip(running, scores.tolist(), strict=True):
        episode.confirm(score)
    return observations
