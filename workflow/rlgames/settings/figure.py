"""What all kinds of figure share: the experiments that they draw, what they know of a variant, and what they refuse."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from rlgames.settings.base import Settings
from rlgames.settings.encoders import Encoder
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.learner import AgentSettings, GameAgent
from rlgames.settings.linear_agents import LinearAgent
from rlgames.settings.sweeps import Variant, locate, value_at
from rlgames.settings.text import describe, words

Columns = dict[str, Any]
"""Of a variant in a figure, by name: the curve that it is (part of), and where it lies."""

MOST = 8
"""Curves that a reader can tell apart in one panel."""


def ascending(limits: list[float]) -> list[float]:
    """Raise a problem unless these ends of an axis ascend."""
    if limits[0] >= limits[1]:
        raise problem(f"give two ascending numbers, not {limits}")
    return limits


Limits = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(ascending)]
"""Ends of an axis."""


class FigureSettings(Settings):
    """What all figures share."""

    module: ClassVar[str]
    kind: str
    products: ClassVar[tuple[str, ...]] = ("episodes",)
    plays_again: ClassVar[bool] = False
    """Whether it plays recordings again, and so needs the modules of their games."""
    draws: ClassVar[type[AgentSettings]] = LinearAgent
    """The kind of agents whose experiments it draws."""
    placing: ClassVar[set[str]] = set()
    """Settings that name and place the curves, and have no other use."""
    panel_column: ClassVar[str] = ""
    """The column that tells panels apart: in one panel, no two variants may have the same curve."""
    unique_curves: ClassVar[bool] = True
    own_panels: ClassVar[bool] = False
    """Whether each variant has a panel of its own, so that there may be any number."""
    experiments: list[str] = Field(min_length=1)
    """Names of the experiments to draw."""
    title: str = ""
    """Title of the figure; by default, its name."""
    caption: str = ""
    """Caption, a sentence or two; seeds and protocol are added from the experiments."""

    def complete(self, name: str) -> None:
        """Give the figure of this name what the config leaves out, and what its pictures need."""
        if not self.title:
            self.__dict__["title"] = words(name)

    def columns(self, experiment: str, variant: Variant) -> Columns:
        """What the module of the figure gets to know of a variant, besides its tables."""
        return {"curve": self.curve(experiment, variant, variant.values)}

    def curve(self, experiment: str, variant: Variant, values: dict[str, Any]) -> str:
        """Name of a variant's curve: its label, or else its experiment, where it is needed, and swept `values`."""
        parts = [experiment] if len(self.experiments) > 1 or not values else []
        return variant.label or ": ".join([*parts, *filter(None, [describe(values)])])

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        """Raise a problem, at `place` in the config, if these `experiments`, by name, cannot be drawn."""
        for name, experiment in experiments.items():
            if (unit := experiment.agent_kind.unit) != self.draws.unit:
                raise problem(
                    f"{place}: {self.kind} draws agents that learn in {self.draws.unit}, but those of {name} learn in "
                    f"{unit}; draw another experiment, or another kind of figure"
                )
            if others := {
                each.spec.agent.name for each in experiment.variants if not isinstance(each.spec.agent, self.draws)
            }:
                raise problem(
                    f"{place}: {self.kind} cannot draw {', '.join(sorted(others))}, of {name}; drop that experiment"
                )
        if self.unique_curves:
            found = [self.columns(name, variant) for name, variant in variants(experiments)]
            names = Counter((columns["curve"], columns.get(self.panel_column)) for columns in found)
            if repeated := {curve for (curve, _), count in names.items() if count > 1}:
                raise problem(
                    f"{place}: several curves are called {sorted(repeated)}; give each point of the sweep a label of "
                    "its own"
                )
            most = max(Counter(panel for _, panel in names).values())
            if most > MOST and not self.own_panels:
                raise problem(
                    f"{place}: readers cannot tell {most} curves in one panel apart; {self.fewer(experiments)}"
                )

    def fewer(self, experiments: dict[str, Experiment]) -> str:  # noqa: ARG002 (some kinds know more of them)
        """The remedy for too many curves in a panel."""
        return f"draw at most {MOST}, and the others in figures of their own"


def variants(experiments: dict[str, Experiment]) -> Iterator[tuple[str, Variant]]:
    """Every variant of some experiments, with the name of its experiment."""
    return ((name, variant) for name, experiment in experiments.items() for variant in experiment.variants)


def check_swept(place: str, keys: dict[str, str | None], experiments: dict[str, Experiment]) -> None:
    """Raise a problem unless some experiment sweeps each of the settings that `keys` of a figure name."""
    swept = sorted({setting for _, variant in variants(experiments) for setting in variant.values})
    for key, setting in keys.items():
        if setting is not None and setting not in swept:
            raise problem(
                f"{place}.{key}: none of its experiments sweeps {setting!r}; choose from: "
                f"{', '.join(swept) or 'nothing, there is no sweep'}"
            )


def checked(place: str, key: str, setting: str, experiments: dict[str, Experiment]) -> list[Any]:
    """The values that a setting has in all variants. Raises a problem, at `place`.`key`, where one lacks it."""
    found = []
    for name, variant in variants(experiments):
        try:
            found.append(value_at(variant.spec, locate(setting)))
        except AttributeError:
            raise problem(
                f"{place}.{key}: {name}/{variant.name} has no setting {setting!r}; drop that experiment or variant, "
                "or draw them in figures of their own"
            ) from None
    return found


def check_seed(
    key: str, seed: int | None, experiments: dict[str, Experiment], remedy: str = "choose one of these"
) -> None:
    """Raise a problem with `key` unless all of `experiments` have this seed."""
    for name, experiment in experiments.items():
        first, last = experiment.first_seed, experiment.last_seed
        if seed is not None and not first <= seed <= last:
            raise problem(f"{key}: {name} has the seeds {first} to {last}, not {seed}; {remedy}")


def check_drawn(place: str, experiments: dict[str, Experiment]) -> None:
    """Raise a problem unless there are pictures of every game, for what plays episodes again."""
    for name, variant in variants(experiments):
        environment: Any = variant.spec.environment
        if not environment.is_drawn:
            raise problem(
                f"{place}: {environment.game_name}, which {name} plays, cannot be drawn (it lacks Gymnasium's "
                "render mode rgb_array); drop this figure or video"
            )


class GameFigure(FigureSettings):
    """A figure of agents that learn from single steps of games."""

    draws: ClassVar[type[AgentSettings]] = GameAgent

    def columns(self, experiment: str, variant: Variant) -> Columns:
        spec: Any = variant.spec
        return {
            "curve": self.curve(experiment, variant, variant.values),
            "game": spec.environment.game_name,
            "frame_skip": spec.environment.frames_per_step,
            "budget": spec.budget,
            "discount": spec.agent.discount,
            "reward_terminal": spec.environment.ends_at_rewards,
            "clip_rewards": spec.environment.clips_rewards,
        }


class EncoderFigure(FigureSettings):
    """A figure of auto-encoders."""

    draws: ClassVar[type[AgentSettings]] = Encoder
    products: ClassVar[tuple[str, ...]] = ("encoding",)

    def columns(self, experiment: str, variant: Variant) -> Columns:
        agent: Any = variant.spec.agent
        return {
            "curve": self.curve(experiment, variant, variant.values),
            "latent_count": agent.numbers,
            "split": agent.split,
            "moving_weight": agent.moving_weight,
            "ignore_still": agent.ignore_still,
            "penalised": agent.penalised,
        }
