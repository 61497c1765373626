"""Kinds of figure: each names its module, what it needs of each variant, and when it cannot be drawn."""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.encoder_figures import EncoderErrors, EncoderLosses, LatentSizes, LatentSpace, Reconstructions
from rlgames.settings.environments import Atari, MountainCar
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.figure import (
    MOST,
    Columns,
    FigureSettings,
    GameFigure,
    Limits,
    check_seed,
    check_swept,
    checked,
    variants,
)
from rlgames.settings.learner import AgentSettings, PredictingAgent
from rlgames.settings.several_games import SeveralGames
from rlgames.settings.sweeps import Variant, locate, value_at
from rlgames.settings.text import describe, shown, words


class LearningCurves(FigureSettings):
    """Steps or returns against episodes, with a curve for each variant: mean over seeds, band, and every single
    seed."""

    module: ClassVar[str] = "rlgames.figures.learning_curves"
    panel_column: ClassVar[str] = "facet"
    kind: Literal["learning-curves"]
    quantities: list[Literal["steps", "return"]] = Field(default=["steps"], min_length=1, max_length=2)
    """Quantities to draw against episodes, with a panel for each."""
    scale: Literal["linear", "log"] = "linear"
    """Scale of the vertical axis; for returns, which may be negative, `log` is a symmetric log scale."""
    limits: Limits | None = None
    """Ends of the vertical axis of the first of `quantities`; by default, those of the data."""
    facet: str | None = None
    """A setting of the sweep, each of whose values gets a panel."""
    seed: int | None = Field(default=None, ge=0)
    """A single seed to draw bold over the band of all, in place of the mean."""
    levels: bool = False
    """Whether to add a table of the means of the first and of the last 100 episodes, with intervals."""

    @field_validator("quantities")
    @classmethod
    def _quantities_differ(cls, quantities: list[str]) -> list[str]:
        if len(set(quantities)) < len(quantities):
            raise problem("names the same quantity twice; drop one")
        return quantities

    @model_validator(mode="after")
    def _limits_fit_the_scale(self) -> LearningCurves:
        if self.limits and self.limits[0] <= 0 and self.scale == "log" and self.quantities[0] == "steps":
            raise problem(
                f"limits: a logarithmic axis must begin above 0, not at {self.limits[0]}; give a positive number"
            )
        return self

    def columns(self, experiment: str, variant: Variant) -> Columns:
        if self.facet is None:
            return super().columns(experiment, variant)
        values = {key: value for key, value in variant.values.items() if key != self.facet}
        panel = describe({self.facet: value_at(variant.spec, locate(self.facet))})
        return {"curve": self.curve(experiment, variant, values), "facet": panel}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        check_swept(place, {"facet": self.facet}, experiments)
        if self.facet is not None:
            checked(place, "facet", self.facet, experiments)
        super().check(place, experiments)
        check_seed(f"{place}.seed", self.seed, experiments)

    def fewer(self, experiments: dict[str, Experiment]) -> str:
        swept = dict.fromkeys(key for _, variant in variants(experiments) for key in variant.values)
        if self.facet is not None or len(swept) < 2:
            return super().fewer(experiments)
        return f"give each value of one setting a panel of its own, with facet: {' or '.join(swept)}"


class FirstSteps(FigureSettings):
    """The last picture of a recorded episode beside the steps and returns of its seed, over the band of all seeds."""

    module: ClassVar[str] = "rlgames.figures.first_steps"
    products: ClassVar[tuple[str, ...]] = ("episodes", "recordings")
    unique_curves: ClassVar[bool] = False
    plays_again: ClassVar[bool] = True
    kind: Literal["first-steps"]
    seed: int = Field(ge=0)
    """The seed to draw."""

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        check_seed(f"{place}.seed", self.seed, experiments)
        if (count := len(list(variants(experiments)))) != 1:
            raise problem(f"{place}: {self.kind} draws one variant, not {count}; name an experiment without a sweep")


class Sweep(FigureSettings):
    """Mean steps of the first episodes against one setting of a sweep, with a curve for each value of another."""

    module: ClassVar[str] = "rlgames.figures.sweep"
    unique_curves: ClassVar[bool] = False  # the points of one curve share its name
    placing: ClassVar[set[str]] = {"x", "x_factor", "curves", "curve_label"}
    kind: Literal["sweep"]
    x: str
    """The setting on the horizontal axis."""
    x_factor: float = Field(default=1.0, gt=0)
    """Factor by which the values of `x` are multiplied: 8 for 8α, with eight tilings."""
    x_label: str = ""
    """Label of the horizontal axis; by default, the setting and its factor."""
    curves: str
    """The setting that tells curves apart; an experiment that does not sweep it is one curve, named after the
    experiment."""
    curve_label: str | None = None
    """Name of a curve, with {} in place of its value; by default, the setting and its value."""
    episodes: int = Field(ge=1)
    """Number of first episodes to average over."""
    limits: Limits | None = None
    """Ends of the vertical axis; by default, those of the data."""

    @field_validator("curve_label")
    @classmethod
    def _label_has_one_place(cls, label: str | None) -> str | None:
        if label is not None and (label.count("{}") != 1 or re.search("[{}]", label.replace("{}", ""))):
            raise problem(f"{label!r} must contain {{}} exactly once, where the value goes, and no other braces")
        return label

    def complete(self, name: str) -> None:
        super().complete(name)
        if not self.x_label:
            factor = "" if self.x_factor == 1 else f"{self.x_factor:g} × "
            self.__dict__["x_label"] = f"{factor}{words(self.x).lower()}" if factor else words(self.x)

    def columns(self, experiment: str, variant: Variant) -> Columns:
        name = experiment.replace("-", " ")
        if self.curves in variant.values:
            value = variant.values[self.curves]
            name = (
                describe({self.curves: value})
                if self.curve_label is None
                else self.curve_label.replace("{}", shown(value))
            )
        return {"curve": name, "x": self.x_factor * value_at(variant.spec, locate(self.x))}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        check_swept(place, {"x": self.x, "curves": self.curves}, experiments)
        if locate(self.x) == locate(self.curves):
            raise problem(f"{place}.curves: x and curves name the same setting; name two different ones")
        for value in checked(place, "x", self.x, experiments):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise problem(f"{place}.x: {self.x} is {shown(value)}, and an axis needs numbers; name another setting")
        super().check(place, experiments)
        for name, variant in variants(experiments):
            if (count := variant.spec.budget) < self.episodes:
                raise problem(f"{place}.episodes: the runs of {name} have {count} episodes; give at most {count}")
        self._check_points(place, experiments)

    def _check_points(self, place: str, experiments: dict[str, Experiment]) -> None:
        """Raise a problem unless each point is over the seeds of one variant, and each curve of one experiment."""
        points: dict[Any, Variant] = {}
        owners: dict[str, str] = {}
        for name, variant in variants(experiments):
            columns = self.columns(name, variant)
            curve = columns["curve"]
            if (owner := owners.setdefault(curve, name)) != name:
                raise problem(
                    f"{place}: {owner} and {name} both have a curve called {curve!r}, which would join their points; "
                    "draw them in figures of their own"
                )
            other = points.setdefault((curve, columns["x"]), variant)
            if other is not variant:
                keys = [key for key in variant.values if variant.values[key] != other.values.get(key)]
                raise problem(
                    f"{place}: {name}/{other.name} and {name}/{variant.name} would be averaged into one point, where "
                    f"only seeds may be averaged; they differ in {', '.join(keys)}: choose x and curves that tell them "
                    "apart, or give each its own experiment and figure"
                )
        if len(owners) > MOST:
            raise problem(
                f"{place}: readers cannot tell {len(owners)} curves in one panel apart; {self.fewer(experiments)}"
            )


class CostToGo(FigureSettings):
    """The surface of -max over a of q(s, a), with a panel for each variant: one seed above, the mean over seeds
    below."""

    module: ClassVar[str] = "rlgames.figures.cost_to_go"
    own_panels: ClassVar[bool] = True
    products: ClassVar[tuple[str, ...]] = ("weights",)
    kind: Literal["cost-to-go"]
    seed: int = Field(ge=0)
    """The seed to draw."""

    def columns(self, experiment: str, variant: Variant) -> Columns:
        return super().columns(experiment, variant) | {"coding": variant.spec.model_dump()["agent"]["coding"]}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        check_seed(f"{place}.seed", self.seed, experiments)
        for name, variant in variants(experiments):
            environment: Any = variant.spec.environment
            if not isinstance(environment, MountainCar):
                raise problem(
                    f"{place}: {self.kind} is drawn over the states of mountain-car, but {name} plays "
                    f"{environment.game_name}; drop that experiment"
                )
            if not variant.spec.agent.estimates_values:
                raise problem(
                    f"{place}: {self.kind} draws action values, but the agents of {name} learn a policy; drop that "
                    "experiment"
                )


class PanelForEachGame(GameFigure):
    """A figure with a panel for each game, so that no curve needs its name."""

    panel_column: ClassVar[str] = "game"

    def columns(self, experiment: str, variant: Variant) -> Columns:
        games = (locate("environment.game"), locate("environment.id"))
        values = {key: value for key, value in variant.values.items() if locate(key) not in games}
        return super().columns(experiment, variant) | {"curve": self.curve(experiment, variant, values)}


class Returns(PanelForEachGame):
    """Learning curves of agents that learn step by step: training returns against steps or minutes, evaluations as
    points, and published scores as lines."""

    module: ClassVar[str] = "rlgames.figures.returns"
    products: ClassVar[tuple[str, ...]] = ("episodes", "evaluation episodes", "manifest")
    kind: Literal["returns"]
    reference: Literal["papers", "cleanrl", "none"] = "papers"
    """Published scores of DQN to draw as dashed lines: those of the papers, after 50 million steps, or CleanRL's, after
    10 million; `none` where they are far above the curves."""
    x: Literal["steps", "minutes"] = "steps"
    """Unit of the horizontal axis: steps, or minutes of wall time, which depend on the machine and on what else ran
    there."""

    def columns(self, experiment: str, variant: Variant) -> Columns:
        return super().columns(experiment, variant) | {"games": getattr(variant.spec.agent, "games", 1)}


class PairedDifferences(PanelForEachGame):
    """Final evaluation returns minus those of the first curve, seed by seed, with their mean."""

    module: ClassVar[str] = "rlgames.figures.paired_differences"
    products: ClassVar[tuple[str, ...]] = ("evaluation episodes", "manifest")
    kind: Literal["paired-differences"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        (first, reference), *others = experiments.items()
        for name, other in others:
            if (other.first_seed, other.seeds) != (reference.first_seed, reference.seeds):
                raise problem(
                    f"{place}: {name} has the seeds {other.first_seed} to {other.last_seed}, and {first} has "
                    f"{reference.first_seed} to {reference.last_seed}; {self.kind} pairs runs by their seeds, so give "
                    "both the same seeds and first_seed"
                )
        curves = Counter(self.columns(name, variant)["game"] for name, variant in variants(experiments))
        if alone := [game for game, count in curves.items() if count < 2]:
            raise problem(
                f"{place}: {self.kind} compares curves with the first one, and {alone[0]} has a single one; add one to "
                "the sweep, or drop this figure"
            )


class ValueEstimates(GameFigure):
    """max Q along evaluation episodes against the returns that followed, beside the textbook's example of maximisation
    bias."""

    module: ClassVar[str] = "rlgames.figures.value_estimates"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings", "manifest")
    kind: Literal["value-estimates"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        for name, variant in variants(experiments):
            environment: Any = variant.spec.environment
            if not variant.spec.agent.estimates_values:
                raise problem(
                    f"{place}: the agents of {name} choose by a policy, not by action values; drop that experiment"
                )
            if environment.ends_at_lost_lives:
                raise problem(
                    f"{place}: {name} learns with life_loss_terminal, and recordings do not contain lost lives, so "
                    "its values cannot be compared with the returns; draw another experiment"
                )


class Observations(GameFigure):
    """What an agent sees in the first evaluation episode: from the screen to the observation, stage by stage."""

    module: ClassVar[str] = "rlgames.figures.observations"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings",)
    unique_curves: ClassVar[bool] = False
    kind: Literal["observations"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        for name, variant in variants(experiments):
            if not isinstance(variant.spec.environment, Atari):
                raise problem(
                    f"{place}: {name} plays no Atari game, and this figure shows the screen of one; drop that "
                    "experiment"
                )

    step: int | None = Field(default=None, ge=0)
    """The step to show; by default, one that shows motion."""


class Predictions(FigureSettings):
    """Errors of predicted returns on test episodes, beside that of the mean return, and values along an episode. Each
    data set, and so each policy, has a panel."""

    module: ClassVar[str] = "rlgames.figures.predictions"
    draws: ClassVar[type[AgentSettings]] = PredictingAgent
    products: ClassVar[tuple[str, ...]] = ("predictions",)
    panel_column: ClassVar[str] = "dataset"
    kind: Literal["predictions"]

    def columns(self, experiment: str, variant: Variant) -> Columns:
        """A panel for each data set, so that no curve needs the name of its experiment."""
        spec: Any = variant.spec
        values = {key: value for key, value in variant.values.items() if locate(key) != locate("environment.dataset")}
        curve = variant.label or describe(values) or experiment
        return {"curve": curve, "dataset": spec.environment.dataset, "discount": spec.agent.discount}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        if len({self.columns(name, variant)["discount"] for name, variant in variants(experiments)}) > 1:
            raise problem(
                f"{place}: returns with different discounts cannot be compared; draw them in figures of their own"
            )


AnyFigure = Annotated[
    LearningCurves
    | FirstSteps
    | Sweep
    | CostToGo
    | Returns
    | PairedDifferences
    | SeveralGames
    | ValueEstimates
    | Observations
    | EncoderLosses
    | EncoderErrors
    | LatentSizes
    | LatentSpace
    | Reconstructions
    | Predictions,
    Field(discriminator="kind"),
]


class Video(Settings):
    """Videos of one seed of each variant: the last training episode, or, for agents that are evaluated, the evaluation
    episodes of best and of median return, and one of random play."""

    seed: int = Field(ge=0)
    """The seed to show."""
    caption: str = ""
    """Caption."""
