"""Training of deep agents: schedules, what ends a return, learning, resuming, and what is said of it."""

from __future__ import annotations

import re
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rlgames.environments.games import Frame, Step
from rlgames.networks import numerics
from rlgames.settings.deep_agents import C51, DQN, ActorCritic, HLGauss
from rlgames.settings.environments import Atari
from rlgames.training.episodes import Episode, ReplayError


@pytest.fixture(scope="module", autouse=True)
def _processor() -> None:
    numerics.set_up()


KINDS: dict[str, Any] = {"dqn": DQN, "c51": C51, "hl-gauss": HLGauss}


def settings(name: str = "dqn", **changes: Any) -> dict[str, Any]:
    return KINDS[name].model_validate({"name": name, "warm_up": 100, "capacity": 1000, **changes}).model_dump()


def pong(**changes: Any) -> dict[str, Any]:
    return Atari.model_validate({"name": "atari", "game": "pong", "image_size": 36, **changes}).model_dump()


def modules(**other: Any) -> dict[str, Any]:
    from rlgames.agents.deep import dqn
    from rlgames.environments import atari
    from rlgames.networks import small

    return {"agent": dqn, "network": small, "environment": atari} | other


def training(monkeypatch: pytest.MonkeyPatch, budget: int = 400, **changes: Any) -> tuple[Any, list[int], list[int]]:
    """A training of Pong whose learner only notes the steps at which it is updated and synchronised."""
    from rlgames.training.off_policy import Training

    run = Training(modules(), 0, pong(), settings(**{"network": "small", **changes}), budget)
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


def test_step_size_falls(monkeypatch: pytest.MonkeyPatch) -> None:
    run, _, synchronised = training(
        monkeypatch, warm_up=200, target_mix=0.1, step_size=0.1, step_size_end=0.02, step_size_steps=300
    )
    found = {}

    def note(_: object) -> None:
        found[run.steps] = run.learner.step_size

    monkeypatch.setattr(run.learner, "update", note)
    while not run.finished:
        run.advance()
    assert [found[step] for step in (201, 225, 301, 397)] == pytest.approx([0.0464, 0.04, 0.02, 0.02])
    assert not synchronised  # each update moves the target network itself


def test_what_ends_a_return(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgames.agents.deep.replay import CONTINUES, TERMINATED, TRUNCATED

    def follows(*, reward: float = 0.0, over: bool = False, cut: bool = False, life: bool = False) -> int:
        (found,) = run.follows(Step(np.array([]), *(np.array([fact]) for fact in (reward, over, cut, life))))
        return found

    run, *_ = training(monkeypatch)
    assert [follows(), follows(reward=-1), follows(life=True)] == [CONTINUES] * 3
    assert [follows(over=True), follows(cut=True)] == [TERMINATED, TRUNCATED]
    run.environment |= {"reward_terminal": True, "life_loss_terminal": True}
    assert [follows(), follows(reward=-1), follows(life=True)] == [CONTINUES, TERMINATED, TERMINATED]


def test_rewards_are_clipped_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    run, *_ = training(monkeypatch)
    assert [run.learned(reward) for reward in (-7.0, -0.5, 3.0)] == [-1, -0.5, 1]
    run.environment |= {"clip_rewards": False}
    assert [run.learned(reward) for reward in (-7.0, -0.5, 3.0)] == [-7, -0.5, 3]


class Catch:
    """A ball falls down one of three columns of blocks, and a paddle below must be there: 1 or -1 at the end."""

    def __init__(self, _settings: dict[str, Any], count: int, **_: Any) -> None:
        self.actions = ["stay", "right", "left"]
        self.frame = Frame((36, 36), np.uint8)
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

    def step(self, actions: np.ndarray) -> Step:
        self.paddles = (self.paddles + np.array([0, 1, -1])[actions]).clip(0, 2)
        self.heights += 1
        over = self.heights == 4
        rewards = np.where(over, np.where(self.paddles == self.columns, 1.0, -1.0), 0.0)
        no = np.zeros(len(over), bool)
        return Step(self.draw(), rewards, over, no, no)


CATCH = SimpleNamespace(Games=Catch)


def catching(budget: int, **changes: Any) -> Any:
    """A training in the game of catch."""
    from rlgames.training.off_policy import Training

    chosen = settings(**{"network": "small", "games": 4, "warm_up": 200, **changes})
    agent, network = (
        import_module(name) for name in (KINDS[chosen["name"]].module, f"rlgames.networks.{chosen['network']}")
    )
    return Training(modules(agent=agent, environment=CATCH, network=network), 0, pong(stack=1), chosen, budget)


def criticising(budget: int, **changes: Any) -> Any:
    """One of the actor-critic."""
    from rlgames.agents.deep import actor_critic
    from rlgames.training.on_policy import Training

    declared = {"name": "actor-critic", "network": "small", "games": 8, "rollout_steps": 8, "step_size": 1e-3}
    chosen = ActorCritic.model_validate({**declared, **changes}).model_dump()
    return Training(modules(agent=actor_critic, environment=CATCH), 0, pong(stack=1), chosen, budget)


def finished(run: Any) -> Any:
    run.begin()
    while not run.finished:
        run.advance()
    return run


def test_exploration_lasts_as_long_as_a_zeta_distribution_says(monkeypatch: pytest.MonkeyPatch) -> None:
    run, _, _ = training(monkeypatch, games=2, epsilon_repeat=2.0, epsilon_start=1.0, epsilon_end=1.0)
    lengths: list[int] = []
    counts = np.zeros(2, int)
    for step in range(20_000):
        begins = run.left == 0
        lengths += counts[begins].tolist() if step else []
        counts = np.where(begins, 1, counts + 1)
        held = run.held.copy()
        actions = run.choose()
        np.testing.assert_array_equal(actions[~begins], held[~begins])
    found = np.bincount(np.minimum(lengths, 4))[1:] / len(lengths)
    zeta = np.array([1, 1 / 4, 1 / 9]) * 6 / np.pi**2
    np.testing.assert_allclose(found, [*zeta, 1 - zeta.sum()], atol=0.02)
    run.left[:] = 5
    run.restart(Step(run.observations, np.zeros(2), np.array([True, False]), np.zeros(2, bool), np.zeros(2, bool)))
    assert run.left.tolist() == [0, 5]


@pytest.mark.parametrize("agent", [{}, {"name": "c51"}, {"name": "hl-gauss"}])
def test_agents_that_learn_values_learn_to_catch(agent: dict[str, Any]) -> None:
    learning = {"warm_up": 500, "step_size": 1e-3, "epsilon_steps": 2000, "target_every": 100, "discount": 0.9}
    run = finished(catching(6000, **learning, **agent))
    returns = [episode.score for episode in run.episodes if episode.end_step]
    assert np.mean(returns[:100]) < 0
    assert np.mean(returns[-100:]) >= 0.9


def test_actor_critic_learns_to_catch() -> None:
    run = finished(criticising(16_000, discount=0.9))
    returns = [episode.score for episode in run.ended]
    assert np.mean(returns[:100]) < 0
    assert np.mean(returns[-100:]) >= 0.9
    assert run.updates == 16_000 / (8 * 8)


MAKERS = pytest.mark.parametrize(
    ("make", "changes"),
    [
        (catching, {}),
        (catching, {"end_share": 0.5, "end_steps": 2}),
        (catching, {"epsilon_repeat": 1.5, "epsilon_end": 0.5}),
        (catching, {"name": "c51"}),
        (catching, {"name": "hl-gauss"}),
        (catching, {"network": "impala", "target_mix": 0.01}),
        (catching, {"network": "mbconv", "target_mix": 0.01}),
        (criticising, {"rollout_steps": 6}),
    ],
)


@MAKERS
def test_resuming_from_a_save_gives_the_same_bits(make: Any, changes: dict[str, Any]) -> None:
    """In the middle of every game's episode, and after updates."""
    whole, first, again = (make(800, **changes) for _ in range(3))
    finished(whole)
    first.begin()
    while first.steps < 330:
        first.advance()
    assert {len(episode.actions) for episode in first.running} <= {2, 3}
    assert first.updates > 0
    told: list[tuple[int, int]] = []
    resume(again, first, lambda *at: told.append(at))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1]
    assert_same(again, whole)


def resume(run: Any, stopped: Any, advanced: Any = lambda *_: None) -> None:
    """Bring a run to its end from what another one has saved."""
    run.restore({name: np.array(array) for name, array in stopped.state().items()}, advanced)
    while not run.finished:
        run.advance()


def assert_same(one: Any, other: Any) -> None:
    found, expected = one.state(), other.state()
    assert expected.keys() == found.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(array, found[name], err_msg=name)


@pytest.mark.parametrize("make", [catching, criticising])
def test_resumed_training_reaches_its_target_return_at_the_same_step(make: Any) -> None:
    whole, first, again = (make(4000, stop_return=-0.2) for _ in range(3))
    assert 0 < finished(whole).steps < 4000
    first.begin()
    while first.steps < whole.steps // 2:
        first.advance()
    resume(again, first)
    assert_same(again, whole)


@MAKERS
def test_an_episode_that_plays_otherwise_is_noticed(make: Any, changes: dict[str, Any]) -> None:
    run = make(800, **changes)
    run.begin()
    while run.steps < 330:
        run.advance()
    state = run.state()
    state["episodes.score"] = state["episodes.score"] + 5
    with pytest.raises(ReplayError, match=r"Episode \d+ had a return of .*, and played again .* delete their folder"):
        make(800, **changes).restore(state, lambda *_: None)


def test_actions_are_drawn_by_their_probabilities() -> None:
    """A half, a third and a sixth; never one of probability 0, whatever rounding does to the sum."""
    run = criticising(800)
    policy = np.tile(np.array([3, 0, 2, 1], np.float32) / 6, (6000, 1))
    counts = np.bincount(run.draw(policy), minlength=4)
    assert counts[1] == 0
    assert abs(counts - [3000, 0, 2000, 1000]).max() < 150
    assert set(run.draw(np.tile(np.array([0, 0, 0, 1e-3], np.float32), (100, 1)))) == {3}


def test_what_a_rollout_bootstraps_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight steps of catch are two whole episodes: nothing follows their ends, and the critic says 1 everywhere else.

    With γ = λ = 1 each return is the reward at the end of its episode.
    """
    run = criticising(64, discount=1.0, trace_decay=1.0)
    said = np.full((8, 3), 1 / 3, np.float32), np.ones(8, np.float32)
    rollouts: list[Any] = []
    monkeypatch.setattr(run.learner, "policy_and_values", lambda _: said)
    monkeypatch.setattr(run.learner, "update", rollouts.append)
    run.begin()
    run.advance()
    returns = rollouts[0].returns.reshape(8, 8)
    scores = np.array([episode.score for episode in run.ended]).reshape(2, 8)
    np.testing.assert_allclose(returns, np.repeat(scores, 4, axis=0), atol=1e-6)
    np.testing.assert_allclose(rollouts[0].advantages, rollouts[0].returns - 1, atol=1e-6)


def test_a_truncated_episode_is_bootstrapped_from_its_last_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not from the first state of the next one, nor from 0, as at a terminal state. λ = 0."""
    run = criticising(64, discount=0.5, trace_decay=0.0)
    plain, steps, rollouts = Catch.step, list[Step](), list[Any]()

    def cut_off(games: Catch, actions: np.ndarray) -> Step:
        step = plain(games, actions)
        steps.append(
            step._replace(observations=step.observations.copy(), terminated=step.truncated, truncated=step.terminated)
        )
        return steps[-1]

    def values(states: np.ndarray) -> np.ndarray:
        flat = states.reshape(len(states), -1).astype(np.float32)
        return flat @ np.linspace(0, 1e-3, flat.shape[1], dtype=np.float32)

    monkeypatch.setattr(Catch, "step", cut_off)
    monkeypatch.setattr(
        run.learner, "policy_and_values", lambda states: (np.full((8, 3), 1 / 3, np.float32), values(states))
    )
    monkeypatch.setattr(run.learner, "update", rollouts.append)
    run.begin()
    run.advance()
    ends = [step.rewards + 0.5 * values(run.reader(step.observations)) for step in (steps[3], steps[7])]
    np.testing.assert_allclose(rollouts[0].returns.reshape(8, 8)[[3, 7]], ends, atol=1e-6)
    assert not np.allclose(ends, [step.rewards for step in (steps[3], steps[7])])


def test_a_lost_life_ends_a_return_on_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A life is lost in the second step of each episode; the critic says 1 everywhere, γ = .5 and λ = 0."""
    run = criticising(64, discount=0.5, trace_decay=0.0)
    run.environment["life_loss_terminal"] = True
    plain, rollouts = Catch.step, list[Any]()
    monkeypatch.setattr(
        Catch, "step", lambda games, actions: plain(games, actions)._replace(life_lost=games.heights == 2)
    )
    said = np.full((8, 3), 1 / 3, np.float32), np.ones(8, np.float32)
    monkeypatch.setattr(run.learner, "policy_and_values", lambda _: said)
    monkeypatch.setattr(run.learner, "update", rollouts.append)
    run.begin()
    run.advance()
    returns = rollouts[0].returns.reshape(8, 8)
    np.testing.assert_allclose(returns[[0, 1, 2]], np.repeat([[0.5], [0.0], [0.5]], 8, axis=1))


def test_rewards_are_scaled_for_learning_and_not_in_what_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """As above, with half of each reward; the critic says 0 everywhere."""
    run = criticising(64, discount=1.0, trace_decay=1.0, reward_scale=0.5)
    said = np.full((8, 3), 1 / 3, np.float32), np.zeros(8, np.float32)
    rollouts: list[Any] = []
    monkeypatch.setattr(run.learner, "policy_and_values", lambda _: said)
    monkeypatch.setattr(run.learner, "update", rollouts.append)
    run.begin()
    run.advance()
    scores = np.array([episode.score for episode in run.ended])
    assert set(np.abs(scores)) == {1}
    np.testing.assert_allclose(rollouts[0].returns.reshape(8, 8), np.repeat(scores.reshape(2, 8) / 2, 4, axis=0))


@pytest.mark.parametrize(("make", "changes"), [(catching, {"warm_up": 300}), (criticising, {})])
def test_clipped_rewards_are_learned_from_and_raw_ones_reported(
    monkeypatch: pytest.MonkeyPatch, make: Any, changes: dict[str, Any]
) -> None:
    plain = Catch.step
    monkeypatch.setattr(
        Catch, "step", lambda *arguments: (step := plain(*arguments))._replace(rewards=5 * step.rewards)
    )
    learned: set[float] = set()
    run = make(200, **changes)
    note = run.learned

    def learns(rewards: np.ndarray) -> np.ndarray:
        learned.update(note(rewards).tolist())
        return note(rewards)

    monkeypatch.setattr(run, "learned", learns)
    finished(run)
    assert {episode.score for episode in run.ended} == {-5.0, 5.0}
    assert learned == {-1.0, 0.0, 1.0}
    if make is catching:
        assert set(np.unique(run.replay.ring.rewards)) == {-1.0, 0.0, 1.0}


def test_diverged_weights_end_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlgames.agents.deep.learner import OffPolicyLearner

    plain = OffPolicyLearner.update

    def update(self: OffPolicyLearner, minibatch: Any) -> None:
        plain(self, minibatch)
        if self.optimiser.updates.numpy() == 10:
            self.online.trainable_variables[0].assign(self.online.trainable_variables[0] * np.nan)

    monkeypatch.setattr(OffPolicyLearner, "update", update)
    run = finished(catching(2000, warm_up=340))
    assert run.ended_by == "a weight is not finite"
    assert (run.steps, run.diverged) == (400, True)  # updated until 380, seen when weights were kept


def test_training_stops_at_the_wanted_return() -> None:
    """Every return is -1 or 1, so that -1 is reached as soon as there are 40, ten in each of four games."""
    run = finished(catching(6000, warm_up=1000, stop_return=-1.0))
    assert sum(episode.end_step > 0 for episode in run.episodes) == 40
    assert run.steps == 4 * 40
    assert re.fullmatch(r"the mean return of the last 40 episodes, -?0\.?\d*, reached stop_return -1", run.ended_by)
    other = finished(catching(400, warm_up=1000, stop_return=1.5))
    assert (other.steps, other.ended_by) == (400, "the budget is spent")


def test_training_that_does_not_fit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    from rlgames.operations.memory_limits import ShortageError, demand_replay
    from rlgames.training.off_policy import Training

    million = settings(network="small", capacity=1_000_000)
    buffer = Training(modules(), 0, pong(image_size=84), million, 100).memory
    assert buffer == 1_000_000 * (84 * 84 + 11)
    assert criticising(100).memory == 0
    taken = SimpleNamespace(rss=0.7e9, vms=0)  # what TensorFlow has already is no part of what has to be free
    monkeypatch.setattr(psutil.Process, "memory_info", lambda _: taken)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7.4e9))
    demand_replay(buffer, 1_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=7.3e9))
    with pytest.raises(ShortageError) as error:
        demand_replay(buffer, 1_000_000)
    message = str(error.value)
    assert (
        "needs 8.1 GB of memory (1000000 frames of the replay buffer, and 1.0 GB besides), but only 7.3 GB are free on "
        "this machine. Lower the agent's capacity"
    ) in message
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=0))
    demand_replay(0, 0)  # an agent without a replay buffer


@pytest.mark.parametrize(("make", "epsilon"), [(catching, ", ε 0.25"), (criticising, "")])
def test_progress_says_speed_return_epsilon_and_time_left(
    make: Any, epsilon: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from rlgames.operations import progress

    run = make(40_000)
    if epsilon:
        run.settings |= {"epsilon_start": 0.25, "epsilon_end": 0.25}
    scores = [5.0, *[-9.0, -11.0] * 10]  # of which the last 20 count
    clock = iter([0.0, 100.0, 105.0, 120.0])
    monkeypatch.setattr(progress.time, "perf_counter", lambda: next(clock))
    caplog.set_level("INFO")
    said = progress.Progress("pong/default, seed 0", 40_000, "steps")
    said.begin(1000)
    said.reach(1000)  # nothing yet, and no speed
    said.reach(2000, run.remark)  # too soon
    assert run.remark == epsilon.removeprefix(", ")
    run.ended = [Episode(number, 0, 0, score=score) for number, score in enumerate(scores)]
    said.reach(5000, run.remark)
    assert caplog.messages == [
        "pong/default, seed 0: 1000 of 40000 steps",
        "pong/default, seed 0: 5000 of 40000 steps, 200 steps/s, mean return -10.0 over 20 episodes"
        f"{epsilon}, 3 min left",
    ]


def test_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    from rlgames.networks.numerics import DeviceError
    from rlgames.operations.devices import choose

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    assert choose("auto") == "cpu"
    with pytest.raises(DeviceError, match=r"No GPU was found.*Set its device to auto or cpu"):
        choose("gpu")
    with pytest.raises(DeviceError, match=r"TensorFlow cannot use it.*set the agent's device to cpu"):
        numerics.set_up("gpu")
