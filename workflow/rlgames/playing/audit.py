"""Playing recordings again, and comparing what they give with what was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rlgames.playing.recording import Recording
from rlgames.playing.scores import evaluation_table
from rlgames.provenance import Manifest

PART = 10
"""Recordings that are played in one go."""

Outcome = tuple[int, float, bool]
"""Steps, return, and whether the game was over at the end."""


def check(part: tuple[Path, int]) -> tuple[int, list[str]]:
    """How many recordings a part of a file has, and a line for each that does not give what was published."""
    path, first = part
    rows = pd.read_parquet(path)
    recordings = [Recording.of(row) for row in rows.iloc[first : first + PART].to_dict("records")]
    episodes = pd.read_parquet(path.with_name("episodes.parquet")).set_index(["seed", "episode"])
    wrong = []
    if first == 0 and "reset_seed" in rows:  # where every episode is recorded
        unlike = set(episodes.index) ^ set(rows[["seed", "episode"]].itertuples(index=False, name=None))
        wrong += [f"{path}: seed {seed}, episode {episode}: not in both tables" for seed, episode in sorted(unlike)]
    for recording in recordings:
        found = played(recording)
        row: Any = episodes.loc[(recording.seed, recording.episode)]
        listed = int(row["steps"]), float(row["return"]), row["ending"] == "terminated"
        for name, said in {"recording": published(recording), "table of episodes": listed}.items():
            if found != said:
                wrong.append(f"{path}: seed {recording.seed}: played {words(found)}, but the {name} says {words(said)}")
    return len(recordings), wrong


def played(recording: Recording) -> Outcome:
    """What a recording gives. A game that is over before its last action counts as one of no steps.

    The return is summed in the order of the rewards, as it was when it was published.
    """
    _, *steps = recording.replay()
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


def check_scores(root: Path) -> list[str]:
    """A line for each row of the table of evaluation scores that its episodes do not give."""
    table = root / "tables" / "evaluation-scores.csv"
    if not table.exists():
        return []
    keys, numbers = ["experiment", "variant", "agent", "seed"], ["return", "low", "high", "median", "best"]
    published = pd.read_csv(table, dtype={"seed": str})
    runs = published[published["seed"] != "all"][["experiment", "variant", "seed"]].drop_duplicates()
    paths = [root.joinpath("runs", *names, f"seed-{seed}") / "evaluation" for *names, seed in runs.to_numpy()]
    episodes = pd.concat([pd.read_parquet(path / "episodes.parquet") for path in paths])
    scores = evaluation_table(episodes, [Manifest.read(path.with_name("manifest.json")) for path in paths])
    rows = published.merge(scores, on=keys, how="left", suffixes=("", "_found"))
    found = rows[[f"{name}_found" for name in numbers]].astype(float)
    right = np.isclose(rows[numbers], found, rtol=1e-6, equal_nan=True).all(axis=1)  # what diverged has no score
    return [f"{table}: {' '.join(row)}: its episodes give other scores" for row in rows[~right][keys].to_numpy()]
