"""Settings as text: in legends, in paths, and as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

LONGEST = 255
"""Bytes of a file's name, at most."""


def describe(values: dict[str, Any]) -> str:
    """The values of a point in a legend: `sarsa, epsilon = 0.1`."""
    return ", ".join(
        shown(value) if key.endswith("name") else f"{key.split('.')[-1]} = {shown(value)}"
        for key, value in values.items()
    )


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal text, whatever the locale."""
    return as_json(value, in_order=False)


def as_json(value: Any, *, in_order: bool) -> str:
    """JSON in one line of ASCII, with keys as they are `in_order`, or else sorted.

    Nothing in it ends a script of the report, which shows what jobs were given.
    """
    return json.dumps(value, sort_keys=not in_order).replace("<", r"\u003c")


def shown(value: Any) -> str:
    """A value in a path or a label, as YAML has it; a list as first_last."""
    if isinstance(value, list):
        return "_".join(map(shown, value))
    return json.dumps(value) if isinstance(value, bool | None) else str(value)


def words(name: str) -> str:
    """A name in a config as words: `n-step-sweep` is N step sweep.

    >>> words("step_size")
    'Step size'
    """
    text = name.rpartition(".")[2].replace("-", " ").replace("_", " ")
    return text[:1].upper() + text[1:]


def tidy(path: str) -> str:
    """The one way to write a path that names a place in many: without `.` and `..` on the way, and relative to the
    working directory where it lies below it.

    Raises `ValueError` for parts that programs take for options, or that no file system takes.
    """
    for part in PurePosixPath(path).parts:
        if part.startswith("-"):
            raise ValueError(f"{part!r} begins with a hyphen, as command-line options do; choose another name")
        if len(part.encode()) > LONGEST:
            raise ValueError(
                f"{part[:20]!r}... is {len(part.encode())} bytes long, and file systems take at most {LONGEST}; choose "
                "a shorter name"
            )
    path = os.path.normpath(path)
    return os.path.relpath(path) if Path(path).is_relative_to(Path.cwd()) else path


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with its keys joined by dots."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result
