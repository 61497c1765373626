"""What is drawn of auto-encoders."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.figure import EncoderFigure, variants


class EncoderLosses(EncoderFigure):
    """Losses of auto-encoders against epochs, of training and of held-out frames, and the epoch that is kept."""

    module: ClassVar[str] = "rlgames.figures.encoder_losses"
    products: ClassVar[tuple[str, ...]] = ("losses",)
    kind: Literal["encoder-losses"]


LINES = 5
"""Marks that the lines of `LatentSizes` can have."""


class LatentSizes(EncoderFigure):
    """What more latents buy: errors, balls found and linear readouts of positions, against the number of latents.
    Variants that share `moving_weight` and `split` make one line."""

    module: ClassVar[str] = "rlgames.figures.latent_sizes"
    products: ClassVar[tuple[str, ...]] = ("encoding", "manifest")
    own_panels: ClassVar[bool] = True  # a variant is a point
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
        data: set[Any] = {variant.spec.environment for _, variant in variants(experiments)}
        if len(data) > 1:
            raise problem(f"{place}: these encoders learned from several data sets; draw a figure for each")
        owners: dict[Any, str] = {}
        for name, variant in variants(experiments):
            columns = self.columns(name, variant)
            line = columns["split"], columns["moving_weight"]
            if (owner := owners.setdefault(line, name)) != name:
                raise problem(
                    f"{place}: {owner} and {name} agree in split and moving_weight, so that one line would join their "
                    "points; draw them in figures of their own"
                )
        if len(owners) > LINES:
            raise problem(f"{place}: nobody can tell {len(owners)} lines apart; draw {LINES} at most")


class LatentSpace(EncoderFigure):
    """The first two principal components of the latents of test frames, coloured by where the ball is."""

    module: ClassVar[str] = "rlgames.figures.latent_space"
    own_panels: ClassVar[bool] = True
    kind: Literal["latent-space"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        if any(self.columns(name, variant)["latent_count"] < 2 for name, variant in variants(experiments)):
            raise problem(f"{place}: {self.kind} draws two components, and one latent has one; drop that variant")


class Reconstructions(EncoderFigure):
    """Typical and worst test frames, what an auto-encoder makes of them, and the difference."""

    module: ClassVar[str] = "rlgames.figures.reconstructions"
    own_panels: ClassVar[bool] = True
    kind: Literal["reconstructions"]
