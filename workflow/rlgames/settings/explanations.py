"""What is said of a config that cannot be run: the key as it stands in the file, what is wrong, and the remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError


def unknown(what: object, name: object, valid: Iterable[str]) -> str:
    """Say that `name` is no `what`, with the nearest valid name."""
    choices = sorted(valid)
    near = difflib.get_close_matches(str(name), choices, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"choose from: {', '.join(choices)}"
    return f"there is no {what} {str(name)!r}; {hint}"


def problem(message: str) -> PydanticCustomError:
    return PydanticCustomError("settings", "{message}", {"message": message})


def explanations(error: ValidationError, data: Any) -> list[str]:
    """One line for each error: the key as it is written in the file, what is wrong, and the remedy."""
    lines = []
    for detail in error.errors(include_url=False):
        place = ".".join(written(detail["loc"], data, missing=detail["type"] == "missing"))
        lines.append(f"{place}: {remedy(detail)}" if place else remedy(detail))
    return lines


def written(location: tuple[int | str, ...], data: Any, *, missing: bool) -> Iterator[str]:
    """The parts of a pydantic location that stand in the file (it adds the kind chosen in a union)."""
    for position, part in enumerate(location):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            if position < len(location) - 1 or not missing:
                continue
        if part != "[key]":
            yield str(part)


def remedy(detail: Any) -> str:
    """What is wrong with one value and what would be right, in a sentence."""
    kind, value, context, place = detail["type"], detail["input"], detail.get("ctx", {}), detail["loc"]
    match kind:
        case "settings":
            return str(context["message"])
        case "missing":
            return "is missing; add it"
        case "literal_error":
            return unknown(
                place[-2] if place[-1] == "name" else place[-1], value, re.findall(r"'([^']+)'", context["expected"])
            )
        case "union_tag_invalid":
            return unknown(place[-1], context["tag"], re.findall(r"'([^']+)'", context["expected_tags"]))
        case "union_tag_not_found":
            return f"needs a {context['discriminator'].strip(chr(39))!r}"
        case "too_short":
            return f"has {context['actual_length'] or 'no'} entries; give at least {context['min_length']}"
        case "too_long":
            return f"has {context['actual_length']} entries; give at most {context['max_length']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a mapping of keys to values, not {value!r}"
        case "string_pattern_mismatch" if place[-1] == "[key]":
            return f"the name {value!r} may hold lower-case letters, digits and single hyphens only"
        case "string_pattern_mismatch":
            return f"{value!r} may hold letters, digits, and . _ - / only, and ends in none of . and /"
        case "float_type" if isinstance(value, str) and re.fullmatch(r"[-+]?\d+e[-+]?\d+", value, re.IGNORECASE):
            return f"{value!r} is text in YAML, not a number; write {float(value)!r} or put a dot before the e"
    message = detail["msg"].removeprefix("Input ").removeprefix("should be ")
    return f"must be {message}, not {value!r}"
