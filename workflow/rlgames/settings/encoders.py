"""Settings of the auto-encoders."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rlgames.settings.evaluation import Evaluation
from rlgames.settings.learner import TENSORFLOW_MB, AgentSettings
from rlgames.settings.memory import auto_encoder_bytes, beyond

JUDGED = 36_000
"""Frames whose numbers are published, at most: of training, test, and another data set."""

TRIAL = 200
"""Minibatches of a trial, as `rlgames.encoders.training` has it (a test compares them)."""


class Encoder(AgentSettings):
    """What all auto-encoders share: they learn to reconstruct frames from a few numbers."""

    rule: ClassVar[str] = "train_encoder"
    unit: ClassVar[str] = "epochs"
    plays: ClassVar[frozenset[str]] = frozenset({"frames"})
    products: ClassVar[tuple[str, ...]] = ("weights", "losses", "manifest", "encoding")
    training: ClassVar[str] = "rlgames.encoders.training"
    tables: ClassVar[tuple[str, ...]] = ("encoder-scores",)
    uses_threads: ClassVar[bool] = True
    memory_mb: ClassVar[int] = TENSORFLOW_MB
    penalised: ClassVar[bool] = False
    """Whether its loss has more than the errors of pixels."""
    frames_per_second: ClassVar[float]
    """Of 84 x 84 pixels, that one core learns from."""
    moving_weight: float = Field(default=30.0, ge=1, le=1e6)
    """Maximum weight of the squared error of a pixel that differs from the data set's typical picture; its weight is
    one over the share of frames in which it differs. 1 gives the plain mean squared error."""
    ignore_still: bool = False
    """Whether a pixel that differs from the typical picture has weight 0 while it does not change from one step to the
    next, so that only what moves is reconstructed."""
    split: Literal["random", "episode"] = "random"
    """Split of the data set into 70% for training and 30% for testing: by random frames or by whole episodes."""
    step_size: float = Field(default=5e-4, gt=0, le=1)
    """Initial step size of Adam."""
    step_size_end: float | None = Field(default=None, gt=0, le=1)
    """Step size at the end of the last epoch; by default, the initial one."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Frames in a minibatch."""
    trials: int = Field(default=1, ge=1, le=100)
    """Number of random initialisations that are each tried for 200 minibatches; the one with the lowest held-out loss
    is then trained."""
    patience: int = Field(default=3, ge=1, le=1000)
    """Epochs in a row without a lower loss on the held-out tenth of the training frames after which training stops."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Device to train on; `auto` takes a GPU if there is one."""

    @property
    def numbers(self) -> int:
        """How many numbers a frame becomes."""
        raise NotImplementedError

    def judged(self, evaluation: Evaluation) -> str:  # noqa: ARG002
        return "Evaluated on held-out test frames."

    @property
    def needs_gpu(self) -> bool:
        return self.device == "gpu"

    def seconds(self, budget: int, dataset: Any, seeds: int) -> float:
        pixels = (dataset.environment.image_size / 84) ** 2
        tried = (self.trials > 1) * self.trials * TRIAL * self.batch_size
        return 10 + seeds * (budget * dataset.size + tried) * pixels / self.frames_per_second

    def learning_bytes(self, side: int) -> int:
        """All that training takes besides its data set, on frames of so many pixels on a side."""
        return auto_encoder_bytes(self.numbers, side, self.batch_size)

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (others need it)
        return self.memory_mb + environment.megabytes + beyond(self.learning_bytes(environment.environment.image_size))

    def playing_mb(self, environment: Any) -> int:
        """With the numbers of all frames that are judged, as lists and in a table."""
        return self.training_mb(environment) - self.memory_mb + JUDGED * self.numbers * 16 // 1_000_000


class AutoEncoder(Encoder):
    """A convolutional auto-encoder, which learns to reconstruct frames from a few latent variables."""

    module: ClassVar[str] = "rlgames.networks.autoencoder"
    frames_per_second: ClassVar[float] = 1300
    name: Literal["auto-encoder"]
    latents: int = Field(ge=1, le=4096)
    """Number of latent variables."""

    @property
    def numbers(self) -> int:
        return self.latents


class Keypoints(Encoder):
    """A keypoint auto-encoder, which learns where a few objects are by drawing a box at each point."""

    module: ClassVar[str] = "rlgames.networks.keypoints"
    frames_per_second: ClassVar[float] = 900
    penalised: ClassVar[bool] = True
    name: Literal["keypoints"]
    points: int = Field(default=8, ge=2, le=64)
    """Number of points; those that find nothing are never present."""
    ignore_still: bool = True
    """Whether a pixel that differs from the typical picture has weight 0 while it does not change from one step to the
    next, so that only what moves is found."""
    step_size: float = Field(default=5e-3, gt=0, le=1)
    """Initial step size of Adam."""
    step_size_end: float | None = Field(default=2.5e-4, gt=0, le=1)
    """Step size at the end of the last epoch."""
    trials: int = Field(default=3, ge=1, le=100)
    """Number of random initialisations that are each tried for 200 minibatches; the one with the lowest held-out loss
    is then trained. Which objects the points find depends on the initial weights."""

    @property
    def numbers(self) -> int:
        return 3 * self.points

    def learning_bytes(self, side: int) -> int:
        """The maps of points and filters, of all frames that are judged at once, or of a minibatch with gradients."""
        return 4 * max(1000, 4 * self.batch_size) * ((side // 2) ** 2 * (20 + 3 * self.points) + 10 * side**2)
