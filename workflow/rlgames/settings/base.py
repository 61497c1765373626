"""What all settings share."""

from __future__ import annotations

from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rlgames.settings.explanations import problem, unknown


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


class TrainedRun(Settings):
    """A run of an experiment of the same config."""

    experiment: str
    """Its experiment."""
    variant: str = "default"
    """The point of its sweep, as in the name of its folder."""
    seed: int = Field(default=0, ge=0)
    """Its seed."""


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the annotation alone."""
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
