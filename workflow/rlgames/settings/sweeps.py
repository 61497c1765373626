"""Sweeps: points that change settings of a declaration, each a variant of its experiment."""

from __future__ import annotations

import copy
import hashlib
import re
from functools import cache
from itertools import product
from typing import Any

from pydantic import BaseModel, ValidationError

from rlgames.settings.base import leaves
from rlgames.settings.explanations import explanations, problem
from rlgames.settings.names import LISTED, unknown
from rlgames.settings.spec import Spec
from rlgames.settings.text import shown

BESIDES = ("label", "name")
"""Keys of a point that are no settings."""

SEEDS = ("seeds", "first_seed", "seed")
"""Keys of an experiment that all points share, and that are no settings of a run; and what they number. The seed of a
trained encoder is `encoder.seed`."""

FOLDER = r"[A-Za-z0-9][A-Za-z0-9.,_=+-]{0,63}"
"""A folder's name of the user's own."""

SHORT = 64
"""Bytes of a name made of values; a longer one is cut, and ends in a hash of the whole."""


class Variant(BaseModel):
    """One resolved point of a sweep."""

    name: str
    label: str | None
    values: dict[str, Any]
    """The settings that the point names, and their values as validated."""
    spec: Spec


def variants(declared: dict[str, Any], points: list[dict[str, Any]]) -> list[Variant]:
    """The points of a sweep over a declaration, in order. No two may share a folder or a meaning."""
    found: list[Variant] = []
    folders: dict[str, int] = {}
    meanings: dict[str, int] = {}
    for number, point in enumerate(points, start=1):
        try:
            variant = resolve(declared, point)
        except ValidationError as error:
            raise problem(blamed(error, declared, points, number)) from None
        except (KeyError, ValueError) as error:
            raise problem(f"point {number} of the sweep: {error.args[0]}") from None
        found.append(variant)
        if (first := folders.setdefault(variant.name.casefold(), number)) != number:
            raise problem(
                f"points {first} and {number} of the sweep both write the path {variant.name}/; change a setting or "
                "the name of one, or drop one"
            )
        if (first := meanings.setdefault(variant.spec.canonical(), number)) != number:
            raise problem(
                f"points {first} and {number} of the sweep mean the same: they differ only in settings that equal the "
                "default or the declaration; drop one"
            )
    return found


def grid(lists: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Every combination of values, as points. Raises a problem for what a grid cannot name."""
    if "label" in lists:
        raise problem("sweep.label: a grid labels its points by their values; write a list of points to label them")
    if "name" in lists:
        raise problem(
            "sweep: 'name' could be any of agent.name, coding.name, environment.name, ...; write one of these"
        )
    return [dict(zip(lists, values, strict=True)) for values in product(*lists.values())]


def resolve(declared: dict[str, Any], point: dict[str, Any]) -> Variant:
    """A point of a sweep. Its name shows the values as validated: 0.10 and 0.1 are one path.

    Raises `KeyError` for a setting that there is not, `ValueError` for other faults of the point itself, and
    `ValidationError` for those of the whole.
    """
    spec = Spec.model_validate(merged(declared, point))
    values = {key: value_at(spec, locate(key)) for key in point if key not in BESIDES}
    if len({locate(key) for key in values}) < len(values):
        raise ValueError(f"two of {', '.join(values)} are the same setting; drop one")
    for key in BESIDES:
        if not isinstance(text := point.get(key, ""), str):
            raise ValueError(f"{key}: must be text, not {text!r}; put it in quotes")
    if not values:
        raise ValueError("it must change a setting, such as step_size: 0.1")
    if "name" in point and not re.fullmatch(FOLDER, point["name"]):
        raise ValueError(
            f"name: {point['name']!r} cannot name a folder; give at most 64 letters, digits, and . , _ = + -, "
            "starting with a letter or a digit"
        )
    return Variant(name=point.get("name") or folder(values), label=point.get("label"), values=values, spec=spec)


def folder(values: dict[str, Any]) -> str:
    """The name of a point's folder, by its values: short, and whatever the other points are.

    >>> folder({"agent.name": "dqn", "epsilon": 0.1})
    'agent.name=dqn,epsilon=0.1'
    """
    whole = ",".join(f"{key}={shown(value)}" for key, value in values.items())
    name = re.sub("[/:]", "-", whole)  # MinAtar/Breakout-v1, module:Name-v0
    if not re.fullmatch(r"[\w.,=+-]+", name):
        raise ValueError(f"its values cannot name a folder: {name!r}; add a name of letters and digits to the point")
    if len(name.encode()) <= SHORT:
        return name
    mark = hashlib.sha256(whole.encode()).hexdigest()[:8]
    kept = name.encode()[: SHORT - len(mark) - 1].decode(errors="ignore")
    return f"{kept.rpartition(',')[0] or kept},{mark}"


def blamed(error: ValidationError, declared: dict[str, Any], points: list[dict[str, Any]], number: int) -> str:
    """What is wrong with a point, or with the declaration where that is to blame: it has the same fault by itself, or
    every point has."""
    lines = explanations(error, merged(declared, points[number - 1]))
    everywhere = set(faults(declared, {}))
    if len(points) > 1:
        everywhere |= set.intersection(*(set(faults(declared, point)) for point in points[:LISTED]))
    everywhere = {line for line in everywhere if not line.endswith("is missing; add it")}  # a point may set it
    ours = [line for line in lines if line in everywhere]
    theirs = [line for line in lines if line not in everywhere]
    return "; ".join([*ours, *([f"point {number} of the sweep: {'; '.join(theirs)}"] if theirs else [])])


def faults(declared: dict[str, Any], point: dict[str, Any]) -> list[str]:
    """What is wrong with a declaration that a point changed, by itself."""
    try:
        Spec.model_validate(changed := merged(declared, point))
    except ValidationError as error:
        return explanations(error, changed)
    except KeyError:
        pass
    return []


def merged(base: dict[str, Any], point: dict[str, Any]) -> dict[str, Any]:
    """A copy of the nested mapping `base` with the settings of a sweep's point changed."""
    result = copy.deepcopy(base)
    for key, value in point.items():
        if key in BESIDES:
            continue
        *parents, last = locate(key)
        target: Any = result
        for parent in parents:
            target = target.setdefault(parent, {}) if isinstance(target, dict) else None
        if isinstance(target, dict):  # anything else is reported when the whole is validated
            target[last] = value
    return result


@cache
def locate(key: str) -> tuple[str, ...]:
    """The place in a spec of a setting named from the right: `tiles` is ("agent", "coding", "tiles")."""
    if key in SEEDS:
        raise KeyError(
            f"{key!r} cannot be swept, since all points have the same seeds; write beside the sweep how many there "
            "are (seeds), and the first of them (first_seed)"
        )
    paths = settings_of_a_run()
    wanted = tuple(str(key).split("."))
    found = [path for path in paths if path[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(".".join(path[-len(wanted) - 1 :]) for path in found)
        raise KeyError(f"{key!r} could be any of {choices}; write one of these")
    ends = [(path, at + len(wanted)) for path in paths for at in range(len(path) - len(wanted))]
    if members := {path[end] for path, end in ends if path[:end][-len(wanted) :] == wanted}:
        example = "name" if "name" in members else min(members)
        raise KeyError(f"{key!r} is a group of settings; name one of them, such as {key}.{example}")
    raise KeyError(unknown("setting", key, {path[-1] for path in paths} | {".".join(path) for path in paths}))


@cache
def settings_of_a_run() -> list[tuple[str, ...]]:
    """Paths of all settings of a spec: a sweep of a hundred points asks several times for each."""
    return sorted(set(leaves(Spec)))


def value_at(model: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        model = getattr(model, name)
    return model
