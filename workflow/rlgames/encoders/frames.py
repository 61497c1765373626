"""The frames of a data set, compressed on disk and in memory: PNG in a Parquet file, made pictures when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rlgames.files import reading

SCHEMA = pa.schema(
    [
        ("episode", pa.int32()),
        ("step", pa.int32()),
        ("frame", pa.large_binary()),
        ("memory", pa.binary(128)),
        ("action", pa.uint8()),
        ("reward", pa.float32()),
        ("terminal", pa.bool_()),
    ]
)
"""A row for each observation that was acted on, in the order of play: the number of its episode, the step in it (from
0), the newest frame as PNG, the console's memory, the number of the action, the reward that followed, and whether the
game was over then."""

ROWS = 1000
"""Number of rows that are written, or decoded, in one go."""

Row = tuple[int, int, bytes, bytes, int, float, bool]


class Frames:
    """The frames of a data set: 500 bytes each, for Pong, where a picture takes 7,000."""

    def __init__(self, path: Path) -> None:
        """Raises `UserError` for a file that does not hold them."""
        self.path = path
        with reading(path):
            table = pq.read_table(path)
            if table.schema != SCHEMA or not len(table):
                raise ValueError(f"no frames of a data set, with the columns {', '.join(SCHEMA.names)}")
        self.episodes = table["episode"].to_numpy()
        """int32, shape (frames,)."""
        self.steps = table["step"].to_numpy()
        """int32, shape (frames,)."""
        self.actions = table["action"].to_numpy()
        """uint8, shape (frames,)."""
        self.rewards = table["reward"].to_numpy()
        """float32, shape (frames,): what followed the action."""
        self.terminal = table["terminal"].to_numpy()
        """bool, shape (frames,): whether the game was over after the action."""
        self.png = table["frame"].combine_chunks()
        self.memory = table["memory"].combine_chunks()
        self.size = len(self.pictures(np.array([0]))[0])
        """Height and width of a frame, in pixels."""

    def __len__(self) -> int:
        return len(self.episodes)

    def pictures(self, rows: np.ndarray) -> np.ndarray:
        """The frames of `rows`: uint8, shape (rows, size, size)."""
        with reading(self.path):
            return np.stack([decode(self.png[row].as_buffer()) for row in rows.tolist()])

    def memories(self, rows: np.ndarray) -> np.ndarray:
        """The console's memory at each of `rows`: uint8, shape (rows, 128)."""
        found = b"".join(self.memory[row].as_py() for row in rows.tolist())
        return np.frombuffer(found, np.uint8).reshape(len(rows), -1)


def write(rows: Iterable[Row], path: Path) -> None:
    """Write the rows of SCHEMA, of which no more than ROWS are ever held."""
    rows = iter(rows)
    with pq.ParquetWriter(path, SCHEMA, compression="none") as writer:  # PNG is compressed
        while part := list(islice(rows, ROWS)):
            columns = [
                pa.array(column, kind) for column, kind in zip(zip(*part, strict=True), SCHEMA.types, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=SCHEMA))


def parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    """The rows in parts of ROWS, of which pictures fit in memory."""
    return (rows[start : start + ROWS] for start in range(0, len(rows), ROWS))


def encode(picture: np.ndarray) -> bytes:
    """A grey picture (uint8, shape (height, width)) as PNG."""
    return cv2.imencode(".png", picture)[1].tobytes()


def decode(png: bytes) -> np.ndarray:
    """The picture in a PNG: uint8, shape (height, width). Raises `ValueError` for what is none."""
    if (picture := cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)) is None:
        raise ValueError("a frame is no picture")
    return np.asarray(picture)
