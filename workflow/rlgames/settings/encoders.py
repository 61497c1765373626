"""Settings of the auto-encoders."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rlgames.settings.evaluation import Evaluation
from rlgames.settings.learner import TENSORFLOW_MB, AgentSettings
from rlgames.settings.memory import auto_encoder_bytes, beyond

JUDGED = 24_000
"""Frames whose latents are published, at most."""


class AutoEncoder(AgentSettings):
    """A convolutional auto-encoder: learns to draw frames again from a few latent variables."""

    rule: ClassVar[str] = "train_encoder"
    unit: ClassVar[str] = "epochs"
    plays: ClassVar[frozenset[str]] = frozenset({"frames"})
    products: ClassVar[tuple[str, ...]] = ("weights", "losses", "manifest", "encoding")
    training: ClassVar[str] = "rlgames.encoders.training"
    module: ClassVar[str] = "rlgames.networks.autoencoder"
    tables: ClassVar[tuple[str, ...]] = ("encoder-scores",)
    uses_threads: ClassVar[bool] = True
    memory_mb: ClassVar[int] = TENSORFLOW_MB
    name: Literal["auto-encoder"]
    latents: int = Field(ge=1, le=4096)
    """Latent variables."""
    moving_weight: float = Field(default=30.0, ge=1, le=1e6)
    """What the squared error of a pixel that differs from the data set's typical picture counts, at most: one over the
    share of frames in which it does. 1 is the plain mean squared error."""
    split: Literal["random", "episode"] = "random"
    """How the data set is split into 70% for training and 30% for testing: by frames or by whole episodes."""
    step_size: float = Field(default=5e-4, gt=0, le=1)
    """Step size of Adam."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Frames in a minibatch."""
    patience: int = Field(default=3, ge=1, le=1000)
    """Stop after so many epochs in a row without a lower loss on the held-out tenth of the training frames."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Where to train; `auto` takes a GPU if there is one."""

    def judged(self, evaluation: Evaluation) -> str:  # noqa: ARG002
        return "Judged on test frames, which nothing was learned from."

    @property
    def needs_gpu(self) -> bool:
        return self.device == "gpu"

    def seconds(self, budget: int, dataset: Any, seeds: int) -> float:
        return 10 + seeds * budget * dataset.size * (dataset.environment.image_size / 84) ** 2 / 1300

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (others need it)
        needed = auto_encoder_bytes(self.latents, environment.environment.image_size, self.batch_size)
        return self.memory_mb + environment.megabytes + beyond(needed)

    def playing_mb(self, environment: Any) -> int:
        """With the latents of all frames that are judged, as lists and in a table."""
        return self.training_mb(environment) - self.memory_mb + JUDGED * self.latents * 16 // 1_000_000
