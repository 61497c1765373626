"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlgames.messages import UserError

if TYPE_CHECKING:  # the plan imports this module, and must not load NumPy, which takes time
    import numpy as np
    import pandas as pd
PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parents[1]
"""Folders of this package, and of the project."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` to write to; it takes the place of `path` at the end, unless an error came."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_weights(kept: dict[int, dict[str, np.ndarray]], path: Path) -> None:
    """Write the weights that a training kept, by its steps: each array with a first axis of them, and `steps`."""
    import numpy as np

    points = [kept[step] for step in sorted(kept)]
    weights = {name: np.stack([arrays[name] for arrays in points]) for name in points[0]}
    with replacing(path) as temporary:
        np.savez(temporary, allow_pickle=False, steps=np.array(sorted(kept)), **weights)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Read a product: whatever shows that it is not what it should be raises `UserError`, with the remedy.

    A pipe, which would be waited for, a folder and a link to nothing are refused before. Too little memory, a disk that
    fails and a file that is someone else's are no damage, and raise what they raise.
    """
    try:
        if not path.is_file():
            raise ValueError("no file is there")
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT, errno.EISDIR, errno.EINVAL):
            raise
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0][:200]
        raise UserError(
            f"{path} is damaged, or not what it should be ({why}): delete it and run the same make again."
        ) from None


def read_weights(path: Path, *needed: str) -> dict[str, np.ndarray]:
    """All arrays of a weights.npz. Raises `UserError` for a file that is none, or lacks an array that is `needed`."""
    import numpy as np

    with reading(path), path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        arrays = dict(file)
        if missing := set(needed) - set(arrays):
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
        return arrays


COLUMNS = {
    "episodes": {"experiment", "variant", "seed", "episode", "steps", "return", "ending"},
    "recordings": {"episode", "steps", "return", "ending", "actions", "environment"},
    "losses": {"experiment", "variant", "seed", "epoch", "training", "held_out"},
    "encoding": {"experiment", "variant", "seed", "row", "part", "called", "numbers", "error"},
    "predictions": {"experiment", "variant", "seed", "episode", "step", "value", "return", "mean"},
}
"""What tables have, by the names of their files, besides what only some of them have."""

NUMBERS = {"seed", "episode", "steps", "return", "epoch", "training", "held_out", "error", "value", "mean"}


def read_table(path: Path) -> pd.DataFrame:
    """A table among the products. Raises `UserError` for a file that is damaged, or not that table."""
    import pandas as pd

    with reading(path):
        table = pd.read_parquet(path)
        if missing := COLUMNS.get(path.stem, set()) - set(table):
            raise ValueError(f"it lacks the columns {', '.join(sorted(missing))}")
        if wrong := [name for name in table if name in NUMBERS and not pd.api.types.is_numeric_dtype(table[name])]:
            raise ValueError(f"no numbers in {', '.join(wrong)}")
        return table


def write_episodes(recordings: Any, episodes: Path, whole: Path) -> None:
    """Write recorded episodes, a DataFrame: `whole`, and `episodes` without the columns that play them again."""
    kinds = {"experiment", "variant", "agent", "ending", "environment", "shown"} & set(recordings.columns)
    recordings = recordings.astype(dict.fromkeys(kinds, "category"))
    played = ["reset_seed", "actions", "rewards", "values", "shown", "environment"]
    for table, place in ((recordings.drop(columns=played, errors="ignore"), episodes), (recordings, whole)):
        with replacing(place) as path:
            table.to_parquet(path, index=False)


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hex. Raises `UserError` if there is no such file."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
