"""Play every recording again: confirm length, return and ending, the scores made of them, and the frames of data sets
(`make verify`)."""

from __future__ import annotations

import os
import sys
from multiprocessing import Pool
from pathlib import Path

from pyarrow.parquet import ParquetFile
from tqdm import tqdm

from rlgames.encoders import audit as dataset_audit
from rlgames.operations import compile_cache, isolation, jobs
from rlgames.playing import audit
from rlgames.playing.audit import PART, check_scores


def check(part: tuple[Path, int]) -> tuple[int, list[str]]:
    """Play a part of a file again, of a run or of a data set: how many recordings, and what is wrong with them."""
    of_dataset = part[0].with_name("frames.parquet").exists()
    return (dataset_audit if of_dataset else audit).check(part)


def main() -> None:
    root = Path(sys.argv[1])
    isolation.isolate()
    compile_cache.use_for_all_code()
    paths = sorted([*root.glob("runs/**/recordings.parquet"), *root.glob("datasets/*/recordings.parquet")])
    if not paths:
        sys.exit(f"There are no recordings below {root}; run make first.")
    sizes = {path: ParquetFile(path).metadata.num_rows for path in paths}
    parts = [(path, first) for path, size in sizes.items() for first in range(0, size, PART)]
    total = sum(sizes.values())
    wrong: list[str] = []
    with (
        Pool(initializer=jobs.die_with_parent, initargs=(os.getpid(),)) as pool,
        tqdm(total=total, unit="recording", desc="Playing again") as bar,
    ):
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
