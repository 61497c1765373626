"""What is said of a config that cannot be run: the key as it stands in the file, what is wrong, and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from rlgames.messages import count
from rlgames.settings.names import atari_game, unknown, without_version


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
            return unknown(place[-2] if place[-1] == "name" else place[-1], value, quoted(context["expected"]))
        case "union_tag_invalid":
            return unknown_kind(place, context)
        case "union_tag_not_found":
            return f"needs a {context['discriminator'].strip(chr(39))!r}; add this key"
        case "too_short":
            return f"has {entries(context['actual_length'])}; give at least {context['min_length']}"
        case "too_long":
            return f"has {entries(context['actual_length'])}; give at most {context['max_length']}"
        case "string_too_long" if place[-1] == "[key]":
            return f"the name {value[:20] + '...'!r} has {len(value)} characters; give at most {context['max_length']}"
        case "string_pattern_mismatch" if place[-1] == "[key]":
            return f"the name {value!r} may contain only lower-case letters, digits and single hyphens"
        case "string_pattern_mismatch":
            return f"{value!r} may contain only letters, digits, and . _ - /, and must not end in . or /"
    if value is None:
        return "is empty; give a value, or drop the key"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a mapping of keys to values, not {value!r}"
    if kind == "list_type" and not isinstance(value, dict):
        return f"must be a list; write [{value}]"
    if place[-1] == "seeds" and isinstance(value, list) and value:
        return f"must be the number of seeds, not a list of them; write seeds: {len(value)} and first_seed: {value[0]}"
    if kind in ("int_type", "int_from_float", "float_type", "bool_type") and (meant := plain_value(kind, value)):
        return meant
    quotes = "; put it in quotes" if kind == "string_type" and not isinstance(value, list | dict) else ""
    message = detail["msg"].removeprefix("Input ").removeprefix("should be ")
    return f"must be {message}, not {value!r}{quotes}"


def unknown_kind(place: tuple[int | str, ...], context: dict[str, Any]) -> str:
    """What is said of an unknown name of an agent, an environment, ..., or of an unknown kind of figure."""
    what = "kind of figure" if "kind" in context["discriminator"] else str(place[-1])
    tag, message = context["tag"], unknown(what, context["tag"], quoted(context["expected_tags"]))
    if what == "environment":  # a game's own name
        if game := atari_game(tag):
            return f"{message.partition(';')[0]}; write name: atari, game: {game}"
        if "/" in tag or without_version(tag) != tag:
            return f"{message.partition(';')[0]}; write name: gymnasium, id: {tag}"
    return message


def entries(number: int) -> str:
    return count(number, "entry").replace("entrys", "entries") if number else "no entries"


def quoted(names: str) -> list[str]:
    """The names in a message of pydantic's."""
    return re.findall(r"'([^']+)'", names)


def plain_value(kind: str, value: Any) -> str:
    """What to write in place of a value that means a number or a truth, and is none to YAML; empty if it means none."""
    if isinstance(value, str) and kind == "bool_type" and value.lower() in ("true", "false"):
        return f"{value!r} is text, not a truth value; {UNQUOTED}"
    if isinstance(value, bool) or not isinstance(value, str | float):
        return ""
    try:
        number = float(value)
        meant = int(number) if number == int(number) and kind != "float_type" else number
    except (ValueError, OverflowError):
        return ""
    if isinstance(value, float):
        return f"must be a whole number, not {value!r}; write {meant}" if isinstance(meant, int) else ""
    if re.fullmatch(r"[-+]?(0|[1-9]\d*)(\.\d+)?", value):
        return f"{value!r} is text, not a number; {UNQUOTED}"
    return f"{value!r} is text in YAML, not a number; write {meant!r}"


UNQUOTED = (
    "remove the quotes. Snakemake reads everything within a nested --config as text: put such changes in a second "
    "config file, --configfile config/mine.yaml config/changes.yaml"
)
