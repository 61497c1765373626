"""Typed settings: what may stand in a config file, checked before the first job starts.

The resolved settings of a run, its *spec*, are this module's whole effect on a result: they travel to the job as
canonical JSON, so that this module stays outside the code hash (see `rlgames.provenance`).
"""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, SkipValidation, ValidationError, model_validator
from pydantic_core import PydanticCustomError

NAME = r"[a-z0-9]+(?:-[a-z0-9]+)*"
"""Names of experiments and figures: safe in a path, in a target, and where file names ignore case."""


class SettingsError(ValueError):
    """A config that cannot be run. The message names every key at fault and the remedy."""


class Settings(BaseModel):
    """Base of all settings: frozen, strict in its types, and helpful with an unknown key."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    raise problem(unknown("key", key, cls.model_fields))
        return data


# What an experiment consists of ---------------------------------------------------------------------------------------


class MountainCar(Settings):
    """Gymnasium's Mountain Car without a time limit: an under-powered car learns to swing out of a valley."""

    module: ClassVar[str] = "rlgames.environments.mountain_car"
    name: Literal["mountain-car"]
    max_steps: int = Field(default=100_000, ge=1, le=1_000_000_000)
    """Steps after which an episode is cut off, and reported as truncated."""


class Additive(Settings):
    """Additive coding: two active features, a bin of the position and a bin of the velocity."""

    name: Literal["additive"]
    tiles: int = Field(default=8, ge=1, le=1000)
    """Bins per dimension."""


class Tiled(Settings):
    """Tile coding: one active tile in each of several overlapping grids, displaced by 1, 3, 5, ... per dimension."""

    name: Literal["tiled"]
    tiles: int = Field(default=8, ge=1, le=1000)
    """Tiles per dimension."""
    tilings: int = Field(default=8, ge=1, le=1000)
    """Overlapping grids."""


class Sarsa(Settings):
    """Episodic semi-gradient Sarsa, linear in its features; zero initial weights, optimistic where rewards are -1."""

    module: ClassVar[str] = "rlgames.agents.sarsa"
    name: Literal["sarsa"]
    coding: Annotated[Additive | Tiled, Field(discriminator="name")]
    """How a state becomes active features."""
    step_size: float = Field(gt=0, le=10)
    """Step size α, as it multiplies the error of one weight: α = .1/8 is 0.0125."""
    epsilon: float = Field(default=0.0, ge=0, le=1)
    """Exploration rate ε: the probability of a random action."""
    discount: float = Field(default=1.0, ge=0, le=1)
    """Discount γ."""


class Spec(Settings):
    """All that determines the result of a run, besides its seed."""

    environment: MountainCar
    """The game."""
    agent: Sarsa
    """The learner."""
    episodes: int = Field(ge=1, le=10_000_000)
    """Episodes per run."""

    def canonical(self) -> str:
        """The spec as text: one text for one spec, every default written out."""
        return canonical(self.model_dump())


class Variant(BaseModel):
    """One resolved point of a sweep."""

    name: str
    label: str | None
    spec: Spec


class Experiment(Settings):
    """A declaration: an agent in an environment, for so many episodes and seeds, and what to sweep."""

    environment: SkipValidation[MountainCar]
    """The game."""
    agent: SkipValidation[Sarsa]
    """The learner. What every point of the sweep sets may be left out here."""
    episodes: int = Field(ge=1, le=10_000_000)
    """Episodes per run."""
    seeds: int = Field(ge=1, le=1_000_000)
    """Number of seeds; each is an independent run."""
    first_seed: int = Field(default=0, ge=0, le=1_000_000_000)
    """The first seed; the others count up from it."""
    sweep: Annotated[list[dict[str, Any]], Field(min_length=1)] | None = None
    """Points, each a mapping from settings to values (`step_size: 0.0125`, `coding.name: tiled`) that replace those
    declared above and, if wanted, a `label` for legends. Without a sweep there is one variant, `default`."""

    @model_validator(mode="after")
    def _every_variant_can_run(self) -> Experiment:
        first: dict[str, int] = {}
        for number, variant in enumerate(self.variants, start=1):
            if first.setdefault(variant.name, number) != number:
                raise problem(
                    f"points {first[variant.name]} and {number} of the sweep both write the path {variant.name}/; "
                    "let them differ in a setting, or drop one"
                )
        return self

    @cached_property
    def variants(self) -> list[Variant]:
        """The points of the sweep, in its order. Only here are environment and agent validated: with each point."""
        declared = {name: getattr(self, name) for name in Spec.model_fields}
        if self.sweep is None:
            return [Variant(name="default", label=None, spec=Spec.model_validate(declared))]
        return [resolve(declared, number, point) for number, point in enumerate(self.sweep, start=1)]

    def blocks(self, size: int) -> list[str]:
        """The seeds in aligned blocks of `size`: 150 seeds in blocks of 100 are `0-99` and `100-149`."""
        end = self.first_seed + self.seeds
        starts = range(self.first_seed - self.first_seed % size, end, size)
        return [f"{max(start, self.first_seed)}-{min(start + size, end) - 1}" for start in starts]


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
    name = ",".join(f"{key}={shown(value)}" for key, value in values.items())
    if not re.fullmatch(r"[\w.,=+-]+", name):
        raise problem(
            f"point {number} of the sweep would write the path {name!r}; change a setting, with a plain value"
        )
    return Variant(name=name, label=point.get("label"), spec=spec)


# What is drawn --------------------------------------------------------------------------------------------------------


class LearningCurves(Settings):
    """Steps or returns against episodes: every seed faint, the mean over seeds, and its uncertainty as a band."""

    module: ClassVar[str] = "rlgames.figures.learning_curves"
    kind: Literal["learning-curves"]
    experiments: list[str] = Field(min_length=1)
    """Experiments to draw, each variant a curve."""
    title: str
    """Heading of the figure."""
    caption: str
    """What it shows, in a sentence or two; seeds and protocol are added from the experiments."""
    quantity: Literal["steps", "return"] = "steps"
    """What is drawn against episodes."""
    scale: Literal["linear", "log"] = "linear"
    """Scale of the vertical axis."""
    limits: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """Ends of the vertical axis; by default, those of the data."""

    @model_validator(mode="after")
    def _limits_ascend(self) -> LearningCurves:
        if self.limits and not (self.limits[0] < self.limits[1] and (self.scale == "linear" or self.limits[0] > 0)):
            raise problem(f"limits: give two ascending numbers, above 0 on a log scale, not {self.limits}")
        return self


Names = Annotated[str, Field(pattern=f"^{NAME}$")]


class Config(Settings):
    """A whole config file."""

    results: str = Field(default="results/lesson", pattern=r"^[\w./-]*[\w-]$")
    """Folder of all results, relative to the working directory."""
    block_size: int = Field(default=100, ge=1, le=1_000_000)
    """Seeds of a linear agent that one job trains. Any value gives the same bits; files are named by it."""
    experiments: dict[Names, Experiment] = Field(min_length=1)
    """The experiments, by name."""
    figures: dict[Names, LearningCurves] = {}
    """The figures, by name."""

    @model_validator(mode="after")
    def _figures_name_experiments(self) -> Config:
        for name, figure in self.figures.items():
            for experiment in figure.experiments:
                if experiment not in self.experiments:
                    raise problem(f"figures.{name}.experiments: {unknown('experiment', experiment, self.experiments)}")
            labels = [label for variants in self.labels(name).values() for label in variants.values()]
            if repeated := {label for label in labels if labels.count(label) > 1}:
                raise problem(
                    f"figures.{name}: several curves are called {sorted(repeated)}; give their points a label"
                )
        return self

    def labels(self, figure: str) -> dict[str, dict[str, str]]:
        """The names of a figure's curves in its legend, by experiment and variant."""
        names = self.figures[figure].experiments
        return {
            name: {
                variant.name: variant.label or (variant.name if len(names) == 1 else f"{name} {variant.name}")
                for variant in self.experiments[name].variants
            }
            for name in names
        }


def load(config: dict[str, Any], files: Iterable[Path | str] = ()) -> Config:
    """Validate a config that was merged from `files`; raises `SettingsError`."""
    for file in files:
        try:
            yaml.load(Path(file).read_text(encoding="utf-8"), Loader=UniqueKeyLoader)  # noqa: S506 (it is a SafeLoader)
        except RepeatedKeyError as error:
            raise SettingsError(f"{file}: {error}") from None
    try:
        return Config.model_validate(config)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in explanations(error, config))
        raise SettingsError(f"This config cannot be run; config/README.md describes every key.\n{lines}") from None


def resolved(config: Config) -> dict[str, Any]:
    """All that a config means: every default, and the spec of every variant."""
    experiments = {
        name: {
            **experiment.model_dump(include={"seeds", "first_seed"}),
            "variants": {variant.name: variant.spec.model_dump() for variant in experiment.variants},
        }
        for name, experiment in config.experiments.items()
    }
    return {**config.model_dump(exclude={"experiments"}), "experiments": experiments}


# Reading, naming and explaining ---------------------------------------------------------------------------------------


class RepeatedKeyError(yaml.YAMLError):
    """A mapping in YAML holds one key twice."""


class UniqueKeyLoader(yaml.SafeLoader):
    """YAML in which two experiments cannot silently share a name, and so a path: plain YAML keeps the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                line = node.value[position][0].start_mark.line + 1
                raise RepeatedKeyError(
                    f"line {line}: the key {key!r} stands here a second time, and both would write one path; rename one"
                )
        return super().construct_mapping(node, deep)


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


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
    paths = sorted(set(leaves(Spec)))
    wanted = tuple(str(key).split("."))
    found = [path for path in paths if path[-len(wanted) :] == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        choices = ", ".join(".".join(path[-len(wanted) - 1 :]) for path in found)
        raise KeyError(f"{key!r} could be any of {choices}; write one of these")
    raise KeyError(unknown("setting", key, {path[-1] for path in paths} | {".".join(path) for path in paths}))


def leaves(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Paths of all settings below `model`, for every kind that a choice allows."""
    for name, field in model.model_fields.items():
        kinds = [kind for kind in members(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from ((name, *rest) for kind in kinds for rest in leaves(kind))
        if not kinds:
            yield (name,)


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def value_at(model: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        model = getattr(model, name)
    return model


def shown(value: Any) -> str:
    """A value in a path or a label, as YAML has it."""
    return json.dumps(value) if isinstance(value, bool | None) else str(value)


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
        place = ".".join(written(detail["loc"], data))
        lines.append(f"{place}: {remedy(detail)}" if place else remedy(detail))
    return lines


def written(location: tuple[int | str, ...], data: Any) -> Iterator[str]:
    """The parts of a pydantic location that stand in the file (it adds the kind chosen in a union)."""
    for position, part in enumerate(location):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            if position < len(location) - 1 or part == "[key]":
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
            return f"is empty; give at least {context['min_length']}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a mapping of keys to values, not {value!r}"
        case "string_pattern_mismatch" if place[-1] == "[key]":
            return f"the name {value!r} may hold lower-case letters, digits and single hyphens only"
        case "float_type" if isinstance(value, str) and re.fullmatch(r"[-+]?\d+e[-+]?\d+", value, re.IGNORECASE):
            return f"{value!r} is text in YAML, not a number; write {float(value)!r} or put a dot before the e"
    message = detail["msg"].removeprefix("Input ").removeprefix("should be ")
    return f"must be {message}, not {value!r}"
