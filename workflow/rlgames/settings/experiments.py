"""An experiment: an agent in an environment, and what to sweep."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, WrapValidator, model_validator

from rlgames.settings.agents import Agent
from rlgames.settings.base import Settings
from rlgames.settings.environments import Environment
from rlgames.settings.explanations import problem
from rlgames.settings.spec import Spec
from rlgames.settings.sweeps import Variant, grid, variants

AS_IT_IS = WrapValidator(lambda value, _: value)
"""Validated later, together with a point of the sweep."""


def form(sweep: Any) -> str | None:
    """How a sweep is written, so that only what is wrong with that form is told; None for neither."""
    return "points" if isinstance(sweep, list) else "grid" if isinstance(sweep, dict) else None


Sweep = Annotated[
    Annotated[list[dict[str, Any]], Field(min_length=1), Tag("points")]
    | Annotated[dict[str, Annotated[list[Any], Field(min_length=1)]], Field(min_length=1), Tag("grid")],
    Discriminator(
        form,
        custom_error_type="sweep_type",
        custom_error_message="a mapping from settings to lists of values, or a list of points",
    ),
]


class Experiment(Settings):
    """A declaration: an agent in an environment, its budget and seeds, and what to sweep."""

    environment: Annotated[Environment, AS_IT_IS]
    """The game."""
    agent: Annotated[Agent, AS_IT_IS]
    """The learner. Settings that every point of the sweep gives may be left out here."""
    episodes: int | None = Field(default=None, ge=1, le=10_000_000)
    """Episodes per run, for linear agents over tiles."""
    steps: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Steps per run, for agents that learn step by step: deep agents, and linear ones on Atari."""
    epochs: int | None = Field(default=None, ge=1, le=100_000)
    """Maximum number of passes over the training frames, for auto-encoders and agents that predict."""
    seeds: int = Field(ge=1, le=1_000_000)
    """Number of seeds; each is an independent run."""
    first_seed: int = Field(default=0, ge=0, le=1_000_000_000)
    """The first seed; the others count up from it."""
    sweep: Sweep | None = None
    """A list of points, each a mapping from settings to values (`step_size: 0.0125`, `coding.name: tiled`) that replace
    those of the experiment; a point may also have a `label` for legends and a `name` for its folder. Or a grid, a
    mapping from settings to lists of values, which gives every combination. Without a sweep there is one variant,
    `default`."""

    @model_validator(mode="after")
    def _every_variant_can_run(self) -> Experiment:
        for number, variant in enumerate(self.variants, start=1):
            first, other = self.agent_kind, variant.spec.agent
            if other.unit != first.unit:
                raise problem(
                    f"points 1 and {number} of the sweep: agents that learn in {other.unit} and in {first.unit} "
                    "need experiments of their own"
                )
            if other.rule != first.rule:
                raise problem(
                    f"points 1 and {number} of the sweep: {first.name} and {other.name} learn in different ways; give "
                    "them experiments of their own"
                )
        return self

    @cached_property
    def variants(self) -> list[Variant]:
        """The points of the sweep, in its order. Only here are environment and agent validated: with each point."""
        declared = {name: getattr(self, name) for name in Spec.model_fields}
        if self.sweep is None:
            return [Variant(name="default", label=None, values={}, spec=Spec.model_validate(declared))]
        return variants(declared, grid(self.sweep) if isinstance(self.sweep, dict) else self.sweep)

    @cached_property
    def named(self) -> dict[str, Variant]:
        """The variants, by the names of their folders."""
        return {variant.name: variant for variant in self.variants}

    @property
    def last_seed(self) -> int:
        return self.first_seed + self.seeds - 1

    @property
    def agent_kind(self) -> Any:
        """The agent of its first variant: those of the others count the same, and are trained by the same rule."""
        return self.variants[0].spec.agent

    def blocks(self, size: int) -> list[str]:
        """The seeds in aligned blocks of `size`: 150 seeds in blocks of 100 are `0-99` and `100-149`.

        Seeds of agents that learn for minutes, in steps or epochs, stand alone: `0`, `1`, ...
        """
        if not self.agent_kind.in_blocks:
            return [str(seed) for seed in range(self.first_seed, self.last_seed + 1)]
        end = self.first_seed + self.seeds
        starts = range(self.first_seed - self.first_seed % size, end, size)
        return [f"{max(start, self.first_seed)}-{min(start + size, end) - 1}" for start in starts]
