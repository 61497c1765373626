"""Filling a replay buffer again from the recordings of a training that was killed: gigabytes that need no save."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rlgames.agents.deep.replay import Replay, nothing
from rlgames.environments.games import Games, Step
from rlgames.networks.reader import Reader
from rlgames.training.episodes import Episode

LANES = 8
"""Number of games side by side in which finished episodes are played again."""


class Refill:
    """Puts recorded episodes into the rows of a replay buffer that they had."""

    def __init__(
        self, replay: Replay, reader: Reader, episodes: list[Episode], learned: Callable[[Any], Any],
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
        length, count = max(map(duration, lanes)), len(lanes)
        starts = [np.cumsum([length - duration(episodes), *map(taken, episodes[:-1])]).tolist() for episodes in lanes]
        waiting = [dict(zip(times, episodes, strict=True)) for times, episodes in zip(starts, lanes, strict=True)]
        actions = np.zeros((count, length), np.int64)
        for line, plan in zip(actions, waiting, strict=True):
            for start, episode in plan.items():
                line[start : start + taken(episode)] = np.frombuffer(episode.actions, np.uint8)
        playing: dict[int, Episode] = {}
        of_game, rows, ages = np.zeros((3, count), np.int64)
        scores, done = np.zeros(count), 0
        observations = games.reset(np.zeros(count, np.int64))
        for now in range(length + 1):
            if starting := {lane: plan[now] for lane, plan in enumerate(waiting) if now in plan}:
                begun = np.array(list(starting))
                observations = games.reset(
                    np.array([episode.reset_seed for episode in starting.values()]), np.isin(np.arange(count), begun)
                )
                playing |= starting
                of_game[begun] = [episode.game for episode in starting.values()]
                rows[begun] = [self.first_rows[episode.number] for episode in starting.values()]
                ages[begun], scores[begun] = 0, 0.0
                places = of_game[begun], rows[begun], ages[begun]
                self.replay.store(*places, *nothing(len(begun)), self.reader.newest(observations[begun]))
            if now == length:
                break
            step = games.step(actions[:, now])
            observations = step.observations
            lanes_at_work = np.array(sorted(playing), np.int64)
            rows, ages, scores = rows + 1, ages + 1, scores + step.rewards
            arrays = (
                *(of_game, rows, ages, actions[:, now]),
                *(self.learned(step.rewards), self.follows(step), self.reader.newest(observations)),
            )
            self.replay.store(*(array[lanes_at_work] for array in arrays))
            done += len(lanes_at_work)
            for lane in [lane for lane, episode in playing.items() if ages[lane] == taken(episode)]:
                playing.pop(lane).confirm(float(scores[lane]))
            advanced(done)
        return observations


def taken(episode: Episode) -> int:
    """Steps of an episode."""
    return len(episode.actions)


def duration(lane: list[Episode]) -> int:
    """Steps of all episodes of a lane."""
    return sum(map(taken, lane))
