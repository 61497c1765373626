"""What is drawn."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings.base import Settings
from rlgames.settings.explanations import problem


class FigureSettings(Settings):
    """What all figures share."""

    products: ClassVar[tuple[str, ...]] = ("episodes",)
    budget: ClassVar[str] = "episodes"
    """In what the agents learn whose experiments it draws."""
    placing: ClassVar[set[str]] = set()
    """Settings that name and place the curves, and have no other use."""
    experiments: list[str] = Field(min_length=1)
    """Experiments to draw."""
    title: str
    """Heading of the figure."""
    caption: str
    """What it shows, in a sentence or two; seeds and protocol are added from the experiments."""


class LearningCurves(FigureSettings):
    """Steps or returns against episodes, a curve for each variant: mean over seeds, band, and every single seed."""

    module: ClassVar[str] = "rlgames.figures.learning_curves"
    kind: Literal["learning-curves"]
    quantities: list[Literal["steps", "return"]] = Field(default=["steps"], min_length=1, max_length=2)
    """What is drawn against episodes, a panel for each."""
    scale: Literal["linear", "log"] = "linear"
    """Scale of the vertical axis; returns, which are negative, are drawn on a symmetric log scale."""
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


class FirstSteps(FigureSettings):
    """The last picture of a recorded episode beside the steps and returns of its seed, over the band of all seeds."""

    module: ClassVar[str] = "rlgames.figures.first_steps"
    products: ClassVar[tuple[str, ...]] = ("episodes", "recordings")
    kind: Literal["first-steps"]
    seed: int = Field(ge=0)
    """The seed to draw."""


class Sweep(FigureSettings):
    """Steps per episode over the first episodes against one setting of a sweep; a curve for each value of another."""

    module: ClassVar[str] = "rlgames.figures.sweep"
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


class CostToGo(FigureSettings):
    """The surface of -max over a of q(s, a), a panel for each variant: of one seed, and the mean over seeds below."""

    module: ClassVar[str] = "rlgames.figures.cost_to_go"
    products: ClassVar[tuple[str, ...]] = ("weights",)
    kind: Literal["cost-to-go"]
    seed: int = Field(ge=0)
    """The seed to draw."""


class Returns(FigureSettings):
    """Learning curves on Atari: training returns against steps, evaluations as points, published levels."""

    module: ClassVar[str] = "rlgames.figures.returns"
    budget: ClassVar[str] = "steps"
    products: ClassVar[tuple[str, ...]] = ("episodes", "evaluation episodes")
    kind: Literal["returns"]


class ValueEstimates(FigureSettings):
    """max Q along evaluation episodes against what followed, beside the textbook's example of maximisation bias."""

    module: ClassVar[str] = "rlgames.figures.value_estimates"
    budget: ClassVar[str] = "steps"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings",)
    kind: Literal["value-estimates"]


class Observations(FigureSettings):
    """What an agent sees, step by step from the screen, in the first evaluation episode."""

    module: ClassVar[str] = "rlgames.figures.observations"
    budget: ClassVar[str] = "steps"
    products: ClassVar[tuple[str, ...]] = ("evaluation recordings",)
    kind: Literal["observations"]
    step: int = Field(default=60, ge=0)
    """The step to show."""


class EncoderLosses(FigureSettings):
    """Losses of auto-encoders against epochs, of training and of held-out frames, and the epoch that is kept."""

    module: ClassVar[str] = "rlgames.figures.encoder_losses"
    budget: ClassVar[str] = "epochs"
    products: ClassVar[tuple[str, ...]] = ("losses",)
    kind: Literal["encoder-losses"]


class LatentSizes(FigureSettings):
    """What more latents buy: errors, balls found and linear readouts of positions, against the number of latents.
    Variants that share `moving_weight` and `split` make one line."""

    module: ClassVar[str] = "rlgames.figures.latent_sizes"
    budget: ClassVar[str] = "epochs"
    products: ClassVar[tuple[str, ...]] = ("encoding",)
    kind: Literal["latent-sizes"]


class LatentSpace(FigureSettings):
    """The first two principal components of the latents of test frames, coloured by where the ball is."""

    module: ClassVar[str] = "rlgames.figures.latent_space"
    budget: ClassVar[str] = "epochs"
    products: ClassVar[tuple[str, ...]] = ("encoding",)
    kind: Literal["latent-space"]


class Reconstructions(FigureSettings):
    """Typical and worst test frames, what an auto-encoder makes of them, and the difference."""

    module: ClassVar[str] = "rlgames.figures.reconstructions"
    budget: ClassVar[str] = "epochs"
    products: ClassVar[tuple[str, ...]] = ("encoding",)
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
    """Videos of one seed of each variant: the last training episode; on Atari, the evaluation episodes of best and of
    median return, and one of random play."""

    seed: int = Field(ge=0)
    """The seed to show."""
    caption: str
    """What it shows."""
