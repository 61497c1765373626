"""Playing recordings again, and comparing what they give with what was published."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from rlgames.environments.games import Replayed
from rlgames.files import read_table, read_weights, reading
from rlgames.messages import UserError
from rlgames.playing.evaluation import parts
from rlgames.playing.recording import Recording
from rlgames.provenance import Manifest
from rlgames.streams import Purpose, reset_seed

PART = 10
"""Number of recordings that are played in one go."""

TOLERANCE = 1e-4
"""How far action values may be from recorded ones, as a share of the largest one of their episode: another processor,
or a batch of another size, sums in another order."""

STATES = 256
"""Number of states whose action values are computed in one go."""

KEYS = ["seed", "episode"]

Outcome = tuple[int, float, bool]
"""Steps, return, and whether the game was over at the end."""


class Part(NamedTuple):
    """Some recordings of a file."""

    path: Path
    first: int
    """First row of the part, which has PART rows at most."""
    modules: tuple[tuple[str, str], ...]
    """Of the player, by their roles; none but in evaluations."""
    encoder: tuple[Path, ...]
    """Weights that the features of a linear agent need."""
    steps: int = 0
    """Steps to play."""
    of_dataset: bool = False
    """Whether frames lie beside them."""


def check(part: Part) -> tuple[int, list[str]]:
    """How many recordings a part of a file has, and a line for each that does not give what was published."""
    path, first, *_ = part
    try:
        rows = table(path)
        with reading(path):
            recordings = [Recording.of(row) for row in rows.iloc[first : first + PART].to_dict("records")]
        wrong = [*unlike(path, rows)] if first == 0 else []
        return len(recordings), wrong + [line for each in recordings for line in compare(part, each)]
    except UserError as error:
        return 0, [str(error)]


table = lru_cache(maxsize=1)(read_table)
"""A table, read once by each process for all its parts."""


def unlike(path: Path, rows: pd.DataFrame) -> Iterator[str]:
    """How recordings differ from the table of episodes: it has all that is in them but what plays them again."""
    episodes, manifest = read_table(path.with_name("episodes.parquet")), Manifest.read(path.with_name("manifest.json"))
    if "reset_seed" not in rows:  # of agents over tiles, the last episode of each seed is recorded
        episodes = episodes[episodes["episode"] == manifest.spec["episodes"]]
    with reading(path):
        listed, own = (each.set_index(KEYS) for each in (episodes, rows))
    if not (listed.index.is_unique and own.index.is_unique):
        yield f"{path}: it, or the table of episodes, has an episode twice"
        return
    for seed, episode in sorted(set(listed.index) ^ set(own.index)):
        yield f"{path}: seed {seed}, episode {episode}: not in both tables"
    both = listed.index.intersection(own.index)
    for column in listed.columns.intersection(own.columns):
        one, other = (each.loc[both, column].astype(str) for each in (listed, own))
        for seed, episode in both[one != other]:
            yield f"{path}: seed {seed}, episode {episode}: {column} is another in the table of episodes"


def compare(part: Part, recording: Recording) -> Iterator[str]:
    """What is wrong with one recording."""
    where = f"{part.path}: seed {recording.seed}, episode {recording.episode}"
    try:
        if recording.environment != Manifest.read(part.path.with_name("manifest.json")).spec["environment"]:
            yield f"{where}: not in the environment that its manifest says"
        judge = None if recording.rewards is None else judge_of(part.path, part.modules, part.encoder)
        point = None
        if judge is not None:
            episodes = of_episode(judge, recording)
            if problem := stranger(judge, episodes, recording):
                yield f"{where}: {problem}"
                judge = None
            else:
                point = episodes.point
        if judge is None or point is None:
            steps, values = list(recording.replay()), None
        else:
            steps, values = watched(judge.player, recording, point)
        if (found := outcome(steps)) != (said := published(recording)):
            yield f"{where}: played {words(found)}, but the recording says {words(said)}"
        elif recording.rewards is not None:
            if not np.array_equal(recording.rewards, np.array([step.reward for step in steps[1:]], np.float32)):
                yield f"{where}: played, its rewards are others"
            if judge is not None and (problem := unlike_preferences(recording, values)):
                yield f"{where}: {problem}"
    except MemoryError:
        raise
    except Exception as error:  # a damaged recording can make a game or a network fail in any way
        yield f"{where}: cannot be played again ({type(error).__name__}: {error})"


def played(recording: Recording) -> Outcome:
    """What a recording gives."""
    return outcome(list(recording.replay()))


def outcome(replayed: list[Replayed]) -> Outcome:
    """What a recording gave. A game that is over before its last action counts as one of no steps.

    The return is summed in the order of the rewards, as it was when it was published.
    """
    _, *steps = replayed
    over, score = [step.terminated for step in steps], 0.0
    if any(over[:-1]):
        return 0, 0.0, True
    for step in steps:
        score += step.reward
    return len(steps), score, bool(over) and over[-1]


def published(recording: Recording) -> Outcome:
    """A game knows its end; that an episode was cut off, or stopped since weights diverged, it can't know."""
    return recording.steps, recording.score, recording.ending == "terminated"


def words(outcome: Outcome) -> str:
    steps, score, over = outcome
    return f"{steps} steps, a return of {score:,.12g}, {'terminated' if over else 'not terminated'}"


class Judge(NamedTuple):
    """An agent that was evaluated."""

    player: Any
    steps: list[int]
    """Steps at which its weights were kept."""
    protocol: dict[str, Any]
    """Settings of the evaluation."""


@lru_cache(maxsize=1)
def judge_of(path: Path, modules: tuple[tuple[str, str], ...], encoder: tuple[Path, ...]) -> Judge:
    """The agent behind an evaluation's recordings, with the weights beside them."""
    spec, saved = Manifest.read(path.with_name("manifest.json")).spec, read_weights(path.parents[1] / "weights.npz")
    import_module(dict(modules)["player"]).prepare()
    loaded = {role: import_module(name) for role, name in modules}
    environment, agent = spec["environment"], spec["agent"]
    features = [loaded["features"].Features(environment, agent["features"], *encoder)] if "features" in loaded else []
    with reading(path.parents[1] / "weights.npz"):  # weights that do not fit the network are damage, too
        player = loaded["player"].Player(saved, loaded, environment, agent, *features)
    return Judge(player, saved["steps"].tolist(), spec["evaluation"])


def of_episode(judge: Judge, recording: Recording) -> Any:
    """The part of the evaluation that an episode belongs to."""
    all_parts = parts(judge.protocol, len(judge.steps), samples=judge.player.samples)
    return next(each for each in all_parts if recording.episode in each.numbers)


def stranger(judge: Judge, part: Any, recording: Recording) -> str:
    """What is wrong with who played an episode of a part of the evaluation, in words: agent, weights, or seed."""
    trained = 0 if part.point is None else judge.steps[part.point]
    seed = reset_seed(recording.seed, Purpose.EVALUATION, recording.episode)
    if (part.agent, trained, seed) != (recording.agent, recording.trained_steps, recording.reset_seed):
        return f"not by the agent {part.agent} after {trained} steps, from the seed {seed}"
    return ""


def unlike_preferences(recording: Recording, values: np.ndarray | None) -> str:
    """How recorded action values differ from those that the weights give (None for random play), in words."""
    if values is None:
        return "" if recording.preferences is None else "play at random has no action values"
    if recording.preferences is None:
        return "its action values are missing" if np.isfinite(values).all() else ""
    apart, largest = np.abs(values - recording.preferences).max(), np.abs(values).max()
    return "" if apart <= TOLERANCE * largest else f"the weights give other {recording.shown}, {apart:.3g} apart"


def watched(player: Any, recording: Recording, point: int) -> tuple[list[Replayed], np.ndarray]:
    """An episode, played again as the player sees it; and what its actions are chosen by at a point of its training,
    before every action: shape (steps, actions)."""
    games, steps, found = player.games(1), [Replayed(0.0, False, None)], []
    states = [np.array(games.reset(np.array([recording.reset_seed]))[0])]
    for action in recording.actions:
        if len(states) == STATES:
            found.append(player.preferences(np.stack(states), point))
            states = []
        step = games.step(np.array([action]))
        states.append(np.array(step.observations[0]))
        steps.append(Replayed(float(step.rewards[0]), bool(step.terminated[0]), None))
    if len(states) > 1:  # the last one is that of the end
        found.append(player.preferences(np.stack(states[:-1]), point))
    return steps, np.concatenate(found)
