"""Playing the recordings of data sets again, and comparing their frames."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from rlgames.encoders.frames import Frames
from rlgames.playing.audit import PART, played, published, words
from rlgames.playing.recording import Recording, read


def check(part: tuple[Path, int]) -> tuple[int, list[str]]:
    """How many recordings a part of a file has, and a line for each that does not give its return, or its frames."""
    path, first = part
    recordings = read(path)[first : first + PART]
    return len(recordings), [line for recording in recordings for line in compare(path, recording)]


@lru_cache(maxsize=1)
def frames_in(path: Path) -> Frames:
    """The frames of a data set, read once by each process for all its parts."""
    return Frames(path)


def compare(path: Path, recording: Recording) -> list[str]:
    """What is wrong with one recording."""
    frames, found, said = frames_in(path.with_name("frames.parquet")), played(recording), published(recording)
    if found != said:
        return [f"{path}: episode {recording.episode}: played {words(found)}, but the recording says {words(said)}"]
    *steps, _ = recording.replay()
    seen = np.array([step.picture[-1] for step in steps if step.picture is not None])
    same = np.array_equal(seen, frames.pictures(np.flatnonzero(frames.episodes == recording.episode)))
    return [] if same else [f"{path}: episode {recording.episode}: played, its frames are others"]
