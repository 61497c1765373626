"""Figures about auto-encoders."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from rlgames.settings.encoders import AutoEncoder
from rlgames.settings.experiments import Experiment
from rlgames.settings.explanations import problem
from rlgames.settings.figure import EncoderFigure, variants
from rlgames.settings.learner import AgentSettings


class EncoderLosses(EncoderFigure):
    """Losses of auto-encoders against epochs, on training and on held-out frames, with the epoch whose weights are
    kept."""

    module: ClassVar[str] = "rlgames.figures.encoder_losses"
    products: ClassVar[tuple[str, ...]] = ("losses",)
    kind: Literal["encoder-losses"]


FAMILY = ("moving_weight", "ignore_still", "split")
"""What the variants of one line of `LatentSizes` share."""

LINES = 5
"""Marks that the lines of `LatentSizes` can have."""


class LatentSizes(EncoderFigure):
    """What more latents gain: errors, balls found and linear readouts of positions, against the number of latents.
    Variants that share `moving_weight`, `ignore_still` and `split` make one line."""

    draws: ClassVar[type[AgentSettings]] = AutoEncoder
    module: ClassVar[str] = "rlgames.figures.latent_sizes"
    products: ClassVar[tuple[str, ...]] = ("encoding", "manifest")
    own_panels: ClassVar[bool] = True  # a variant is a point
    kind: Literal["latent-sizes"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        found = [self.columns(name, variant) for name, variant in variants(experiments)]
        points = [tuple(columns[key] for key in ("latent_count", *FAMILY)) for columns in found]
        if len(set(points)) < len(points):
            raise problem(
                f"{place}: several variants have the same latents, split and loss, and would share one point; "
                "draw them in figures of their own"
            )
        data: set[Any] = {variant.spec.environment.dataset for _, variant in variants(experiments)}  # type: ignore[union-attr]
        if len(data) > 1:
            raise problem(f"{place}: these encoders learned from several data sets; draw a figure for each")
        owners: dict[Any, str] = {}
        for name, variant in variants(experiments):
            columns = self.columns(name, variant)
            line = tuple(columns[key] for key in FAMILY)
            if (owner := owners.setdefault(line, name)) != name:
                raise problem(
                    f"{place}: {owner} and {name} have the same split and loss, so that one line would join "
                    "their points; draw them in figures of their own"
                )
        if len(owners) > LINES:
            raise problem(f"{place}: readers cannot tell {len(owners)} lines apart; draw at most {LINES}")


class LatentSpace(EncoderFigure):
    """The first two principal components of the latents of test frames, coloured by the ball's position."""

    draws: ClassVar[type[AgentSettings]] = AutoEncoder
    module: ClassVar[str] = "rlgames.figures.latent_space"
    own_panels: ClassVar[bool] = True
    kind: Literal["latent-space"]

    def check(self, place: str, experiments: dict[str, Experiment]) -> None:
        super().check(place, experiments)
        if any(self.columns(name, variant)["latent_count"] < 2 for name, variant in variants(experiments)):
            raise problem(
                f"{place}: {self.kind} draws two principal components, and one latent has only one; drop that variant"
            )


class EncoderErrors(EncoderFigure):
    """Median errors of the positions that encoders give, and the share of frames in which they are within 2 pixels,
    beside half a paddle's height. Only for Pong."""

    module: ClassVar[str] = "rlgames.figures.encoder_errors"
    kind: Literal["encoder-errors"]


class Reconstructions(EncoderFigure):
    """Typical and worst test frames, with the points of a keypoint encoder, their reconstructions, and the
    differences."""

    module: ClassVar[str] = "rlgames.figures.reconstructions"
    own_panels: ClassVar[bool] = True
    kind: Literal["reconstructions"]
