"""What all settings share."""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rlgames.settings.explanations import problem
from rlgames.settings.names import meant, unknown

SMALLEST, LARGEST = 1e-30, 1e30
"""Of numbers but 0: single precision ends at 1.2e-38 and 3.4e38, and products and ratios need room."""


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
                    raise problem(misplaced(str(key), cls) or unknown("key", key, cls.model_fields))
        return data

    @model_validator(mode="after")
    def _single_precision(self) -> Self:
        for name in type(self).model_fields:
            value = getattr(self, name)
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, float) and number and not SMALLEST <= abs(number) <= LARGEST:
                    raise problem(
                        f"{name}: {number!r} is out of the range of single precision; give 0, or a number whose "
                        f"absolute value is between {SMALLEST} and {LARGEST}"
                    )
        return self


class TrainedRun(Settings):
    """A run of an experiment in the same config."""

    experiment: str
    """Name of its experiment."""
    variant: str = "default"
    """Name of its variant, which is that of its folder."""
    seed: int = Field(default=0, ge=0)
    """Its seed."""


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def leaves(model: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    """Paths of all settings below `model`, for every kind that a choice allows."""
    for name, field in model.model_fields.items():
        kinds = [kind for kind in members(field.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        yield from ((name, *rest) for kind in kinds for rest in leaves(kind))
        if not kinds:
            yield (name,)


def misplaced(key: str, model: type[BaseModel]) -> str:
    """What is said of a key that stands above the group of settings that it belongs to; nothing for others."""
    inner = {path[-1]: path for path in leaves(model) if len(path) > 1}
    if meant(key, model.model_fields) or (name := meant(key, inner)) is None or name == "name":
        return ""
    return f"there is no key {key!r} here; write {name} under {'.'.join(inner[name][:-1])}"
