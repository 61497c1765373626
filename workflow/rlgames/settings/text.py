"""Settings as text: in legends, in paths, and as JSON."""

from __future__ import annotations

import json
from typing import Any


def describe(values: dict[str, Any]) -> str:
    """The values of a point in a legend: `sarsa, epsilon = 0.1`."""
    return ", ".join(
        shown(value) if key.endswith("name") else f"{key.split('.')[-1]} = {shown(value)}"
        for key, value in values.items()
    )


def canonical(value: Any) -> str:
    """JSON with sorted keys, in one line of ASCII: equal values give equal text, whatever the locale.

    Nothing in it ends a script of the report, which shows what jobs were given.
    """
    return json.dumps(value, sort_keys=True).replace("<", r"\u003c")


def shown(value: Any) -> str:
    """A value in a path or a label, as YAML has it; a list as first_last."""
    if isinstance(value, list):
        return "_".join(map(shown, value))
    return json.dumps(value) if isinstance(value, bool | None) else str(value)


def flat(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping with its keys joined by dots."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result
