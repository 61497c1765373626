"""Sweeps: points that change settings of a declaration, each a variant of its experiment."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from rlgames.settings.base import members
from rlgames.settings.explanations import explanations, problem, unknown
from rlgames.settings.spec import Spec
from rlgames.settings.text import shown


class Variant(BaseModel):
    """One resolved point of a sweep."""

    name: str
    label: str | None
    values: dict[str, Any]
    """The settings that the point names, and their values as validated."""
    spec: Spec


def resolve(declared: dict[str, Any], number: int, point: dict[str, Any]) -> Variant:
    """Resolve point `number` of a sweep. Its name shows the values as validated: 0.10 and 0.1 are one path."""
    try:
        changed = merged(declared, point)
        spec = Spec.model_validate(changed)
    except KeyError as error:
        raise problem(f"point {number} of the sweep: {error.args[0]}") from None
    except ValidationError as error:
        raise problem(f"point {number} of the sweep: " + "; ".join(explanations(error, changed))) from None
    values = {key: value_at(spec, locate(key)) for key in point if key != "label"}
    if len({locate(key) for key in values}) < len(values):
        raise problem(f"point {number} of the sweep: two of {', '.join(values)} are one setting; drop one")
    if not isinstance(point.get("label", ""), str):
        raise problem(f"point {number} of the sweep: label: must be text, not {point['label']!r}; put it in quotes")
    name = ",".join(f"{key}={shown(value)}" for key, value in values.items())
    name = re.sub("[/:]", "-", name)  # MinAtar/Breakout-v1, module:Name-v0
    if not re.fullmatch(r"[\w.,=+-]+", name):
        raise problem(
            f"point {number} of the sweep would write the path {name!r}; change a setting, with a plain value"
        )
    return Variant(name=name, label=point.get("label"), values=values, spec=spec)


def merged(base: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """A copy of the nested mapping `base` with the settings of a sweep's point changed."""
    result = copy.deepcopy(base)
    for key, value in point.items():
        if key == "label":
            continue
        *parents, last = locate(key)
        target: Any = result
        for parent in parents:
            target = target.setdefault(parent, {}) if isinstance(target, dict) else None
        if isinstance(target, dict):  # anything else is reported when the whole is validated
            target[last] = value
    return result


def locate(key: str) -> tuple[str, ...]:
    """The place in a spec of a setting named from the right: `tiles` is ("agent", "coding", "tiles")."""
    paths = settings_of_a_run()
    wanted = tuple(str(key).split("."))
    found = [path for path in paths if path[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(".".join(path[-len(wanted) - 1 :]) for path in found)
        raise KeyError(f"{key!r} could be any of {choices}; write one of these")
    raise KeyError(unknown("setting", key, {path[-1] for path in paths} | {".".join(path) for path in paths}))


@cache
def settings_of_a_run() -> list[tuple[str, ...]]:
    """Paths of all settings of a spec: a sweep of a hundred points asks several times for each."""
    return sorted(set(leaves(Spec)))


def leaves(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Paths of all settings below `model`, for every kind that a choice allows."""
    for name, field in model.model_fields.items():
        kinds = [kind for kind in members(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from ((name, *rest) for kind in kinds for rest in leaves(kind))
        if not kinds:
            yield (name,)


def value_at(model: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        model = getattr(model, name)
    return model
