"""What is drawn: a kind of figure names its module, what it needs of each variant, and when it cannot be drawn."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.environments import Atari, MountainCar
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.figure import (
    Columns,
    EncoderFigure,
    FigureSettings,
    GameFigure,
    check_seed,
    check_swept,
    variants,
)
from rlgames.settings.sweeps import Variant, locate, value_at
from rlgames.settings.text import describe, shown


class LearningCurves(FigureSettings):
    """Steps or returns against episodes, a curve for each variant: mean over seeds, band, and every single seed."""

    module: ClassVar[str] = "rlgames.figures.learning_curves"
    panel_column: ClassVar[str] = "facet"
    kind: Literal["learning-curves"]
    quantities: list[Literal["steps", "return"]] = Field(default=["steps"], min_length=1, max_length=2)
    """What is drawn against episodes, a panel for each."""
    scale: Literal["linear", "log"] = "linear"
    """Scale of the vertical axis; returns, which may be negative, are drawn on a symmetric log scale."""
    limits: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """Ends of the vertical axis; by default, those of the data."""
    facet: str | None = None
    """A setting of the sweep: a panel for each of its values."""
    seed: int | None = Field(default=None, ge=0)
    """Draw this single seed bold, over the band of all, in place of the mean."""
    levels: bool = False
    """Add a table of the means of the first and of the last 100 episodes, with intervals."""

    @model_validator(mode="after")
    def _limits_ascend(self) -> LearningCurves:
        if self.limits and not (self.limits[0] < self.limits[1] and (self.scale == "linear" or self.limits[0] > 0)):
            raise problem(f"limits: give two ascending numbers, above 0 on a log scale, not {self.limits}")
        return self

    def columns(self, experiment: str, variant: Variant) -> Columns:
        if self.facet is None:
            return super().columns(experiment, variant)
        values = {key: value for key, value in variant.values.items() if key != self.facet}
        panel = describe({self.facet: value_at(variant.spec, locate(self.facet))})
        return {"curve": self.curve(experiment, variant, values), "facet": panel}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        check_swept(place, {"facet": self.facet}, experiments)
        super().check(place, experiments)
        check_seed(place, self.seed, experiments)


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
        check_seed(place, self.seed, experiments)
        if (count := len(list(variants(experiments)))) != 1:
            raise problem(f"{place}: {self.kind} draws one variant, not {count}")


class Sweep(FigureSettings):
    """Steps per episode over the first episodes against one setting of a sweep; a curve for each value of another."""

    module: ClassVar[str] = "rlgames.figures.sweep"
    unique_curves: ClassVar[bool] = False  # the points of one curve share its name
    placing: ClassVar[set[str]] = {"x", "x_factor", "curves", "curve_label"}
    kind: Literal["sweep"]
    x: str
    """The setting on the horizontal axis."""
    x_factor: float = Field(default=1.0, gt=0)
    """Its values are drawn times this: 8 for 8α, with eight tilings."""
    x_label: str
    """Label of the horizontal axis."""
    curves: str
    """The setting that tells curves apart; an experiment that does not sweep it is one curve, by its own name."""
    curve_label: str = "{}"
    """The name of a curve, with {} for its value."""
    episodes: int = Field(ge=1)
    """Average over this many first episodes."""
    limits: list[float] | None = Field(default=None, min_length=2, max_length=2)
    """Ends of the vertical axis; by default, those of the data."""

    def columns(self, experiment: str, variant: Variant) -> Columns:
        name = experiment.replace("-", " ")
        if self.curves in variant.values:
            name = self.curve_label.format(shown(variant.values[self.curves]))
        return {"curve": name, "x": self.x_factor * value_at(variant.spec, locate(self.x))}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        check_swept(place, {"x": self.x, "curves": self.curves}, experiments)
        super().check(place, experiments)


class CostToGo(FigureSettings):
    """The surface of -max over a of q(s, a), a panel for each variant: of one seed, and the mean over seeds below."""

    module: ClassVar[str] = "rlgames.figures.cost_to_go"
    products: ClassVar[tuple[str, ...]] = ("weights",)
    kind: Literal["cost-to-go"]
    seed: int = Field(ge=0)
    """The seed to draw."""

    def columns(self, experiment: str, variant: Variant) -> Columns:
        return super().columns(experiment, variant) | {"coding": variant.spec.model_dump()["agent"]["coding"]}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        check_seed(place, self.seed, experiments)
        for name, variant in variants(experiments):
            environment: Any = variant.spec.environment
            if not isinstance(environment, MountainCar):
                raise problem(
                    f"{place}: {self.kind} is drawn over the states of the environment mountain-car, and {name} plays "
                    f"{environment.game_name}; drop it"
                )


class Returns(GameFigure):
    """Learning curves of agents that learn step by step: training returns against steps, evaluations as points, and
    published levels."""

    module: ClassVar[str] = "rlgames.figures.returns"
    products: ClassVar[tuple[str, ...]] = ("episodes", "evaluation episodes")
    panel_column: ClassVar[str] = "game"
    kind: Literal["returns"]

    def columns(self, experiment: str, variant: Variant) -> Columns:
        """A panel for each game, so that no curve needs its name."""
        values = {key: value for key, value in variant.values.items() if key not in ("game", "id")}
        games = getattr(variant.spec.agent, "games", 1)
        return super().columns(experiment, variant) | {"curve": self.curve(experiment, variant, values), "games": games}

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        for name, variant in variants(experiments):
            agent: Any = variant.spec.agent
            if agent.stop_return is not None:
                raise problem(
                    f"{place}: {name} has a stop_return, so that its seeds end at different steps, and a mean over "
                    "those that go on would mislead; draw an experiment without one"
                )


class ValueEstimates(GameFigure):
    """max Q along evaluation episodes against what followed, beside the textbook's example of maximisation bias."""

    module: ClassVar[str] = "rlgames.figures.value_estimates"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings",)
    kind: Literal["value-estimates"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        for name, variant in variants(experiments):
            environment: Any = variant.spec.environment
            if not variant.spec.agent.estimates_values:
                raise problem(f"{place}: the agents of {name} choose by a policy, not by values; drop it")
            if environment.ends_at_lost_lives:
                raise problem(
                    f"{place}: {name} learns with life_loss_terminal, and recordings do not know lost lives, so that "
                    "its values cannot be compared with what followed; draw another experiment"
                )


class Observations(GameFigure):
    """What an agent sees, step by step from the screen, in the first evaluation episode."""

    module: ClassVar[str] = "rlgames.figures.observations"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings",)
    unique_curves: ClassVar[bool] = False
    kind: Literal["observations"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        for name, variant in variants(experiments):
            if not isinstance(variant.spec.environment, Atari):
                raise problem(f"{place}: {name} does not play an Atari game, whose screen this figure shows; drop it")

    step: int = Field(default=60, ge=0)
    """The step to show."""


class EncoderLosses(EncoderFigure):
    """Losses of auto-encoders against epochs, of training and of held-out frames, and the epoch that is kept."""

    module: ClassVar[str] = "rlgames.figures.encoder_losses"
    products: ClassVar[tuple[str, ...]] = ("losses",)
    kind: Literal["encoder-losses"]


class LatentSizes(EncoderFigure):
    """What more latents buy: errors, balls found and linear readouts of positions, against the number of latents.
    Variants that share `moving_weight` and `split` make one line."""

    module: ClassVar[str] = "rlgames.figures.latent_sizes"
    kind: Literal["latent-sizes"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        found = [self.columns(name, variant) for name, variant in variants(experiments)]
        points = [(columns["latent_count"], columns["split"], columns["moving_weight"]) for columns in found]
        if len(set(points)) < len(points):
            raise problem(
                f"{place}: several variants agree in latents, split and moving_weight, and would be one point; draw "
                "them in figures of their own"
            )


class LatentSpace(EncoderFigure):
    """The first two principal components of the latents of test frames, coloured by where the ball is."""

    module: ClassVar[str] = "rlgames.figures.latent_space"
    kind: Literal["latent-space"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        if any(self.columns(name, variant)["latent_count"] < 2 for name, variant in variants(experiments)):
            raise problem(f"{place}: {self.kind} draws two components, and one latent has one; drop that variant")


class Reconstructions(EncoderFigure):
    """Typical and worst test frames, what an auto-encoder makes of them, and the difference."""

    module: ClassVar[str] = "rlgames.figures.reconstructions"
    kind: Literal["reconstructions"]


AnyFigure = Annotated[
    LearningCurves
    | FirstSteps
    | Sweep
    | CostToGo
    | Returns
    | ValueEstimates
    | Observations
    | EncoderLosses
    | LatentSizes
    | LatentSpace
    | Reconstructions,
    Field(discriminator="kind"),
]


class Video(Settings):
    """Videos of one seed of each variant: the last training episode; of agents that are evaluated, the episodes of best
    and of median return, and one of random play."""

    seed: int = Field(ge=0)
    """The seed to show."""
    caption: str
    """What it shows."""
