"""Evaluation: every episode is a function of its seed and number, whoever plays beside it or played before."""

from importlib import import_module
from typing import Any, ClassVar

import numpy as np
import pytest

from rlgames.environments import atari, gymnasium
from rlgames.environments.games import Step
from rlgames.networks import numerics
from rlgames.networks.reader import Reader
from rlgames.playing import deep, evaluation
from rlgames.playing.evaluation import Planned
from rlgames.playing.recording import Recording
from rlgames.settings.deep_agents import C51, DQN, ActorCritic
from rlgames.settings.environments import Atari, Gymnasium
from rlgames.settings.evaluation import Evaluation
from rlgames.streams import Purpose, reset_seed


@pytest.fixture(scope="module", autouse=True)
def _set_up() -> None:
    numerics.set_up()


def games(name: str) -> tuple[Any, dict[str, Any]]:
    """A module, and settings in which games differ in length."""
    if name == "breakout":
        chosen = Atari(name="atari", game=name, image_size=36, fire_reset=True, max_steps=200).model_dump()
        return atari, chosen
    kwargs: dict[str, bool | int | float | str] = {"sticky_action_prob": 0.5} if name.startswith("MinAtar") else {}
    return gymnasium, Gymnasium(name="gymnasium", id=name, kwargs=kwargs, max_steps=150).model_dump()


def values(states: np.ndarray, _point: int | None = None) -> np.ndarray:
    """Of two actions, each row by itself."""
    sums = states.reshape(len(states), -1).astype(np.float64).sum(axis=1)
    return np.stack([np.sin(sums), np.cos(sums)], axis=1).astype(np.float32)


def plan(numbers: range, epsilon: float, point: int | None = 0) -> list[Planned]:
    return [Planned(number, point, epsilon) for number in numbers]


@pytest.mark.parametrize("name", ["breakout", "CartPole-v1", "MinAtar/Breakout-v1"])
def test_an_episode_is_the_same_in_any_company(name: str) -> None:
    module, settings = games(name)

    def make(count: int) -> Any:
        return module.Games(settings, count)

    numbers = range(3, 9)
    together = evaluation.play(make, values, plan(numbers, 0.3), 7, lanes=4)  # so that some games play several
    assert len({episode.reset_seed for episode in together}) == len(numbers)
    wider = evaluation.play(make, values, plan(numbers, 0.3), 7, lanes=16)
    for number, episode, other in zip(numbers, together, wider, strict=True):
        (alone,) = evaluation.play(make, values, plan(range(number, number + 1), 0.3), 7)
        for found in (episode, other):
            assert (found.actions, found.ending, found.score) == (alone.actions, alone.ending, alone.score)
            assert found.reset_seed == alone.reset_seed == reset_seed(7, Purpose.EVALUATION, number)
            np.testing.assert_array_equal(found.preferences, alone.preferences)
            np.testing.assert_array_equal(found.rewards, alone.rewards)


class Counted:
    """Games of as many steps as their seeds say; all begin anew, where the last one ends, unless they are told to."""

    lengths: ClassVar[dict[int, int]] = {}

    def __init__(self, count: int) -> None:
        self.left = np.zeros(count, int)

    def reset(self, seeds: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        self.left[slice(None) if mask is None else mask] = [self.lengths.get(seed, 99) for seed in seeds.tolist()]
        return self.left[:, np.newaxis].copy()

    def step(self, actions: np.ndarray) -> Step:
        self.left -= 1
        nothing = np.zeros(len(actions), bool)
        return Step(self.left[:, np.newaxis].copy(), np.ones(len(actions)), self.left == 0, nothing, nothing)


def test_lanes_take_the_next_episode_and_weights_are_asked_for_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = [5, 1, 2, 3, 4, 1, 1]
    seeds = [reset_seed(0, Purpose.EVALUATION, number) for number in range(1, 8)]
    monkeypatch.setattr(Counted, "lengths", dict(zip(seeds, lengths, strict=True)))
    asked: list[tuple[int | None, int]] = []

    def preferences(states: np.ndarray, point: int | None) -> np.ndarray:
        asked.append((point, len(states)))
        return np.zeros((len(states), 2))

    ended: list[None] = []
    episodes = plan(range(1, 6), 0.0, point=0) + plan(range(6, 8), 0.0, point=1)
    played = evaluation.play(Counted, preferences, episodes, 0, lanes=4, ended=lambda: ended.append(None))
    assert [episode.score for episode in played] == [len(episode.actions) for episode in played] == lengths
    assert [len(episode.preferences) for episode in played] == lengths
    assert len(ended) == 7
    # 5 and 3 and 4 play on; after one step the fifth begins, after two the sixth, after three the last
    assert asked == [(0, 4), (0, 4), (0, 3), (1, 1), (0, 2), (1, 1), (0, 2)]


def test_games_that_end_together_begin_the_episodes_that_they_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first game begins its second episode after the second one has begun its own, and both end in one step."""
    lengths = [2, 1, 9, 9, 3, 2, 4, 5]
    seeds = [reset_seed(0, Purpose.EVALUATION, number) for number in range(1, 9)]
    monkeypatch.setattr(Counted, "lengths", dict(zip(seeds, lengths, strict=True)))
    played = evaluation.play(Counted, values, plan(range(1, 9), 0.0), 0, lanes=4)
    assert [len(episode.actions) for episode in played] == lengths


def test_a_policy_is_also_sampled_in_episodes_of_their_own() -> None:
    """Its episodes come after all others, whose seeds stay what they were; there are as many as of its best actions."""
    protocol: dict[str, Any] = {"episodes": 5, "checkpoint_episodes": 2, "epsilon": 0.01}
    *others, sampled = evaluation.parts(protocol, 4, samples=True)
    assert others == evaluation.parts(protocol, 4)
    numbers = [number for part in others for number in part.numbers]
    assert sorted(numbers) == list(range(1, 17))
    assert (sampled.agent, sampled.point, sampled.numbers, sampled.samples) == ("sampled", 3, range(17, 22), True)
    assert Evaluation(**protocol).count(samples=True) - Evaluation(**protocol).count(samples=False) == 5


def test_sampled_actions_have_the_probabilities_of_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A half, a third and a sixth; never one of probability 0."""
    monkeypatch.setattr(Counted, "lengths", {reset_seed(0, Purpose.EVALUATION, 1): 6000})
    policy = np.array([3, 0, 2, 1], np.float32) / 6
    planned = [evaluation.Planned(1, 0, 0.0, samples=True)]
    (played,) = evaluation.play(Counted, lambda states, _: np.tile(policy, (len(states), 1)), planned, 0)
    counts = np.bincount(list(played.actions), minlength=4)
    assert counts[1] == 0
    assert abs(counts - [3000, 0, 2000, 1000]).max() < 150


@pytest.mark.parametrize(
    "agent", [C51(name="c51", network="small"), ActorCritic(name="actor-critic", reward_scale=0.5)]
)
def test_insights_of_a_recorded_episode_are_those_of_its_steps(agent: Any) -> None:
    """Means of distributions are the action values that were recorded before each action; V is in the game's points."""
    from rlgames.networks.building import Network, initialise

    chosen = Atari(name="atari", game="breakout", image_size=36, fire_each_life=True, max_steps=40)
    modules = {role: import_module(name) for role, name in agent.playing_modules(chosen).items()}
    environment, settings = chosen.model_dump(), agent.model_dump(include=agent.playing())
    game = modules["environment"].Games(environment, 1)
    reader = Reader(game.frame, modules["network"].BLOCK)
    network = Network(modules["agent"], modules["network"], reader.shape, game.frame.dtype, len(game.actions), settings)
    initialise(network.variables, np.random.default_rng(0))
    saved = {name: array[np.newaxis] for name, array in network.arrays().items()} | {"steps": np.array([1])}
    player = deep.Player(saved, modules, environment, settings)
    (played,) = evaluation.play(player.games, player.preferences, plan(range(1, 2), 0.5), 0, max_steps=40)
    recording = Recording(
        1, len(played.actions), played.score, played.ending, played.actions, environment, reset_seed=played.reset_seed
    )
    found = list(player.insights(recording))
    assert len(found) == recording.steps + 1
    assert len(set(played.actions)) > 1
    if agent.name == "c51":
        means = [(each["distributions"] * each["returns"]).sum(axis=1) for each in found[:-1]]
        np.testing.assert_allclose(means, played.preferences, atol=1e-4)
    else:
        first = game.reset(np.array([played.reset_seed]))
        np.testing.assert_allclose(found[0]["value"], 2 * network(reader(first)).value[0], rtol=1e-4)


def test_a_network_gives_a_state_the_same_bits_in_any_company() -> None:
    """What the kernels of this processor do with `EVEN` rows is not documented: a fact to be checked."""
    chosen = Atari(name="atari", game="pong", image_size=48)
    import tensorflow as tf

    from rlgames.networks.building import Network, initialise

    for network in ("nature", "compact", "impala", "mbconv"):
        agent = DQN(name="dqn", network=network)
        modules = {role: import_module(name) for role, name in agent.playing_modules(chosen).items()}
        environment, settings = chosen.model_dump(), agent.model_dump()
        frame = modules["environment"].Games(environment, 1).frame
        reader = Reader(frame, modules["network"].BLOCK)
        body = Network(modules["agent"], modules["network"], reader.shape, frame.dtype, 6, settings)
        initialise(body.variables, np.random.default_rng(0))
        kept = [body.arrays(), {name: 2 * array for name, array in body.arrays().items()}]
        saved = {name: np.stack([weights[name] for weights in kept]) for name in kept[0]}
        player = deep.Player(saved | {"steps": np.arange(2)}, modules, environment, settings)
        states = np.random.default_rng(1).integers(0, 256, (40, 4, 48, 48), np.uint8)
        alone = np.concatenate([player.preferences(state[np.newaxis], 0) for state in states])
        for count in (2, 7, 8, 9, 16, 30, 40):
            np.testing.assert_array_equal(player.preferences(states[-count:], 0), alone[-count:])
        np.testing.assert_allclose(body(tf.constant(reader(states))).q_values, alone, atol=1e-4)
        assert np.abs(player.preferences(states, 1) - alone).max() > 0.1  # each point has its weights
