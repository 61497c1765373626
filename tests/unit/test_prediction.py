"""Predicted returns: against the textbook's random walk, hand-computed numbers, and what must not be learned from."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.agents.linear import dense_true_online_sarsa_lambda as dense
from rlgames.agents.linear import sparse_true_online_sarsa_lambda as sparse
from rlgames.encoders import dataset, frames
from rlgames.encoders.prediction import Training
from rlgames.features import pixels, positions, tiled_positions
from rlgames.features.base import FeatureGames, Features
from rlgames.figures import predictions
from rlgames.messages import UserError
from rlgames.networks import numerics
from rlgames.settings import loading as settings
from rlgames.settings.datasets import Dataset
from rlgames.settings.deep_agents import ValueNetwork
from rlgames.settings.environments import Atari
from rlgames.statistics import discounted, prediction_scores

DATASET = Dataset.model_validate({"environment": {"name": "atari", "game": "pong", "image_size": 36}, "size": 100})


class OneHot(Features):
    """The state of a chain, which is the grey level of all pixels, as one feature of five."""

    def __init__(self) -> None:
        super().__init__({}, np.ones(5))

    def describe(self, states: np.ndarray) -> np.ndarray:
        return np.eye(5)[states[:, -1, 0, 0]]

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return newest


class OneTile(OneHot):
    """The same, as the number of the active tile."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 5

    def join(self, newest: np.ndarray, previous: np.ndarray) -> np.ndarray:  # noqa: ARG002
        return newest.argmax(axis=1)[:, np.newaxis]


def walks(path: Path, episodes: int, cut_off: int = 0, side: int = 4) -> frames.Frames:
    """The random walk of the textbook's example 6.2: five states, 1 at the right end. The last episodes are cut off."""
    rng, rows = np.random.default_rng(0), []
    levels = [state if side == 4 else 50 * state for state in range(5)]
    pictures = [frames.encode(np.full((side, side), level, np.uint8)) for level in levels]
    for episode in range(1, episodes + 1):
        state, step, walk = 2, 0, []
        while 0 <= state < 5:
            after = state + (1 if rng.random() < 0.5 else -1)
            walk.append((episode, step, pictures[state], bytes(128), 0, float(after == 5), not 0 <= after < 5))
            state, step = after, step + 1
        rows += walk[:-1] if episode > episodes - cut_off and len(walk) > 1 else walk
    frames.write(rows, path)
    return frames.Frames(path)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> frames.Frames:
    return walks(tmp_path_factory.mktemp("walks") / "frames.parquet", 600)


def linear(found: frames.Frames, agent: Any = sparse, epochs: int = 10, seed: int = 0, **changes: Any) -> Training:
    settings = {"step_size": 0.03, "step_size_end": 0.0005, "discount": 1.0, "trace_decay": 0.9, **changes}
    features = OneTile() if agent is sparse else OneHot()
    return Training({"agent": agent}, found, seed, settings, epochs, features)


def training_of(found: frames.Frames, agent: Any = sparse, **options: Any) -> Training:
    """A linear agent after its training."""
    training: Training = learned(linear(found, agent, **options))
    return training


def learned(training: Any, interrupted_at: int = -1) -> Any:
    """The same, at its end; or its state, after so many advances."""
    training.describe(lambda _: None)
    training.begin()
    while not training.finished:
        if not interrupted_at:
            return training.state()
        interrupted_at -= 1
        assert not training.advance()
    return training


@pytest.mark.parametrize("agent", [sparse, dense])
@pytest.mark.parametrize("trace_decay", [0.0, 0.9, 1.0])
def test_values_of_the_random_walk(found: frames.Frames, agent: Any, trace_decay: float) -> None:
    """Their true values are 1/6 to 5/6; some 420 episodes determine them to a few hundredths."""
    training = training_of(found, agent, trace_decay=trace_decay)
    np.testing.assert_allclose(training.w[0], np.arange(1, 6) / 6, atol=0.07)


def test_values_are_learned_from_episodes_that_are_cut_off_too(tmp_path: Path) -> None:
    """A third of them, before their last step; some of these have a single one left."""
    training = training_of(walks(tmp_path / "frames.parquet", 600, cut_off=200), discount=0.999)
    np.testing.assert_allclose(training.w[0], np.arange(1, 6) / 6, atol=0.1)
    assert set(training.predictions()["episode"]) < set(training.test)  # of those that are cut off, no return is known


def network(found: frames.Frames, epochs: int, seed: int = 0, **changes: Any) -> Any:
    """A value network after its training, on pictures of 36 x 36 pixels."""
    return learned(untrained_network(found, epochs, seed, **changes))


def untrained_network(found: frames.Frames, epochs: int, seed: int = 0, **changes: Any) -> Any:
    numerics.set_up()
    declared = {"name": "value-network", "stack": 2, "step_size": 1e-3, "discount": 0.95, "target_mix": 0.05, **changes}
    agent = ValueNetwork.model_validate(declared)
    modules = {role: import_module(name) for role, name in agent.modules(DATASET.environment).items()}
    return modules["training"].Training(modules, found, seed, agent.model_dump(), epochs)


@pytest.mark.parametrize("share", [0, 0.2, 0.5, 1])
@pytest.mark.parametrize("kind", ["sparse", "dense", "network"])
def test_interrupted_anywhere_it_ends_with_the_same_bits(tmp_path: Path, kind: str, share: float) -> None:
    """At the start, within an epoch, between two, and in the end."""
    found = walks(tmp_path / "frames.parquet", 40, side=36 if kind == "network" else 4)
    make = {
        "sparse": lambda: linear(found, sparse, epochs=2), "dense": lambda: linear(found, dense, epochs=2),
        "network": lambda: untrained_network(found, epochs=2),
    }[kind]  # fmt: skip
    whole = learned(make())
    advances = 2 * len(whole.order)
    state = learned(make(), interrupted_at=int(share * advances)) if share < 1 else whole.state()
    resumed = make()
    resumed.describe(lambda _: None)
    resumed.restore(state, lambda *_: None)
    left = 0
    while not resumed.finished:
        resumed.advance()
        left += 1
    assert left == advances - int(share * advances)
    assert (resumed.steps, resumed.epoch) == (whole.steps, 2)
    assert resumed.steps == resumed.total
    for name, weights in whole.weights().items():
        np.testing.assert_array_equal(resumed.weights()[name], weights)
    assert resumed.predictions().equals(whole.predictions())


def test_values_of_the_random_walk_by_a_network(tmp_path: Path) -> None:
    """States are grey levels; the true values with γ = .95 solve v = P (r + γ v)."""
    training = network(walks(tmp_path / "frames.parquet", 400, side=36), epochs=12)
    steps = np.diag(np.full(4, 0.5), 1) + np.diag(np.full(4, 0.5), -1)
    true = np.linalg.solve(np.eye(5) - 0.95 * steps, [0, 0, 0, 0, 0.5])
    states = training.pictures[..., 0].reshape(len(training.frames), -1)[:, 0] // 50
    late = np.flatnonzero(training.frames.steps > 0)  # before, a frame of the stack is black
    found = [training.values(late[states[late] == state][:200]).mean() for state in range(5)]
    np.testing.assert_allclose(found, true, atol=0.1)
    assert training.steps == training.total
    table = training.predictions()
    assert ((table["value"] - table["return"]) ** 2).mean() < ((table["mean"] - table["return"]) ** 2).mean()


def test_a_value_network_reads_stacks_of_one_episode_and_learns_from_training_steps_only(tmp_path: Path) -> None:
    found = walks(tmp_path / "frames.parquet", 30, side=36, cut_off=10)
    training = network(found, epochs=1, seed=1)
    first = int(training.rows[2][0])
    stacked = training.observations(np.array([first, first + 1]))
    channels = stacked.shape[-1] // 2
    assert not stacked[0, ..., :channels].any()  # before the first step of its episode there is nothing
    np.testing.assert_array_equal(stacked[0, ..., channels:], training.pictures[first])
    np.testing.assert_array_equal(stacked[1, ..., :channels], training.pictures[first])
    assert set(found.episodes[training.transitions]) == set(training.training)
    last = np.array([rows[-1] for rows in training.rows.values()])
    assert found.terminal[np.intersect1d(last, training.transitions)].all()
    again = walks(tmp_path / "again.parquet", 30, side=36, cut_off=10)
    again.rewards = np.where(np.isin(again.episodes, training.test), 7.0, again.rewards).astype(np.float32)
    for name, weights in network(again, epochs=1, seed=1).weights().items():
        np.testing.assert_array_equal(weights, training.weights()[name])


def test_a_data_set_that_fills_no_minibatch_is_refused(tmp_path: Path) -> None:
    found = walks(tmp_path / "frames.parquet", 4, side=36)
    with pytest.raises(UserError, match=r"steps to learn from, which fill no minibatch: lower the agent's batch_size"):
        untrained_network(found, epochs=1, batch_size=4096)


def test_a_training_that_diverged_resumes_as_one(found: frames.Frames) -> None:
    whole = training_of(found, epochs=3, step_size=5.0, step_size_end=None)
    assert whole.diverged
    resumed = linear(found, epochs=3, step_size=5.0, step_size_end=None)
    resumed.describe(lambda _: None)
    resumed.restore(whole.state(), lambda *_: None)
    assert (resumed.finished, resumed.epoch, resumed.steps) == (True, whole.epoch, whole.steps)
    assert resumed.predictions().equals(whole.predictions())


def test_step_size_falls_over_all_epochs(found: frames.Frames) -> None:
    training = training_of(found, epochs=1)
    assert [training.step_size(share) for share in (0.0, 0.5, 1.0)] == pytest.approx([0.03, 0.01525, 0.0005])
    training.settings["step_size_end"] = None
    assert training.step_size(0.5) == 0.03
    assert training.steps == training.total


def test_prediction_sees_what_an_agent_sees_that_plays(tmp_path: Path) -> None:
    game = Atari.model_validate({"name": "atari", "game": "pong", "image_size": 44, "max_steps": 60}).model_dump()
    episode = dataset.random_episode(game, 6, 0, 1)
    frames.write(dataset.rows([episode] * 2), tmp_path / "frames.parquet")
    for features in (
        pixels.Features(game, {"side": 8, "background": 87}),
        positions.Features(game, {}),
        tiled_positions.Features(game, {}),
    ):
        agent = sparse if isinstance(features, tiled_positions.Features) else dense
        settings = {"step_size": 0.01, "step_size_end": None, "discount": 0.5, "trace_decay": 0.9}
        training = Training({"agent": agent}, frames.Frames(tmp_path / "frames.parquet"), 0, settings, 1, features)
        training.describe(lambda _: None)
        games = FeatureGames(features, 1)
        seen = [games.reset(np.array([episode.reset_seed]))[0]]
        seen += [games.step(np.array([action])).observations[0] for action in episode.actions[:-1]]
        assert np.array_equal(training.x(training.rows[1]), np.stack(seen))


def test_without_discount_and_with_one_step_the_first_update_is_the_textbooks(tmp_path: Path) -> None:
    """Two episodes of one step each; of the one for training, the value moves α of the way to the reward."""
    picture = frames.encode(np.full((4, 4), 3, np.uint8))
    frames.write([(number, 0, picture, bytes(128), 0, 1.0, True) for number in (1, 2)], tmp_path / "frames.parquet")
    training = training_of(frames.Frames(tmp_path / "frames.parquet"), epochs=1, step_size=0.25, step_size_end=None)
    assert training.w.tolist() == [[0, 0, 0, 0.25, 0]]
    table = training.predictions()
    assert table[["step", "value", "return", "mean"]].to_numpy().tolist() == [[0, 0.25, 1, 1]]


def test_nothing_is_learned_from_test_episodes(found: frames.Frames, tmp_path: Path) -> None:
    training = training_of(found, epochs=1)
    other = walks(tmp_path / "frames.parquet", 600)
    assert not set(training.test) & set(training.training)
    assert set(training.predictions()["episode"]) == set(training.test)
    other.rewards = np.where(np.isin(other.episodes, training.test), 7.0, other.rewards).astype(np.float32)
    assert np.array_equal(training_of(other, epochs=1).w, training.w)
    assert not np.array_equal(training_of(found, epochs=1, seed=1).w, training.w)  # another order


def test_returns_by_hand() -> None:
    assert discounted(np.array([1.0, 0.0, -2.0]), 0.5).tolist() == [0.5, -1.0, -2.0]
    assert discounted(np.array([1.0, 2.0]), 0.0).tolist() == [1.0, 2.0]


def test_returns_of_an_episode_that_was_cut_off_are_judged_where_they_are_known(tmp_path: Path) -> None:
    """With γ = .1, what follows the last of five steps counts .1 in its return, and .01 in that of the one before."""
    picture = frames.encode(np.zeros((4, 4), np.uint8))
    rows = [(number, step, picture, bytes(128), 0, 1.0, False) for number in (1, 2) for step in range(5)]
    frames.write(rows, tmp_path / "frames.parquet")
    training = training_of(frames.Frames(tmp_path / "frames.parquet"), epochs=1, discount=0.1)
    assert training.predictions()["step"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(training.predictions()["return"], [1.1111, 1.111, 1.11])


def test_episodes_too_short_to_know_a_return_are_refused(tmp_path: Path) -> None:
    picture = frames.encode(np.zeros((4, 4), np.uint8))
    rows = [(number, step, picture, bytes(128), 0, 1.0, False) for number in (1, 2) for step in range(50)]
    frames.write(rows, tmp_path / "frames.parquet")
    with pytest.raises(UserError, match="no return is known"):
        training_of(frames.Frames(tmp_path / "frames.parquet"), discount=0.99)


def test_last_step_of_an_episode_that_was_cut_off_teaches_nothing(tmp_path: Path) -> None:
    picture = frames.encode(np.full((4, 4), 1, np.uint8))
    rows = [(number, step, picture, bytes(128), 0, 5.0 * step, False) for number in (1, 2) for step in range(3)]
    frames.write(rows, tmp_path / "frames.parquet")
    found = frames.Frames(tmp_path / "frames.parquet")
    learned = training_of(found, epochs=1, discount=0.05).w
    found.rewards = np.where(found.steps == 2, 7.0, found.rewards).astype(np.float32)
    assert learned.any()
    assert np.array_equal(training_of(found, epochs=1, discount=0.05).w, learned)


def test_diverged_predictions_are_blank(found: frames.Frames) -> None:
    training = training_of(found, dense, step_size=9.0, step_size_end=None)
    assert training.diverged
    table = training.predictions()
    assert table["value"].isna().all()
    assert table["return"].notna().all()
    table.insert(0, "seed", 0)
    (score,) = prediction_scores(table.assign(experiment="one", variant="default")).to_dict("records")
    assert np.isnan(score["error"])
    assert score["error_of_mean"] > 0


def test_scores_by_hand() -> None:
    table = pd.DataFrame(
        {"experiment": "one", "variant": "default", "seed": 0, "episode": [1, 2], "step": 0, "value": [1.0, 2.0],
         "return": [2.0, 4.0], "mean": 1.0}
    )  # fmt: skip
    (score,) = prediction_scores(table).to_dict("records")
    assert score["test_episodes"] == score["test_moments"] == 2
    assert score["error"] == pytest.approx(((1 + 4) / 2) ** 0.5)
    assert score["error_of_mean"] == pytest.approx(((1 + 9) / 2) ** 0.5)
    assert score["explained"] == pytest.approx(1 - 5 / 10)


def table(curve: str, dataset: str, error: float, seed: int = 0) -> pd.DataFrame:
    """Predictions of two episodes, all as far off as this."""
    returns = np.tile(np.linspace(-1, 1, 50), 2)
    return pd.DataFrame(
        {"experiment": dataset, "variant": curve, "seed": seed, "episode": np.repeat([3, 5], 50), "return": returns,
         "step": np.tile(np.arange(50), 2), "value": returns + error, "mean": 0.0, "curve": curve, "dataset": dataset,
         "discount": 0.99}
    )  # fmt: skip


def test_figure_has_a_panel_for_each_policy_and_a_line_for_each_curve() -> None:
    errors = {("tiles", "random", 0): 0.25, ("tiles", "random", 1): 0.75, ("pixels", "random", 0): 1.0,
              ("pixels", "random", 1): 1.0, ("tiles", "played", 0): 0.5}  # fmt: skip
    found = [table(curve, dataset, error, seed) for (curve, dataset, seed), error in errors.items()]
    figure, numbers = predictions.make({"predictions": pd.concat(found)}, title="Predicted")
    assert numbers[["dataset", "curve", "value"]].to_numpy().tolist() == [
        ["random", "tiles", 0.5], ["random", "pixels", 1.0], ["played", "tiles", 0.5],
    ]  # fmt: skip
    assert numbers["low"].tolist() == [0.25, 1.0, 0.5]
    random, played = (axes for axes in figure.axes if axes.get_xlabel().startswith("Step"))
    assert [line.get_label() for line in random.lines] == ["return that followed", "tiles", "pixels"]
    assert len(played.lines) == 2
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} > {"tiles", "pixels", "return that followed"}
    assert all(np.size(line.get_xdata()) == 50 for line in random.lines)  # of one episode


def test_figure_draws_the_first_seed_of_each_curve_and_names_curves_of_any_panel() -> None:
    found = [table("tiles", "random", 0.5), table("pixels", "random", 0.5, seed=5), table("latents", "played", 0.5)]
    figure, _ = predictions.make({"predictions": pd.concat(found)}, title="Predicted")
    random, _ = (axes for axes in figure.axes if axes.get_xlabel().startswith("Step"))
    assert [line.get_label() for line in random.lines] == ["return that followed", "tiles", "pixels"]
    (legend,) = figure.legends
    assert "latents" in [text.get_text() for text in legend.get_texts()]


def test_figure_of_a_diverged_seed_leaves_it_out() -> None:
    lost = table("tiles", "random", np.nan)
    _, numbers = predictions.make({"predictions": pd.concat([lost, table("pixels", "random", 1.0)])}, title="x")
    assert numbers["value"].isna().tolist() == [True, False]


CONFIG: dict[str, Any] = {
    "results": "results/x",
    "datasets": {
        "pong": {"environment": {"name": "atari", "game": "pong"}, "size": 100},
        "small": {"environment": {"name": "atari", "game": "pong", "image_size": 44}, "size": 100},
        "breakout": {"environment": {"name": "atari", "game": "breakout"}, "size": 100},
    },
    "experiments": {
        "encoder": {
            "environment": {"name": "frames", "dataset": "pong"},
            "agent": {"name": "auto-encoder", "latents": 8},
            "epochs": 2,
            "seeds": 1,
        },
        "values": {
            "environment": {"name": "frames", "dataset": "pong"},
            "agent": {
                "name": "dense-true-online-td-lambda",
                "features": {"name": "latents", "encoder": {"experiment": "encoder"}},
                "step_size": 0.01,
                "trace_decay": 0.9,
            },
            "epochs": 2,
            "seeds": 1,
        },
    },
    "figures": {"values": {"kind": "predictions", "experiments": ["values"], "title": "x", "caption": "x"}},
}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (
            "environment.dataset",
            "pang",
            "values.environment.dataset: there is no data set 'pang'; did you mean 'pong'?",
        ),
        ("environment.dataset", "breakout", "encoder encodes frames of pong, not of breakout"),
        ("environment.dataset", "small", "datasets.small.environment.image_size: encoder encodes frames of 84 x 84"),
        ("environment.judged_on", "small", "values.environment.judged_on: its image_size is 44"),
        ("environment", {"name": "atari", "game": "pong"}, "'dense-true-online-td-lambda' does not play 'atari'"),
        ("agent.discount", 1.0, "agent.discount: must be less than 1"),
        ("agent.features.encoder.experiment", "values", "values/default was trained by dense-true-online-td-lambda"),
        ("agent.name", "sparse-true-online-td-lambda", "features"),
        ("epochs", None, "epochs: dense-true-online-td-lambda needs the number of epochs per run"),
    ],
)
def test_settings_that_cannot_be_run_are_named(place: str, value: object, message: str) -> None:
    config = json.loads(json.dumps(CONFIG))
    *parents, last = place.split(".")
    target = config["experiments"]["values"]
    for parent in parents:
        target = target[parent]
    target[last] = value
    with pytest.raises(settings.SettingsError) as error:
        settings.load(config)
    assert message in str(error.value)


def test_data_sets_of_a_sweep_are_panels_and_no_curves() -> None:
    config = json.loads(json.dumps(CONFIG))
    config["datasets"]["other"] = config["datasets"]["pong"]
    config["experiments"]["values"]["sweep"] = {"environment.dataset": ["pong", "other"]}
    loaded = settings.load(config)
    columns = [loaded.figures["values"].columns("values", each) for each in loaded.experiments["values"].variants]
    assert [each["dataset"] for each in columns] == ["pong", "other"]
    assert {each["curve"] for each in columns} == {"values"}


def test_encoders_and_agents_that_predict_are_no_points_of_one_sweep() -> None:
    config = json.loads(json.dumps(CONFIG))
    config["experiments"]["encoder"]["sweep"] = [
        {"latents": 8, "name": "a"},
        {"agent.name": "sparse-true-online-td-lambda", "features.name": "tiled-positions", "step_size": 0.01,
         "trace_decay": 0.9, "name": "b"},
    ]  # fmt: skip
    del config["experiments"]["encoder"]["agent"]["latents"], config["experiments"]["values"], config["figures"]
    with pytest.raises(settings.SettingsError, match="learn in different ways; give them experiments of their own"):
        settings.load(config)


def test_other_episodes_are_no_judge_of_a_policy() -> None:
    config = json.loads(json.dumps(CONFIG))
    config["datasets"]["other"] = config["datasets"]["pong"]
    config["experiments"]["values"]["environment"]["judged_on"] = "other"
    with pytest.raises(
        settings.SettingsError, match="a policy's values are judged on its own episodes; leave this key out"
    ):
        settings.load(config)


def test_positions_of_a_game_without_known_memory_are_refused() -> None:
    config = json.loads(json.dumps(CONFIG))
    config["experiments"]["values"]["environment"]["dataset"] = "breakout"
    config["experiments"]["values"]["agent"]["features"] = {"name": "positions"}
    with pytest.raises(
        settings.SettingsError,
        match=r"values\.agent\.features\.name: 'positions' can be read from the console's memory",
    ):
        settings.load(config)


def test_returns_of_several_discounts_are_not_drawn_together() -> None:
    config = json.loads(json.dumps(CONFIG))
    assert settings.load(config).experiments["values"].agent_kind.unit == "epochs"
    config["experiments"]["values"]["sweep"] = {"discount": [0.9, 0.99]}
    with pytest.raises(settings.SettingsError, match="different discounts cannot be compared"):
        settings.load(config)
