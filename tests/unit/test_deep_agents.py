"""Deep agents: targets, updates and schedules against numbers worked out by hand or by Keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rlgames.settings.agents import DQN
from rlgames.settings.environments import Atari


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    from rlgames.devices import prepare

    prepare("cpu", 1)


def settings(**changes: Any) -> dict[str, Any]:
    return DQN.model_validate({"name": "dqn", "warm_up": 100, "capacity": 1000, **changes}).model_dump()


def test_targets_by_hand() -> None:
    """Terminal, truncated with γ = .5, and a tail of two steps with γ² = .25."""
    import tensorflow as tf

    from rlgames.agents import double_dqn, dqn

    online = tf.constant([[9.0, 1.0], [1.0, 2.0], [5.0, 4.0]])  # the actions that it prefers: 0, 1, 0
    judge = tf.constant([[3.0, 8.0], [6.0, 4.0], [1.0, 2.0]])
    returns, discounts = tf.constant([1.0, -1.0, 0.5]), tf.constant([0.0, 0.5, 0.25])
    arguments: Any = (returns, discounts, None, lambda _: online, lambda _: judge)
    assert dqn.target(*arguments).numpy().tolist() == [1.0, -1 + 0.5 * 6, 0.5 + 0.25 * 2]
    assert double_dqn.target(*arguments).numpy().tolist() == [1.0, -1 + 0.5 * 4, 0.5 + 0.25 * 1]


@pytest.mark.parametrize(("stack", "parameters"), [(1, 1_679_523), (4, 1_685_667)])
def test_network_has_the_parameters_of_the_lesson(stack: int, parameters: int) -> None:
    from rlgames.networks import make

    assert make(settings(), (21, 21, 16 * stack), 3).count_params() == parameters
    assert make(settings(), (21, 21, 16 * stack), 1).output_shape == (None, 1)


def test_patches_give_the_convolution_of_pixels() -> None:
    import tensorflow as tf

    from rlgames.environments.atari import patches
    from rlgames.networks import PatchConvolution

    rng = np.random.default_rng(0)
    stacks = rng.integers(0, 256, (2, 4, 84, 84), np.uint8)
    kernel = rng.normal(size=(8, 8, 4, 5)).astype(np.float32)
    pixels = tf.constant((stacks.transpose(0, 2, 3, 1) - 87.0) / 64, tf.float32)
    expected = tf.nn.relu(tf.nn.conv2d(pixels, kernel, 4, "VALID"))
    layer = PatchConvolution(5, 2, 87, 64)
    layer.build((None, 21, 21, 64))
    # Rows and columns of 8 are 2 patches of 4; the channels of a patch are frame, row and column.
    cut = kernel.reshape(2, 4, 2, 4, 4, 5).transpose(0, 2, 4, 1, 3, 5).reshape(2, 2, 64, 5)
    layer.set_weights([cut, np.zeros(5, np.float32)])
    np.testing.assert_allclose(layer(patches(stacks)), expected, atol=1e-3)


def test_adam_is_that_of_keras() -> None:
    import keras
    import tensorflow as tf

    from rlgames.agents.deep import Adam

    ours, theirs = keras.Variable([1.0, -2.0, 3.0]), keras.Variable([1.0, -2.0, 3.0])
    adam, other = Adam([ours], 0.1, 1e-3), keras.optimizers.Adam(0.1, epsilon=1e-3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        gradient = tf.constant(rng.normal(size=3), tf.float32)
        adam.apply([gradient])
        other.apply([gradient], [theirs])
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def learner(**changes: Any) -> Any:
    from rlgames.agents import double_dqn
    from rlgames.agents.deep import Learner

    return Learner(double_dqn, (9, 9, 16), 3, settings(**{"network": "small", **changes}), np.random.default_rng(0))


def minibatch() -> Any:
    from rlgames.replay import Minibatch

    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (2, 32, 9, 9, 16), np.uint8)
    numbers = rng.random((2, 32)).astype(np.float32)
    return Minibatch(pictures[0], rng.integers(0, 3, 32, np.int32), numbers[0], numbers[1], pictures[1])


def test_update_changes_the_online_network_only() -> None:
    agent = learner()
    before = {name: variable.numpy() for name, variable in agent.variables().items()}
    agent.update(minibatch())
    after = {name: variable.numpy() for name, variable in agent.variables().items()}
    for name in before:
        assert np.array_equal(before[name], after[name]) == name.startswith("target"), name
    agent.synchronise()
    np.testing.assert_array_equal(agent.variables()["target.0"], after["online.0"])


def test_gradient_clip_and_losses() -> None:
    from rlgames.agents.deep import huber

    assert huber(np.array([0.5, -2.0], np.float32)).numpy().tolist() == [0.125, 1.5]
    moments = {}
    for clip in (None, 1e-3):
        agent = learner(gradient_clip=clip)
        agent.update(minibatch())
        arrays = [variable.numpy() for name, variable in agent.variables().items() if name.startswith("first")]
        moments[clip] = np.sqrt(sum((array**2).sum() for array in arrays)) / 0.1  # m = (1 - .9) g after one update
    assert moments[None] > 1e-3
    assert moments[1e-3] == pytest.approx(1e-3, rel=1e-4)


def training(monkeypatch: pytest.MonkeyPatch, budget: int = 400, **changes: Any) -> tuple[Any, list[int], list[int]]:
    """A training of Pong whose learner only notes the steps at which it is updated and synchronised."""
    from rlgames.agents import dqn
    from rlgames.training.deep import Training

    environment = Atari.model_validate({"name": "atari", "game": "pong", "image_size": 36}).model_dump()
    run = Training(dqn, 0, environment, settings(**{"network": "small", **changes}), budget)
    updated: list[int] = []
    synchronised: list[int] = []
    monkeypatch.setattr(run.learner, "update", lambda _: updated.append(run.steps))
    monkeypatch.setattr(run.learner, "synchronise", lambda: synchronised.append(run.steps))
    run.begin()
    return run, updated, synchronised


def test_schedules_count_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    run, updated, synchronised = training(
        monkeypatch, games=2, warm_up=200, updates_per_step=0.25, target_every=150, epsilon_steps=300
    )
    kept, epsilons = [], {}
    while not run.finished:
        epsilons[run.steps] = run.epsilon
        if run.advance():
            kept.append(run.steps)
    assert updated == list(range(202, 400, 4))
    assert synchronised == [150, 300]
    assert kept == list(range(40, 401, 40))
    assert [epsilons[step] for step in (0, 100, 150, 300, 398)] == pytest.approx([1, 0.67, 0.505, 0.01, 0.01])


def test_what_ends_a_return(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgames.environments.atari import Step
    from rlgames.replay import CUT_OFF, GOES_ON, TERMINATED

    def follows(*, reward: float = 0.0, over: bool = False, cut: bool = False, life: bool = False) -> int:
        return run.follows(Step(np.array([]), *(np.array([x]) for x in (reward, over, cut, life))), 0)

    run, *_ = training(monkeypatch)
    assert [follows(), follows(reward=-1), follows(life=True)] == [GOES_ON] * 3
    assert [follows(over=True), follows(cut=True)] == [TERMINATED, CUT_OFF]
    run.environment |= {"reward_terminal": True, "life_loss_terminal": True}
    assert [follows(), follows(reward=-1), follows(life=True)] == [GOES_ON, TERMINATED, TERMINATED]


class Catch:
    """A ball falls down one of three columns of blocks, and a paddle below must be there: 1 or -1 at the end."""

    def __init__(self, _settings: dict[str, Any], count: int, **_: Any) -> None:
        self.actions = ["stay", "right", "left"]
        self.columns, self.paddles, self.heights = np.zeros((3, count), int)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        chosen = slice(None) if mask is None else mask
        self.columns[chosen] = [seed % 3 for seed in seeds]
        self.paddles[chosen] = [seed // 3 % 3 for seed in seeds]
        self.heights[chosen] = 0
        return self.draw()

    def draw(self) -> np.ndarray:
        pictures = np.zeros((len(self.columns), 1, 36, 36), np.uint8)
        for picture, column, paddle, height in zip(pictures, self.columns, self.paddles, self.heights, strict=True):
            picture[0, 6 * height : 6 * height + 6, 12 * column : 12 * column + 12] = 255
            picture[0, 30:, 12 * paddle : 12 * paddle + 12] = 128
        return pictures

    def step(self, actions: np.ndarray) -> Any:
        from rlgames.environments.atari import Step

        self.paddles = (self.paddles + np.array([0, 1, -1])[actions]).clip(0, 2)
        self.heights += 1
        over = self.heights == 4
        rewards = np.where(over, np.where(self.paddles == self.columns, 1.0, -1.0), 0.0)
        no = np.zeros(len(over), bool)
        return Step(self.draw(), rewards, over, no, no)


def catching(monkeypatch: pytest.MonkeyPatch, budget: int, **changes: Any) -> Any:
    """A training in the game of catch, run to its end."""
    from rlgames.agents import dqn
    from rlgames.training import deep

    monkeypatch.setattr(deep, "Games", Catch)
    environment = Atari.model_validate({"name": "atari", "game": "pong", "image_size": 36, "stack": 1}).model_dump()
    run = deep.Training(dqn, 0, environment, settings(network="small", games=4, **changes), budget)
    run.begin()
    while not run.finished:
        run.advance()
    return run


def test_dqn_learns_to_catch(monkeypatch: pytest.MonkeyPatch) -> None:
    run = catching(
        monkeypatch, 6000, warm_up=500, step_size=1e-3, epsilon_steps=2000, target_every=100, discount=0.9
    )  # fmt: skip
    returns = [episode.score for episode in run.episodes if episode.end_step]
    assert np.mean(returns[:100]) < 0
    assert np.mean(returns[-100:]) >= 0.9


def test_clipped_rewards_are_learned_from_and_raw_ones_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Catch.step
    monkeypatch.setattr(
        Catch, "step", lambda *arguments: (step := plain(*arguments))._replace(rewards=5 * step.rewards)
    )
    run = catching(monkeypatch, 200, warm_up=300)
    assert {episode.score for episode in run.ended} == {-5.0, 5.0}
    assert set(np.unique(run.replay.ring.rewards)) == {-1.0, 0.0, 1.0}


def test_diverged_weights_end_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgames.agents.deep import Learner

    plain = Learner.update

    def update(self: Learner, minibatch: Any) -> None:
        plain(self, minibatch)
        if self.optimiser.updates.numpy() == 10:
            self.online.trainable_variables[0].assign(self.online.trainable_variables[0] * np.nan)

    monkeypatch.setattr(Learner, "update", update)
    run = catching(monkeypatch, 2000, warm_up=340)
    assert (run.steps, run.diverged) == (400, True)  # updated until 380, seen when weights were kept


def test_initial_weights_have_the_range_of_glorot() -> None:
    kernel, bias, *_ = learner().online.trainable_variables
    limit = np.sqrt(6 / (2 * 2 * (16 + 16)))
    assert 0.95 * limit < np.abs(kernel.numpy()).max() <= limit
    assert not bias.numpy().any()


def test_training_stops_at_the_wanted_return(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every return is -1 or 1, so that -1 is reached as soon as there are 40, ten in each of four games."""
    run = catching(monkeypatch, 6000, warm_up=1000, stop_return=-1.0)
    assert sum(episode.end_step > 0 for episode in run.episodes) == 40
    assert run.steps == 4 * 40
    assert catching(monkeypatch, 400, warm_up=1000, stop_return=1.5).steps == 400


def test_training_that_does_not_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    import psutil

    from rlgames.memory import ShortageError
    from rlgames.training.deep import demand_memory

    environment = Atari.model_validate({"name": "atari", "game": "pong"}).model_dump()
    taken = SimpleNamespace(rss=0.7e9, vms=0)  # what TensorFlow has already is no part of what has to be free
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: taken)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7.4e9))
    demand_memory(environment, settings(capacity=1_000_000))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7.3e9))
    with pytest.raises(ShortageError) as error:
        demand_memory(environment, settings(capacity=1_000_000))
    message = str(error.value)
    assert (
        "needs 8.1 GB of memory, 1000000 frames of the replay buffer and 1.0 GB besides, but 7.3 GB are free on this "
        "machine. Lower the agent's capacity"
    ) in message


def test_weights_of_another_network_are_refused() -> None:
    from rlgames.networks import WeightsError

    saved = {name: weights[np.newaxis] for name, weights in learner().weights().items()}
    other = learner(network="nature")
    with pytest.raises(WeightsError, match=r"weight_0 has the shape .* and the network needs"):
        other.start_from(saved)
    with pytest.raises(WeightsError, match="a deep run with the same network"):
        other.start_from({"steps": np.arange(3)})


def test_progress_says_speed_return_epsilon_and_time_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rlgames import messages

    clock = iter([100.0, 105.0, 120.0])
    monkeypatch.setattr(messages.time, "perf_counter", lambda: next(clock))
    caplog.set_level("INFO")
    progress = messages.Steps("pong/default, seed 0", 40_000)
    progress.begin(1000)
    progress.advance(2000, lambda count: -count / 2, 0.5)  # too soon
    progress.advance(5000, lambda count: -count / 2, 0.25)
    assert caplog.messages == [
        "pong/default, seed 0: step 1000 of 40000",
        "pong/default, seed 0: step 5000 of 40000, 200 steps/s, mean return -10.0 over 20 episodes, ε 0.25, 3 min left",
    ]


def test_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from rlgames.devices import DeviceError, prepare

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    assert prepare("auto", 1) == "cpu"
    with pytest.raises(DeviceError, match=r"No GPU was found.*Set its device to auto or cpu"):
        prepare("gpu", 1)
