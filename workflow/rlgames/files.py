"""Files that appear whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


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


def write_json(facts: dict[str, Any], path: Path) -> None:
    """Write a manifest, for people to read as well."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n")


def write_episodes(recordings: Any, episodes: Path, whole: Path) -> None:
    """Write recorded Atari episodes, a DataFrame: `whole`, and `episodes` without the columns that play them again."""
    kinds = {"experiment", "variant", "agent", "ending", "environment"} & set(recordings.columns)
    recordings = recordings.astype(dict.fromkeys(kinds, "category"))
    played = ["reset_seed", "actions", "rewards", "values", "environment"]
    for table, place in ((recordings.drop(columns=played, errors="ignore"), episodes), (recordings, whole)):
        with replacing(place) as path:
            table.to_parquet(path, index=False)
