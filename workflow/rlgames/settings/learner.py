"""What every kind of agent tells the workflow about itself, and settings that several kinds share."""

from __future__ import annotations

from pathlib import PurePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from rlgames.messages import count
from rlgames.settings import memory
from rlgames.settings.base import Settings, TrainedRun
from rlgames.settings.evaluation import Evaluation
from rlgames.settings.explanations import problem
from rlgames.settings.text import tidy

PLAIN_MB, TENSORFLOW_MB = 800, 1200
"""Memory of a job without and with TensorFlow, in MB, including networks and games."""

UPDATE_TIME = {"compact": 0.55, "impala": 2.5, "mbconv": 2.3}
"""Time of an update on Atari frames, relative to that of the network `nature`."""


class AgentSettings(Settings):
    """Base of all agents. Methods and class variables say how the workflow has to treat it."""

    module: ClassVar[str]
    """Module of the algorithm."""
    training: ClassVar[str]
    """Module of the training loop."""
    rule: ClassVar[str]
    """Rule that trains it."""
    unit: ClassVar[str]
    """Unit of the budget, and the key that holds it."""
    plays: ClassVar[frozenset[str]]
    """Names of the environments that it can play."""
    products: ClassVar[tuple[str, ...]]
    """Files that a training makes, by their names in the path grammar."""
    tables: ClassVar[tuple[str, ...]]
    """Tables in which it has rows."""
    in_blocks: ClassVar[bool] = False
    """Whether one job trains a block of seeds rather than a single one."""
    evaluated: ClassVar[bool] = False
    """Whether weights kept during training play evaluation episodes."""
    estimates_values: ClassVar[bool] = False
    """Whether it chooses actions by estimated action values."""
    samples: ClassVar[bool] = False
    """Whether it learns a policy, so that evaluation also plays episodes with sampled actions."""
    has_insights: ClassVar[bool] = False
    """Whether videos show outputs of the network that were not recorded, so that they need its weights."""
    uses_threads: ClassVar[bool] = False
    """Whether a training can use more than one core."""
    player: ClassVar[str] = ""
    """Module that plays with its kept weights."""
    memory_mb: ClassVar[int] = PLAIN_MB
    """Memory of a job that plays with its weights, in MB."""

    name: str

    def training_in(self, environment: Any) -> str:  # noqa: ARG002 (linear agents need it)
        """Module of the training loop."""
        return self.training

    def modules(self, environment: Any) -> dict[str, str]:
        """Modules that a training in `environment` imports by name, by the role that they have there."""
        return {"training": self.training_in(environment), "agent": self.module, "environment": environment.module}

    def playing_modules(self, environment: Any) -> dict[str, str]:
        """Modules that evaluation imports by name, by the role that they have there."""
        training = self.modules(environment)
        return {"player": self.player, **{role: training[role] for role in training if role != "training"}}

    def filming_modules(self, environment: Any) -> dict[str, str]:
        """Modules that a video of an evaluation episode imports by name, by the role that they have there."""
        return {"environment": environment.module}

    def playing(self) -> set[str]:
        """Names of the settings that playing with its weights needs; the others are for learning only."""
        return set()

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:  # noqa: ARG002 (others need it)
        """Rough time, in seconds, of training `seeds` one after the other on one core. Encoders and agents that predict
        are given their data set in place of an environment."""
        return 10 + seeds * budget / 300

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (others need it)
        """Memory of training `seeds` in one job, in MB. Encoders and agents that predict are given their data set in
        place of an environment."""
        return self.memory_mb

    def playing_mb(self, environment: Any) -> int:  # noqa: ARG002 (others need it)
        """Memory of a run's weights, in MB, in a job that plays or draws with them."""
        return 0

    def judged(self, evaluation: Evaluation) -> str:  # noqa: ARG002 (others need it)
        """How its scores are measured, in a sentence."""
        return "Training returns."

    @property
    def encoder_run(self) -> TrainedRun | None:
        """The run that trained the auto-encoder of its features, if it has one."""
        return None

    @property
    def first_weights(self) -> str | None:
        """Path of the weights that it starts from; None if it initialises them at random."""
        return None

    @property
    def needs_gpu(self) -> bool:
        return False


class GameAgent(AgentSettings):
    """An agent that learns from single steps of games, for minutes or hours: one job a seed, saved and evaluated."""

    rule: ClassVar[str] = "train_agent"
    unit: ClassVar[str] = "steps"
    products: ClassVar[tuple[str, ...]] = ("weights", "episodes", "recordings", "manifest")
    tables: ClassVar[tuple[str, ...]] = ("evaluation-scores", "steps-to-return")
    evaluated: ClassVar[bool] = True
    discount: float = Field(default=0.99, ge=0, le=1)
    """Discount γ."""
    stop_return: float | None = None
    """Target return: training stops as soon as the mean return of the last 40 episodes reaches it. A learning curve
    marks where each seed stopped, and its mean ends where the first one did: a mean over the others would mislead."""

    def judged(self, evaluation: Evaluation) -> str:
        drawn = "; with the most probable actions, and at the end as many with sampled ones" if self.samples else ""
        most = "" if self.stop_return is None else "at most "
        return (
            f"Evaluation: {count(evaluation.episodes, 'episode')} at the end and {evaluation.checkpoint_episodes} at "
            f"each of {most}{evaluation.earlier_points} points before it, with seeds of their own, "
            f"ε {evaluation.epsilon:g}{drawn}."
        )


class PredictingAgent(AgentSettings):
    """An agent that learns the values of a fixed policy, the one that played a data set, from 70% of its episodes."""

    rule: ClassVar[str] = "predict"
    unit: ClassVar[str] = "epochs"
    plays: ClassVar[frozenset[str]] = frozenset({"frames"})
    products: ClassVar[tuple[str, ...]] = ("weights", "predictions", "manifest")
    tables: ClassVar[tuple[str, ...]] = ("prediction-scores",)
    step_size_end: float | None = Field(default=None, gt=0, le=10)
    """Step size at the end of the last epoch; by default, the initial one."""
    discount: float = Field(default=0.99, ge=0, lt=1)
    """Discount γ, below 1, so that the returns from the beginning of an episode that was cut off are known nearly
    exactly."""

    def saved_bytes(self, environment: Any) -> int:
        """What one save takes, for a data set."""
        raise NotImplementedError

    def judged(self, evaluation: Evaluation) -> str:  # noqa: ARG002
        return "Evaluated by the discounted returns of held-out episodes."


class Exploration(Settings):
    """ε-greedy exploration with a schedule."""

    epsilon_start: float = Field(default=1.0, ge=0, le=1)
    """Initial exploration rate ε."""
    epsilon_end: float = Field(default=0.01, ge=0, le=1)
    """Final exploration rate ε."""
    epsilon_steps: int = Field(default=50_000, ge=1, le=100_000_000)
    """Steps over which ε falls linearly."""


class LongExploration(Exploration):
    """ε-greedy exploration that may repeat an action for several steps."""

    epsilon_repeat: float | None = Field(default=None, gt=1, le=10)
    """Exponent μ: an exploratory action is repeated n times with probability proportional to n^-μ (Dabney, Ostrovski
    and Barreto 2021, "Temporally-extended ε-greedy exploration", where μ = 2), so that exploration leads somewhere:
    single random steps hardly ever cross Freeway's road. By default it is taken once."""


class GreyLevels(Settings):
    """The grey levels that a network reads as zero and as one."""

    pixel_centre: int = Field(default=0, ge=0, le=255)
    """Grey level that the network reads as zero. With a game's background (Pong: 87) it learns much faster."""
    pixel_scale: float = Field(default=255.0, ge=1, le=255)
    """Difference in grey level that the network reads as one. Pictures of zeros and ones need 1; `minatar` does not
    scale them."""


class Network(GreyLevels):
    """The network of a deep agent."""

    network: Literal["nature", "small", "compact", "impala", "mbconv", "minatar", "mlp"] = "nature"
    """Body of the network. For Atari frames: `nature` (Mnih et al. 2015), `small` (Mnih et al. 2013), or `compact`,
    with layer normalisation. For any pictures with even sides: `impala`, with residual blocks (Espeholt et al. 2018),
    or `mbconv`, with blocks of EfficientNetV2 (Tan and Le 2021). For MinAtar: `minatar` (Young and Tian 2019). For
    vectors: `mlp`, with dense layers."""
    units: list[Annotated[int, Field(ge=1, le=4096)]] = Field(default=[128, 128], min_length=1, max_length=10)
    """Units of each dense layer of `mlp`; the sizes of the other networks are fixed."""


class FallingStepSize(Settings):
    """A step size with a schedule."""

    step_size_end: float | None = Field(default=None, gt=0, le=1)
    """Final step size; by default, the initial one."""
    step_size_steps: int = Field(default=300_000, ge=1, le=100_000_000)
    """Steps over which the step size falls linearly."""


class Adam(Settings):
    """Stochastic gradient descent by Adam, and the scale of the initial weights."""

    head_scale: float = Field(default=1.0, gt=0, le=1)
    """Scale of the initial weights of the heads. On normalised features, 0.07 makes the first values small."""
    step_size: float = Field(default=1e-4, gt=0, le=1)
    """Initial step size of Adam."""
    adam_epsilon: float = Field(default=1e-8, gt=0, le=1)
    """ε of Adam: larger values shorten the steps of weights with small gradients."""
    gradient_clip: float | None = Field(default=None, gt=0)
    """Maximum norm of a gradient; a longer one is scaled down to it. By default gradients are not clipped."""


class Optimiser(Adam, FallingStepSize):
    """Adam with a step size that may fall."""


class ReplayBuffer(Settings):
    """Off-policy learning from minibatches of a replay buffer, with a target network."""

    n: int = Field(default=1, ge=1, le=100)
    """Rewards in an n-step return before it bootstraps; not corrected for being off-policy."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Transitions in a minibatch."""
    capacity: int = Field(default=100_000, ge=1000, le=10_000_000)
    """Frames in the replay buffer: 7 kB each at 84 x 84 pixels."""
    end_share: float = Field(default=0.0, ge=0, le=1)
    """Share of each minibatch that is drawn from the last steps before a terminal state, that of the game or what
    counts as one (`reward_terminal`, `life_loss_terminal`). Where ends are rare, the agent so learns from them more
    often, as Narasimhan, Kulkarni and Barzilay (2015) do with rewards."""
    end_steps: int = Field(default=40, ge=1, le=10_000)
    """Steps before a terminal state from which `end_share` draws."""
    warm_up: int = Field(default=5000, ge=0, le=10_000_000)
    """Steps before the first update."""
    updates_per_step: float = Field(default=0.25, gt=0, le=16)
    """Updates per step after the warm-up: 0.25 is one every 4 steps."""
    target_every: int = Field(default=1000, ge=1, le=10_000_000)
    """Steps between copies of the online network to the target network."""
    target_mix: float | None = Field(default=None, gt=0, lt=1)
    """Mixing rate τ: instead of being copied, the target network moves by this share towards the online one in each
    update (Lillicrap et al. 2016)."""


class Rollout(Settings):
    """On-policy learning from the steps that the current policy has just taken."""

    rollout_steps: int = Field(default=16, ge=1, le=4096)
    """Steps of each game between two updates."""
    trace_decay: float = Field(default=0.95, ge=0, le=1)
    """λ of generalised advantage estimation (Schulman et al. 2016)."""


class DeepAgent(GameAgent, Network, Optimiser):
    """What all deep agents share."""

    plays: ClassVar[frozenset[str]] = frozenset({"atari", "gymnasium"})
    player: ClassVar[str] = "rlgames.playing.deep"
    memory_mb: ClassVar[int] = TENSORFLOW_MB
    uses_threads: ClassVar[bool] = True
    games: int = Field(default=1, ge=1, le=256)
    """Games played side by side; the steps of all of them count."""
    initial_weights: str | None = None
    """Path of the weights.npz of another run, from whose last weights training starts; {seed} in it stands for the
    seed. By default weights are random."""
    device: Literal["auto", "cpu", "gpu"] = "auto"
    """Device to train on; `auto` takes a GPU if there is one."""

    @field_validator("initial_weights")
    @classmethod
    def _is_a_file_of_weights(cls, path: str | None) -> str | None:
        if path is None:
            return None
        try:
            path = tidy(path)
        except ValueError as error:
            raise problem(str(error)) from None
        if PurePath(path).suffix != ".npz":
            raise problem(f"{path!r} is not a file of weights; give the path of the weights.npz of another run")
        if path.startswith("~"):
            raise problem(f"{path!r}: ~ is a name like any other here; write the whole path")
        if set("{}") & set(path.replace("{seed}", "")):
            raise problem(f"{path!r}: only {{seed}} may stand in braces; write the rest out")
        return path

    def modules(self, environment: Any) -> dict[str, str]:
        return super().modules(environment) | {"network": f"rlgames.networks.{self.network}"}

    def filming_modules(self, environment: Any) -> dict[str, str]:
        return (self.playing_modules if self.has_insights else super().filming_modules)(environment)

    def outputs(self, actions: int) -> int:
        """Maximum number of outputs of the heads."""
        return actions + 1

    def learning_mb(self, environment: Any, samples: int, budget: int) -> int:
        """Memory, in MB, of a training that learns from `samples` observations at once and records `budget` actions."""
        needed = memory.learning_bytes(self, environment, samples) + memory.ACTION_BYTES * budget
        return self.memory_mb + memory.beyond(needed)

    def playing_mb(self, environment: Any) -> int:
        return 4 * memory.network(self, environment).weights * memory.KEPT_COPIES // 1_000_000

    def playing(self) -> set[str]:
        """All settings except those known to be for learning only, since `heads` may read any other."""
        learning = (GameAgent, Optimiser, LongExploration, ReplayBuffer, Rollout)
        known = {name for kind in learning for name in kind.model_fields} | {"games", "initial_weights", "device"}
        return type(self).model_fields.keys() - known | {"name"}

    @property
    def first_weights(self) -> str | None:
        return self.initial_weights

    @property
    def needs_gpu(self) -> bool:
        return self.device == "gpu"


class OffPolicyAgent(DeepAgent, LongExploration, ReplayBuffer):
    """A deep agent that learns from a replay buffer."""

    training: ClassVar[str] = "rlgames.training.off_policy"
    estimates_values: ClassVar[bool] = True

    @property
    def least_warm_up(self) -> int:
        """Steps after which the replay buffer is certain to hold whole transitions to draw."""
        return 2 * self.batch_size + self.games * (self.n + 16)

    @model_validator(mode="after")
    def _buffer_fills(self) -> OffPolicyAgent:
        needed = self.least_warm_up
        if self.warm_up < needed:
            raise problem(
                f"warm_up: {self.warm_up} steps do not hold two minibatches of {self.batch_size} transitions over "
                f"n = {self.n} steps in each of {count(self.games, 'game')}; give at least {needed}"
            )
        if self.capacity < needed:
            raise problem(
                f"capacity: {self.capacity} frames are too few for {count(self.games, 'game')} side by side; give at "
                f"least {needed}"
            )
        return self

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:
        minibatch = self.batch_size / 32 * environment.frame_bytes / 84**2
        update = max(0.001, 0.03 * minibatch * UPDATE_TIME.get(self.network, 1.0))
        step = 0.0004 + 0.0024 / self.games + self.updates_per_step * update
        return 10 + seeds * budget * step

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (one seed a job)
        """With the replay buffer, as `rlgames.agents.deep.replay.Replay.size` counts it (a test compares them)."""
        buffer = -(-self.capacity * (environment.frame_bytes + 11) // 1_000_000)
        return buffer + self.learning_mb(environment, 2 * self.batch_size, budget)


class OnPolicyAgent(DeepAgent, Rollout):
    """A deep agent that learns from rollouts."""

    training: ClassVar[str] = "rlgames.training.on_policy"
    samples: ClassVar[bool] = True
    reward_scale: float = Field(default=1.0, gt=0, le=1000)
    """Factor by which rewards are multiplied for learning. If returns are in the hundreds, the critic's errors drown
    the policy's gradient in the layers that they share: scale returns to some tens at most."""

    def training_mb(self, environment: Any, budget: int = 0, seeds: int = 1) -> int:  # noqa: ARG002 (one seed a job)
        return self.learning_mb(environment, self.rollout_steps * self.games, budget)

    def seconds(self, budget: int, environment: Any, seeds: int) -> float:
        """Each step is learned from once."""
        learned = 0.001 * environment.frame_bytes / 84**2 * UPDATE_TIME.get(self.network, 1.0)
        return 10 + seeds * budget * (0.0002 + 0.0012 / self.games + learned)
