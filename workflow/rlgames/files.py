"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

from rlgames.messages import UserError

if TYPE_CHECKING:  # the plan knows this module, and does without NumPy
    import numpy as np


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


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a weights.npz. Raises `UserError` for a file that is none."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, BadZipFile) as error:
        raise UserError(f"{path} holds no weights, or is damaged: delete it and run make again. ({error})") from None


def write_episodes(recordings: Any, episodes: Path, whole: Path) -> None:
    """Write recorded episodes, a DataFrame: `whole`, and `episodes` without the columns that play them again."""
    kinds = {"experiment", "variant", "agent", "ending", "environment", "shown"} & set(recordings.columns)
    recordings = recordings.astype(dict.fromkeys(kinds, "category"))
    played = ["reset_seed", "actions", "rewards", "values", "shown", "environment"]
    for table, place in ((recordings.drop(columns=played, errors="ignore"), episodes), (recordings, whole)):
        with replacing(place) as path:
            table.to_parquet(path, index=False)
