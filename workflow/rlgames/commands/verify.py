"""Play every recording again: confirm length, return and ending, the scores made of them, and the frames of data sets
(`make verify`)."""

from __future__ import annotations

import sys
from functools import lru_cache
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyarrow.parquet import ParquetFile
from tqdm import tqdm

from rlgames.frames import Frames
from rlgames.recording import environment_of, replay
from rlgames.statistics import evaluation_scores

PART = 10
"""Recordings that are played in one go."""


def check(part: tuple[Path, int]) -> tuple[int, list[str]]:
    """How many recordings a part of a file has, and a line for each that does not give what was published."""
    path, first = part
    recordings = pd.read_parquet(path)
    if path.with_name("frames.parquet").exists():
        recordings = recordings.iloc[first : first + PART]
        return len(recordings), check_frames(path, recordings)
    episodes = pd.read_parquet(path.with_name("episodes.parquet")).set_index(["seed", "episode"])
    wrong = []
    if first == 0 and environment_of(recordings.iloc[0].to_dict()).name == "atari":  # every episode is recorded
        unlike = set(episodes.index) ^ set(recordings[["seed", "episode"]].itertuples(index=False, name=None))
        wrong += [f"{path}: seed {seed}, episode {episode}: not in both tables" for seed, episode in sorted(unlike)]
    recordings = recordings.iloc[first : first + PART]
    for recording in recordings.to_dict("records"):
        (_, *rewards), ends = zip(*((reward, end) for reward, end, _ in replay(recording)), strict=True)
        published = episodes.loc[(recording["seed"], recording["episode"])]
        # A game knows its end; that an episode was cut off, or stopped since weights diverged, it can't know.
        over = ended(ends[-1]) if not any(ends[:-1]) else "over early"
        found = (len(rewards), sum(rewards), over)
        for name, row in {"recording": recording, "table of episodes": published}.items():
            if found != (said := outcome(row)):
                wrong.append(f"{path}: seed {recording['seed']}: played {found}, but the {name} says {said}")
    return len(recordings), wrong


def ended(terminated: bool) -> str:
    return "terminated" if terminated else "not terminated"


def outcome(row: Any) -> tuple[int, float, str]:
    """Steps, return and ending of an episode as they were published."""
    return int(row["steps"]), float(row["return"]), ended(row["ending"] == "terminated")


@lru_cache(maxsize=1)
def frames_in(path: Path) -> Frames:
    """The frames of a data set, read once by each process for all its parts."""
    return Frames(path)


def check_frames(path: Path, recordings: pd.DataFrame) -> list[str]:
    """A line for each of a data set's recordings that does not give its return, or its frames."""
    frames, wrong = frames_in(path.with_name("frames.parquet")), []
    for recording in recordings.to_dict("records"):
        rewards, ends, pictures = zip(*replay(recording), strict=True)
        rows = np.flatnonzero(frames.episodes == recording["episode"])
        seen = np.array([stack[-1] for stack in pictures[:-1] if stack is not None])
        found, said = (len(rewards) - 1, sum(rewards), ended(ends[-1])), outcome(recording)
        if found != said:
            wrong.append(f"{path}: episode {recording['episode']}: played {found}, but the recording says {said}")
        elif not np.array_equal(seen, frames.pictures(rows)):
            wrong.append(f"{path}: episode {recording['episode']}: played, its frames are others")
    return wrong


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
    rows = published.merge(evaluation_scores(episodes), on=keys, how="left", suffixes=("", "_found"))
    right = np.isclose(rows[numbers], rows[[f"{name}_found" for name in numbers]], rtol=1e-6).all(axis=1)
    return [f"{table}: {' '.join(row)}: its episodes give other scores" for row in rows[~right][keys].to_numpy()]


def main() -> None:
    root = Path(sys.argv[1])
    paths = sorted([*root.glob("runs/**/recordings.parquet"), *root.glob("datasets/*/recordings.parquet")])
    if not paths:
        sys.exit(f"There are no recordings below {root}; run make first.")
    sizes = {path: ParquetFile(path).metadata.num_rows for path in paths}
    parts = [(path, first) for path, size in sizes.items() for first in range(0, size, PART)]
    total = sum(sizes.values())
    wrong: list[str] = []
    with Pool() as pool, tqdm(total=total, unit="recording", desc="Playing again") as bar:
        for count, lines in pool.imap_unordered(check, parts):
            wrong += lines
            bar.update(count)
    if wrong:
        print(*wrong, sep="\n")
        sys.exit(
            f"{len(wrong)} of {total} recordings do not give what was published. Delete their runs or data sets, and "
            "their folders below state, and run make."
        )
    if wrong := check_scores(root):
        sys.exit("\n".join([*wrong, "Delete the table and run make."]))
    print(f"All {total} recordings give the lengths, returns and endings that were published.")


if __name__ == "__main__":
    main()
