"""Off-policy learning from a replay buffer, on several games side by side: the loop of deep Q-learning."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from rlgames.agents.deep.replay import CONTINUES, TERMINATED, TRUNCATED, Replay
from rlgames.checkpoints import passed
from rlgames.environments.games import Step
from rlgames.streams import Purpose
from rlgames.training.deep import DeepTraining
from rlgames.training.playing_again import Refill

LONGEST = 10_000
"""Maximum number of steps that an exploratory action lasts, as in the paper."""


class Training(DeepTraining):
    """Deep Q-learning (Mnih et al. 2015), or another agent with a replay buffer, at some step."""

    def __init__(
        self, modules: dict[str, ModuleType], seed: int, environment: dict[str, Any], settings: dict[str, Any],
        budget: int, *, threads: int = 1,
    ) -> None:  # fmt: skip
        purposes = (Purpose.EXPLORATION, Purpose.REPLAY)
        super().__init__(modules, seed, environment, settings, budget, purposes, threads)
        self.held, self.left = np.zeros((2, settings["games"]), np.int64)
        """The exploratory action of each game, and for how many steps more it is taken."""

    @property
    def memory(self) -> int:
        frame_bytes = int(np.prod(self.reader.frame_shape)) * np.dtype(self.games.frame.dtype).itemsize
        return Replay.size(self.settings["capacity"], frame_bytes)

    def empty_buffer(self) -> Replay:
        """A replay buffer; made late, since it takes its memory at once."""
        settings, frame = self.settings, self.games.frame
        return Replay(
            settings["capacity"], settings["games"], self.reader.frame_shape, dtype=frame.dtype,
            stack=frame.offsets[0] + 1, offsets=frame.offsets, n=settings["n"], discount=settings["discount"],
            end_share=settings["end_share"], end_steps=settings["end_steps"],
        )  # fmt: skip

    def begin(self) -> None:
        super().begin()
        self.replay = self.empty_buffer()
        self.replay.begin(np.arange(len(self.running)), self.reader.newest(self.observations))

    def advance(self) -> bool:
        before, actions = self.steps, self.choose()
        step = self.games.step(actions)
        self.record(actions, step)
        frames = self.reader.newest(step.observations)
        self.replay.add(actions, self.learned(step.rewards), self.follows(step), frames)
        self.observations = self.restart(step)

        while self.updates < (self.steps - self.settings["warm_up"]) * self.settings["updates_per_step"]:
            self.update(self.replay.sample(self.settings["batch_size"], self.rngs[Purpose.REPLAY]))
        if self.settings["target_mix"] is None and passed(self.settings["target_every"], before, self.steps):
            self.learner.synchronise()
        kept = self.keeps(before)
        self.diverged = self.diverges(kept)
        return kept

    def choose(self) -> np.ndarray:
        """ε-greedy actions, one per game. Both random numbers are drawn, used or not."""
        rng, count = self.rngs[Purpose.EXPLORATION], len(self.running)
        explores, actions = rng.random(count) < self.epsilon, rng.integers(0, len(self.games.actions), count)
        if self.settings["epsilon_repeat"] is not None:
            explores, actions = self.go_on_exploring(explores, actions)
        if explores.all():
            return actions
        return np.where(explores, actions, self.learner.preferences(self.reader(self.observations)).argmax(axis=1))

    def go_on_exploring(self, begins: np.ndarray, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which games explore, and the actions of all, where some `begins` to explore by one of `actions`: each lasts n
        steps, n from a zeta distribution (Dabney, Ostrovski and Barreto 2021, algorithm 1)."""
        lengths = self.rngs[Purpose.EXPLORATION].zipf(self.settings["epsilon_repeat"], len(actions))
        begins = begins & (self.left == 0)
        self.held = np.where(begins, actions, self.held)
        self.left = np.where(begins, np.minimum(lengths, LONGEST), self.left)
        explores = self.left > 0
        self.left = np.maximum(self.left - 1, 0)
        return explores, self.held

    def follows(self, step: Step) -> np.ndarray:
        """What follows the last action of each game, for learning: shape (games,)."""
        return np.where(self.terminal(step), TERMINATED, np.where(step.truncated, TRUNCATED, CONTINUES))

    def restart(self, step: Step) -> np.ndarray:
        observations = super().restart(step)
        ended = np.flatnonzero(step.terminated | step.truncated)
        self.left[ended] = 0
        if len(ended):
            self.replay.begin(ended, self.reader.newest(observations[ended]))
        return observations

    def variables(self) -> dict[str, np.ndarray]:
        return super().variables() | {"exploration.held": self.held, "exploration.left": self.left}

    def assign(self, state: dict[str, np.ndarray]) -> None:
        super().assign(state)
        self.held, self.left = state["exploration.held"].copy(), state["exploration.left"].copy()

    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """The replay buffer is not saved: it is played again."""
        self.replay = self.empty_buffer()
        refill = Refill(self.replay, self.reader, self.episodes, self.learned, self.follows)
        self.observations = refill.run(self.more_games, self.games, self.running, advanced)
