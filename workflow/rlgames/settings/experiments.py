"""An experiment: an agent in an environment, and what to sweep."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import product
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, ValidationError, WrapValidator, model_validator

from rlgames.settings.agents import Agent, Pixels, Positions
from rlgames.settings.base import Settings, members
from rlgames.settings.environments import Environment
from rlgames.settings.explanations import explanations, problem, unknown

BUDGETS = {"episodes", "steps", "epochs"}
"""What an experiment may count; each agent counts one of them."""

AS_IT_IS = WrapValidator(lambda value, _: value)
"""Validated later, together with a point of the sweep."""


class Spec(Settings):
    """All that determines the result of a run, besides its seed."""

    environment: Environment
    """The game."""
    agent: Agent
    """The learner."""
    episodes: int | None = Field(default=None, ge=1, le=10_000_000)
    """Episodes per run, of a linear agent over tiles."""
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Steps per run, of an agent on Atari."""
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    """Times that an auto-encoder sees the training frames, at most."""

    @model_validator(mode="after")
    def _budget_fits(self) -> Spec:
        budget = self.agent.budget
        if getattr(self, budget) is None:
            raise problem(f"{budget}: {self.agent.name} needs a number of {budget} per run")
        for other in BUDGETS - {budget}:
            if getattr(self, other) is not None:
                raise problem(f"{other}: {self.agent.name} counts its budget in {budget}; drop this key")
        return self

    @model_validator(mode="after")
    def _agent_plays(self) -> Spec:
        if self.environment.name not in self.agent.plays:
            players = [
                kind.model_fields["name"].annotation for kind in kinds(Agent) if self.environment.name in kind.plays
            ]
            names = ", ".join(repr(get_args(name)[0]) for name in players)
            raise problem(
                f"agent.name: {self.agent.name!r} does not play {self.environment.name!r}; choose from: {names}"
            )
        return self

    @model_validator(mode="after")
    def _features_fit(self) -> Spec:
        environment: Any = self.environment
        features = getattr(self.agent, "features", None)
        if isinstance(features, Pixels) and features.side > (size := environment.image_size):
            raise problem(
                f"agent.features.side: frames of {size} x {size} pixels cannot be shrunk to {features.side}; give at "
                f"most {size}, or a larger environment.image_size"
            )
        if isinstance(features, Positions) and environment.game != "pong":
            raise problem(
                f"agent.features.name: {features.name!r} are known in the memory of pong, not of {environment.game}; "
                "choose 'pixels' or 'latents'"
            )
        if isinstance(features, Positions) and environment.fire_reset:
            raise problem(
                "environment.fire_reset: the memory of a game that begins with FIRE cannot be read; set it to false, "
                f"or choose other agent.features than {features.name!r}"
            )
        return self

    @property
    def training(self) -> str:
        """The module that trains: one for each kind of agent on Atari, and for each other environment."""
        return getattr(self.agent, "training", self.environment.module)

    @property
    def features(self) -> list[str]:
        """The module of the features that a linear agent on Atari learns over, if it is one."""
        features = getattr(self.agent, "features", None)
        return [] if features is None else [features.module]

    @property
    def modules(self) -> list[str]:
        """The modules that a training imports by name."""
        return [self.training, self.agent.module, *self.features]

    def canonical(self) -> str:
        """The spec as text: one text for one spec, every default written out."""
        return canonical(self.resolved())

    def resolved(self) -> dict[str, Any]:
        """All settings; of the budgets, the one that the agent counts."""
        return self.model_dump(exclude=BUDGETS - {self.agent.budget})


class Variant(BaseModel):
    """One resolved point of a sweep."""

    name: str
    label: str | None
    values: dict[str, Any]
    """The settings that the point names, and their values as validated."""
    spec: Spec


class Experiment(Settings):
    """A declaration: an agent in an environment, for so many episodes and seeds, and what to sweep."""

    environment: Annotated[Environment, AS_IT_IS]
    """The game."""
    agent: Annotated[Agent, AS_IT_IS]
    """The learner. What every point of the sweep sets may be left out here."""
    episodes: int | None = Field(default=None, ge=1, le=10_000_000)
    """Episodes per run, of a linear agent over tiles."""
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Steps per run, of an agent on Atari."""
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    """Times that an auto-encoder sees the training frames, at most."""
    seeds: int = Field(ge=1, le=1_000_000)
    """Number of seeds; each is an independent run."""
    first_seed: int = Field(default=0, ge=0, le=1_000_000_000)
    """The first seed; the others count up from it."""
    sweep: (
        Annotated[list[dict[str, Any]], Field(min_length=1)]
        | Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1)]
        | None
    ) = None
    """Points, each a mapping from settings to values (`step_size: 0.0125`, `coding.name: tiled`) that replace those
    declared above and, if wanted, a `label` for legends. Or a grid, a mapping from settings to lists of values, for
    every combination. Without a sweep there is one variant, `default`."""

    @model_validator(mode="after")
    def _every_variant_can_run(self) -> Experiment:
        first: dict[str, int] = {}
        for number, variant in enumerate(self.variants, start=1):
            if variant.spec.agent.budget != self.budget:
                raise problem(
                    f"points 1 and {number} of the sweep: agents that learn in {variant.spec.agent.budget} and in "
                    f"{self.budget} need experiments of their own"
                )
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
            return [Variant(name="default", label=None, values={}, spec=Spec.model_validate(declared))]
        points = self.sweep
        if isinstance(points, dict):
            points = [dict(zip(points, values, strict=True)) for values in product(*points.values())]
        return [resolve(declared, number, point) for number, point in enumerate(points, start=1)]

    @property
    def last_seed(self) -> int:
        return self.first_seed + self.seeds - 1

    @property
    def budget(self) -> str:
        """What the agents count: episodes, steps or epochs."""
        return self.variants[0].spec.agent.budget

    def blocks(self, size: int) -> list[str]:
        """The seeds in aligned blocks of `size`: 150 seeds in blocks of 100 are `0-99` and `100-149`.

        Seeds of agents that learn for minutes, in steps or epochs, stand alone: `0`, `1`, ...
        """
        if self.budget != "episodes":
            return [str(seed) for seed in range(self.first_seed, self.last_seed + 1)]
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
    if len({locate(key) for key in values}) < len(values):
        raise problem(f"point {number} of the sweep: two of {', '.join(values)} are one setting; drop one")
    if not isinstance(point.get("label", ""), str):
        raise problem(f"point {number} of the sweep: label: must be text, not {point['label']!r}; put it in quotes")
    name = ",".join(f"{key}={shown(value)}" for key, value in values.items())
    if not re.fullmatch(r"[\w.,=+-]+", name):
        raise problem(
            f"point {number} of the sweep would write the path {name!r}; change a setting, with a plain value"
        )
    return Variant(name=name, label=point.get("label"), values=values, spec=spec)


def describe(values: dict[str, Any]) -> str:
    """The values of a point in a legend: `sarsa, epsilon = 0.1`."""
    return ", ".join(
        shown(value) if key.endswith("name") else f"{key.split('.')[-1]} = {shown(value)}"
        for key, value in values.items()
    )


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


def kinds(annotation: Any) -> tuple[Any, ...]:
    """The settings that a choice such as `Agent` allows."""
    return members(get_args(annotation)[0])


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
