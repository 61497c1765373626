"""Settings of the deep agents."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from rlgames.settings import memory
from rlgames.settings.explanations import problem
from rlgames.settings.learner import TENSORFLOW_MB, Adam, GreyLevels, OffPolicyAgent, OnPolicyAgent, PredictingAgent


class DQN(OffPolicyAgent):
    """DQN (Mnih et al. 2015)."""

    module: ClassVar[str] = "rlgames.agents.deep.dqn"
    name: Literal["dqn"]
    loss: Literal["huber", "squared"] = "huber"
    """Squared error, or Huber's loss: squared up to an error of 1, and linear beyond."""


class DoubleDQN(DQN):
    """Double DQN (van Hasselt, Guez and Silver 2016): the online network selects the next action, and the target
    network evaluates it."""

    module: ClassVar[str] = "rlgames.agents.deep.double_dqn"
    name: Literal["double-dqn"]  # type: ignore[assignment]


FINEST = 1e-4
"""Distance of two classes of returns, as a share of the largest return: a thousand times the rounding error."""


class Categorical(OffPolicyAgent):
    """What agents share that learn values by classification: the range of returns that the classes cover."""

    has_insights: ClassVar[bool] = True
    v_min: float = -10.0
    """Lowest return that has a class; lower ones count as this one. Discounted returns of clipped rewards lie between
    -1 and 1 if each reward is terminal (`reward_terminal`), as in Pong."""
    v_max: float = 10.0
    """Highest return that has a class; higher ones count as this one."""

    @model_validator(mode="after")
    def _range_has_a_length(self) -> Categorical:
        if self.v_min >= self.v_max:
            raise problem(f"v_max: {self.v_max:g} is not above v_min, {self.v_min:g}; give a greater number")
        least = FINEST * self.classes * max(abs(self.v_min), abs(self.v_max))
        if self.v_max - self.v_min < least:
            raise problem(
                f"v_max: from {self.v_min:.9g} to {self.v_max:.9g}, {self.classes} classes lie too close together for "
                f"single precision; give a v_max of at least {self.v_min + least:.9g}"
            )
        return self

    @property
    def classes(self) -> int:
        """Into how many classes returns fall."""
        raise NotImplementedError


class C51(Categorical):
    """Categorical DQN (Bellemare, Dabney and Munos 2017): the distribution of the return, on fixed atoms."""

    module: ClassVar[str] = "rlgames.agents.deep.c51"
    name: Literal["c51"]
    atoms: int = Field(default=51, ge=2, le=201)
    """Number of atoms, evenly spaced from `v_min` to `v_max`."""

    @property
    def classes(self) -> int:
        return self.atoms

    def outputs(self, actions: int) -> int:
        return actions * (self.atoms + 1)


class HLGauss(Categorical):
    """DQN with a histogram loss, HL-Gauss (Imani and White 2018; Farebrother et al. 2024)."""

    module: ClassVar[str] = "rlgames.agents.deep.hl_gauss"
    name: Literal["hl-gauss"]
    bins: int = Field(default=51, ge=2, le=201)
    """Number of bins of the histogram, from `v_min` to `v_max`."""
    smoothing: float = Field(default=0.75, gt=0, le=100)
    """Standard deviation σ of the target, in bin widths."""

    @property
    def classes(self) -> int:
        return self.bins

    def outputs(self, actions: int) -> int:
        return actions * (self.bins + 1)


class ActorCritic(OnPolicyAgent):
    """Advantage actor-critic (Mnih et al. 2016) with generalised advantage estimation (Schulman et al. 2016)."""

    module: ClassVar[str] = "rlgames.agents.deep.actor_critic"
    has_insights: ClassVar[bool] = True
    name: Literal["actor-critic"]
    entropy_weight: float = Field(default=0.01, ge=0, le=1)
    """Weight of the policy's entropy in the loss: larger values keep exploration going longer."""
    value_weight: float = Field(default=0.5, ge=0, le=10)
    """Weight of the critic's squared error in the loss."""


class ValueNetwork(PredictingAgent, GreyLevels, Adam):
    """A network that predicts state values by TD(0) (Sutton and Barto 2018, section 9.3), with a target network."""

    module: ClassVar[str] = "rlgames.agents.deep.td"
    training: ClassVar[str] = "rlgames.encoders.value_network"
    memory_mb: ClassVar[int] = TENSORFLOW_MB
    uses_threads: ClassVar[bool] = True
    name: Literal["value-network"]
    network: Literal["nature", "small", "compact", "impala", "mbconv"] = "small"
    """Body of the network, as in agents that play."""
    stack: int = Field(default=4, ge=1, le=16)
    """Frames that it sees at once."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Transitions in a minibatch."""
    target_mix: float = Field(default=0.01, gt=0, lt=1)
    """Mixing rate τ: in each update the target network moves by this share towards the online one (Lillicrap et al.
    2016)."""

    def modules(self, environment: Any) -> dict[str, str]:
        return super().modules(environment) | {"network": f"rlgames.networks.{self.network}"}

    def outputs(self, actions: int) -> int:  # noqa: ARG002 (others have several)
        return 1

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (one seed a job)
        """All frames, as they are and as pictures."""
        side, size = environment.environment.image_size, self._size(environment)
        learning = 4 * size.weights * memory.KEPT_COPIES + 2 * self.batch_size * 16 * size.activations
        return self.memory_mb + environment.megabytes + memory.beyond(learning + environment.size * side**2)

    def saved_bytes(self, environment: Any) -> int:
        """The online network, both moments of its weights, and the target network."""
        return 4 * 4 * self._size(environment).weights

    def _size(self, dataset: Any) -> memory.Size:
        side = dataset.environment.image_size
        return memory.of_pictures(self.network, (side, side, self.stack), 1)

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:
        frames = environment.size * (environment.environment.image_size / 84) ** 2
        return 20 + seeds * budget * frames / 2000
