"""Trainings that learn from single steps of games: episodes, schedules, and what is saved, whatever the agent."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from rlgames import checkpoints
from rlgames.environments.games import Games, Step, ending
from rlgames.messages import UserError
from rlgames.streams import Purpose, reset_seed, stream

RECENT = 40
"""Number of episodes whose mean return is compared with the target return."""


class ReplayError(UserError):
    """A recorded episode has another return when it is played again."""


@dataclass
class Episode:
    """An episode of training, finished or not."""

    number: int
    """Number of the episode, from 1, in the order in which episodes began."""
    game: int
    """Index of its game among those side by side."""
    reset_seed: int
    actions: bytearray = field(default_factory=bytearray)
    score: float = 0.0
    """Its return: the sum of raw rewards so far."""
    ending: str = "unfinished"
    end_step: int = 0
    """The step of the training at which it ended; 0 before."""

    def confirm(self, score: float) -> None:
        """Raise `ReplayError` unless it has the return `score` that it has when played again."""
        if score != self.score:
            raise ReplayError(
                f"Episode {self.number} had a return of {self.score}, and played again {score}: the saves come from "
                "another machine or another version of the game; delete their folder, below state."
            )


FACTS = ("number", "game", "reset_seed", "score", "ending", "end_step")
"""Of an episode, that a save holds besides its actions."""


class GameTraining(ABC):
    """A training at some step. `advance` is its only way forward; `state` and `restore` carry it over a kill."""

    unit = "steps"
    games: Any = None
    """What is played; games that know no limit of their own need not be here."""

    def __init__(
        self, seed: int, environment: dict[str, Any], settings: dict[str, Any], budget: int,
        purposes: Iterable[Purpose],
    ) -> None:  # fmt: skip
        """Prepare `budget` steps in all, with a stream of random numbers for each of `purposes`."""
        self.seed, self.environment, self.settings, self.total = seed, environment, settings, budget
        self.rngs = {purpose: stream(seed, purpose) for purpose in purposes}
        self.episodes: list[Episode] = []
        self.running: list[Episode] = []
        self.ended: list[Episode] = []
        self.steps = self.updates = 0
        self.diverged = False

    # Methods that each kind of training overrides.

    @abstractmethod
    def begin(self) -> None:
        """Start the first episode of every game."""

    @abstractmethod
    def advance(self) -> bool:
        """A step of every game or more, and the updates that fall due; True when these weights are to be kept."""

    @abstractmethod
    def weights(self) -> dict[str, np.ndarray]:
        """A copy of the weights, by name."""

    @abstractmethod
    def variables(self) -> dict[str, np.ndarray]:
        """All that an update changes, by name."""

    @abstractmethod
    def assign(self, state: dict[str, np.ndarray]) -> None:
        """Set all of `variables` to what `state` has."""

    @abstractmethod
    def rebuild(self, advanced: Callable[[int, int], None]) -> None:
        """Play again what it takes to resume, see `restore`."""

    def start_from(self, saved: dict[str, np.ndarray]) -> None:
        """Start from the last weights of another run (its weights.npz)."""
        raise UserError(f"Linear agents start from zero weights, not from those of another run ({len(saved)} arrays).")

    # Episodes and schedules.

    def new_episode(self, game: int) -> Episode:
        """Begin an episode in a game."""
        number = len(self.episodes) + 1
        self.episodes.append(Episode(number, game, reset_seed(self.seed, Purpose.ENVIRONMENT, number)))
        return self.episodes[-1]

    def next_episode(self, game: int, *, terminated: bool) -> None:
        """End the running episode of a game, and begin the next."""
        steps, max_steps = len(self.running[game].actions), self.environment["max_steps"]
        self.running[game].ending = ending(self.games, terminated=terminated, steps=steps, max_steps=max_steps)
        self.running[game].end_step = self.steps
        self.ended.append(self.running[game])
        self.running[game] = self.new_episode(game)

    def record(self, actions: np.ndarray, step: Step) -> None:
        """Add a step of every game to its running episode."""
        self.steps += len(actions)
        for episode, action, reward in zip(self.running, actions.tolist(), step.rewards.tolist(), strict=True):
            episode.actions.append(action)
            episode.score += reward

    def restart(self, step: Step) -> np.ndarray:
        """Begin a new episode in every game that ended: the observations of all games."""
        ended = step.terminated | step.truncated
        if not ended.any():
            return step.observations
        games = np.flatnonzero(ended).tolist()
        for game in games:
            self.next_episode(game, terminated=step.terminated[game])
        return self.games.reset(np.array([self.running[game].reset_seed for game in games]), ended)

    def terminal(self, step: Step) -> np.ndarray:
        """Where nothing follows a step, for learning, since the game is over, or goes on after what counts as an end:
        bool, shape (games,)."""
        costs_life = step.life_lost & self.environment.get("life_loss_terminal", False)
        ends_rally = (step.rewards != 0) & self.environment.get("reward_terminal", False)
        return step.terminated | costs_life | ends_rally

    def learned(self, rewards: np.ndarray) -> np.ndarray:
        """Rewards as used for learning, clipped if the environment says so."""
        return np.clip(rewards, -1.0, 1.0) if self.environment.get("clip_rewards", True) else rewards

    @property
    def epsilon(self) -> float:
        """ε falls linearly over the first `epsilon_steps` steps, and stays."""
        start, end = self.settings["epsilon_start"], self.settings["epsilon_end"]
        return self.falling(start, end, self.settings["epsilon_steps"])

    @property
    def step_size(self) -> float:
        """The step size falls linearly over the first `step_size_steps` steps, if it has an end, and stays."""
        start, end = self.settings["step_size"], self.settings["step_size_end"]
        return float(start) if end is None else self.falling(start, end, self.settings["step_size_steps"])

    def falling(self, start: float, end: float, steps: int) -> float:
        """A value that goes from `start` to `end` over the first `steps` steps, linearly, and stays."""
        return float(start + (end - start) * min(1.0, self.steps / steps))

    @property
    def memory(self) -> int:
        """Bytes that it takes, apart from what is small; 0 if nothing is large."""
        return 0

    @property
    def done(self) -> int:
        return self.steps

    @property
    def finished(self) -> bool:
        """Whether the budget is spent, the target return is reached, or a weight is not finite."""
        return self.steps >= self.total or self.diverged or self.has_reached(self.settings["stop_return"])

    @property
    def ended_by(self) -> str:
        """Why a finished training ended, in words."""
        if self.diverged:
            return "a weight is not finite"
        wanted = self.settings["stop_return"]
        if self.has_reached(wanted):
            found = self.recent_return(RECENT)
            return f"the mean return of the last {RECENT} episodes, {found:.4g}, reached stop_return {wanted:g}"
        return "the budget is spent"

    def has_reached(self, wanted: float | None) -> bool:
        recent = None if wanted is None else self.recent_return(RECENT)
        return wanted is not None and recent is not None and recent >= wanted

    def recent_return(self, count: int) -> float | None:
        """Mean return of the last `count` episodes that ended; None before there are so many."""
        return float(np.mean([episode.score for episode in self.ended[-count:]])) if len(self.ended) >= count else None

    @property
    def remark(self) -> str:
        recent = self.recent_return(20)
        parts = [] if recent is None else [f"mean return {recent:.1f} over 20 episodes"]
        if "epsilon_end" in self.settings:  # on policy there is none
            parts.append(f"ε {self.epsilon:.2f}")
        return ", ".join(parts)

    def keeps(self, before: int) -> bool:
        """Whether weights are to be kept after the steps since `before`."""
        return self.finished or checkpoints.due(self.total, before, self.steps)

    # Resuming from a save.

    def state(self) -> dict[str, np.ndarray]:
        """All that is needed to resume, as arrays. What games show is not: they are played again."""
        facts = {
            "steps": self.steps,
            "updates": self.updates,
            "diverged": bool(self.diverged),
            "rngs": {purpose.name: rng.bit_generator.state for purpose, rng in self.rngs.items()},
            "running": [episode.number for episode in self.running],
        }
        return {
            "facts": np.array(json.dumps(facts)),
            **{f"episodes.{name}": np.array([getattr(episode, name) for episode in self.episodes]) for name in FACTS},
            "episodes.steps": np.array([len(episode.actions) for episode in self.episodes]),
            "episodes.actions": np.frombuffer(b"".join(episode.actions for episode in self.episodes), np.uint8),
            **self.variables(),
        }

    def restore(self, state: dict[str, np.ndarray], advanced: Callable[[int, int], None]) -> None:
        """Resume from `state`. `advanced` is told of the steps played again: how many, and of how many.

        Raises `ReplayError` if an episode does not play as it did.
        """
        facts = json.loads(str(state["facts"]))
        self.steps, self.updates, self.diverged = facts["steps"], facts["updates"], facts["diverged"]
        for purpose, rng in self.rngs.items():
            rng.bit_generator.state = facts["rngs"][purpose.name]
        self.assign(state)
        ends = np.cumsum(state["episodes.steps"]).tolist()
        actions = state["episodes.actions"].tobytes()
        columns = {name: state[f"episodes.{name}"].tolist() for name in FACTS}
        self.episodes = [
            Episode(**{name: column[row] for name, column in columns.items()}, actions=bytearray(actions[start:end]))
            for row, (start, end) in enumerate(zip([0, *ends], ends, strict=False))
        ]
        self.running = [self.episodes[number - 1] for number in facts["running"]]
        ended = [episode for episode in self.episodes if episode.end_step]
        self.ended = sorted(ended, key=lambda episode: (episode.end_step, episode.game))
        if not self.finished:
            self.rebuild(advanced)


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


def table(episodes: list[Episode], environment: dict[str, Any]) -> pd.DataFrame:
    """Recordings: a row for each episode, with all that it takes to play it again."""
    return pd.DataFrame(
        {
            "episode": episode.number,
            "steps": len(episode.actions),
            "return": episode.score,
            "ending": episode.ending,
            "end_step": episode.end_step,
            "reset_seed": episode.reset_seed,
            "actions": bytes(episode.actions),
            "environment": json.dumps(environment),
        }
        for episode in episodes
    )
