"""Play every recording again: confirm length, return and ending (`make verify`)."""

from __future__ import annotations

import sys
from multiprocessing import Pool
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from rlgames.recording import replay


def check(path: Path) -> tuple[int, list[str]]:
    """The number of recordings in a file, and a line for each that does not give what was published."""
    recordings = pd.read_parquet(path)
    episodes = pd.read_parquet(path.with_name("episodes.parquet")).set_index(["seed", "episode"])
    wrong = []
    for recording in recordings.to_dict("records"):
        (_, *rewards), ends = zip(*((reward, end) for reward, end, _ in replay(recording)), strict=True)
        published = episodes.loc[(recording["seed"], recording["episode"])]
        # A game knows its end; that an episode was cut off, or stopped since weights diverged, it can't know.
        ended = "terminated" if ends[-1] and not any(ends[:-1]) else "not terminated" if not any(ends) else "over early"
        found = (len(rewards), sum(rewards), ended)
        for name, row in {"recording": recording, "table of episodes": published}.items():
            ending = "terminated" if row["ending"] == "terminated" else "not terminated"
            said = (int(row["steps"]), float(row["return"]), ending)
            if found != said:
                wrong.append(f"{path}: seed {recording['seed']}: played {found}, but the {name} says {said}")
    return len(recordings), wrong


def main() -> None:
    root = Path(sys.argv[1])
    paths = sorted(root.glob("runs/**/recordings.parquet"))
    if not paths:
        sys.exit(f"There are no recordings below {root}; run make first.")
    total = 0
    wrong: list[str] = []
    with Pool() as pool:
        for count, lines in tqdm(
            pool.imap_unordered(check, paths), total=len(paths), unit="file", desc="Playing again"
        ):
            total, wrong = total + count, wrong + lines
    print(*wrong, sep="\n")
    if wrong:
        sys.exit(f"{len(wrong)} of {total} recordings do not give what was published. Delete their runs and run make.")
    print(f"All {total} recordings give the lengths, returns and endings that were published.")


if __name__ == "__main__":
    main()
