"""The public functions: agents to load, play and export, and results as tables."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import yaml
from gymnasium.utils.env_checker import check_env

import rlgames
from rlgames.agents.linear import actor_critic_lambda, sarsa
from rlgames.api import environments, playing
from rlgames.api.loading import Run, folder_of
from rlgames.environments import atari
from rlgames.features.tile_coding import IndexHashed, active_tiles, make
from rlgames.messages import UserError
from rlgames.provenance import Manifest, checksums
from rlgames.settings.environments import Atari
from rlgames.settings.spec import Spec
from rlgames.training import mountain_car
from rlgames.training.block import Block

SHIPPED = Path(__file__).parents[2] / "trained" / "pong-double-dqn"

POLICY = {
    "policy_step_size": 0.01, "value_step_size": 0.05, "policy_trace_decay": 0.5, "value_trace_decay": 0.5,
}  # fmt: skip


def train(folder: Path, agent: dict[str, Any], module: Any, seeds: range, episodes: int = 3) -> Path:
    """A run on Mountain Car, as the job leaves it."""
    given = {"environment": {"name": "mountain-car", "max_steps": 2000}, "agent": agent, "episodes": episodes}
    spec = Spec.model_validate(given).resolved()
    block = Block(mountain_car, module, spec)
    for seed in seeds:
        block.train(seed)
    folder.mkdir(parents=True)
    files = [folder / name for name in ("weights.npz", "episodes.parquet", "recordings.parquet")]
    experiment, variant = folder.parts[-3:-1]
    block.write({"experiment": experiment, "variant": variant}, *files)
    Manifest(
        experiment=experiment, variant=variant, seeds=f"{seeds.start}-{seeds.stop - 1}", spec=spec, code="", threads=1,
        device="cpu", steps=block.steps(), diverged=[], truncated=0, wall_seconds=1.0, products=checksums(*files),
    ).write(folder / "manifest.json")  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("results") / "runs" / "car"
    tiled = {"name": "tiled", "tiles": 4, "tilings": 4}
    hashed = {"name": "index-hashed", "tiles": 4, "tilings": 4, "size": 60}
    greedy = {"name": "sarsa", "step_size": 0.1, "epsilon": 0.0}
    return {
        "values": train(root / "values" / "seed-3-5", greedy | {"coding": tiled}, sarsa, range(3, 6)),
        "hashed": train(root / "hashed" / "seed-0-1", greedy | {"coding": hashed}, sarsa, range(2)),
        "policy": train(
            root / "policy" / "seed-0-1", {"name": "actor-critic-lambda", "coding": tiled, **POLICY},
            actor_critic_lambda, range(2),
        ),
    }  # fmt: skip


@pytest.fixture(scope="module")
def pong() -> Run:
    return rlgames.load(SHIPPED)


def test_action_values_are_sums_of_active_weights(runs: dict[str, Path]) -> None:
    agent, environment, settings = rlgames.load(runs["values"], seed=4)
    coding = make(*mountain_car.ranges({}), **settings.agent.coding.model_dump())  # type: ignore[union-attr]
    weights = np.load(runs["values"] / "weights.npz")["weights"][1]
    observation, _ = environment.reset(seed=7)
    several = [observation]
    for action in (2, 2, 0, 1):
        observation, *_ = environment.step(action)
        several.append(observation)
        tiles = np.empty(4, np.int64)
        active_tiles(coding, tuple(observation.astype(float).tolist()), tiles)
        sums = [sum(weights[action, tile] for tile in tiles) for action in range(3)]
        np.testing.assert_allclose(agent.values(observation), sums)
        assert agent.act(observation) == np.argmax(sums)
    np.testing.assert_array_equal(agent.values(np.array(several))[-1], agent.values(observation))


def test_tiles_of_an_index_hash_table_keep_their_places(runs: dict[str, Path]) -> None:
    agent, environment, settings = rlgames.load(runs["hashed"], seed=1)
    file = np.load(runs["hashed"] / "weights.npz")
    coding = make(*mountain_car.ranges({}), **settings.agent.coding.model_dump())  # type: ignore[union-attr]
    assert isinstance(coding, IndexHashed)
    coding.places[:] = file["places"][1]
    coding.taken[0] = 60  # none is handed out any more
    observation, _ = environment.reset(seed=0)
    for action in (0, 2, 1):
        tiles = np.empty(4, np.int64)
        active_tiles(coding, tuple(observation.astype(float).tolist()), tiles)
        sums = file["weights"][1][:, tiles].sum(axis=1)
        if (coding.places >= 0).sum() == 60 or (file["places"][1][tiles] >= 0).all():
            np.testing.assert_allclose(agent.values(observation), sums)
        observation, *_ = environment.step(action)


def test_policy_gives_probabilities_and_draws_by_them(runs: dict[str, Path]) -> None:
    agent, environment, _ = rlgames.load(runs["policy"])
    observation, _ = environment.reset(seed=0)
    probabilities = agent.values(observation)
    assert agent.samples
    assert len(probabilities) == 3
    assert probabilities.sum() == pytest.approx(1)
    rng = np.random.default_rng(0)
    drawn = np.bincount([agent.act(observation, rng=rng) for _ in range(4000)], minlength=3) / 4000
    np.testing.assert_allclose(drawn, probabilities, atol=0.03)
    assert agent.act(observation) == probabilities.argmax()


def test_exploring_takes_every_action(runs: dict[str, Path]) -> None:
    agent, environment, _ = rlgames.load(runs["values"])
    observation, _ = environment.reset(seed=0)
    rng = np.random.default_rng(0)
    assert {agent.act(observation, epsilon=1.0, rng=rng) for _ in range(50)} == {0, 1, 2}
    assert {agent.act(observation, epsilon=0.0, rng=rng) for _ in range(50)} == {agent.act(observation)}


def test_episode_that_was_played_can_be_played_again(runs: dict[str, Path]) -> None:
    for run in (runs["values"], SHIPPED):
        episode = rlgames.play(run, render=False, seed=2, steps=120)
        assert episode.rewards is not None
        again = [each.reward for each in episode.replay()][1:]
        np.testing.assert_array_equal(again, episode.rewards)
        assert episode.score == sum(again)
        assert rlgames.play(run, render=False, seed=2, steps=120).actions == episode.actions


def test_shipped_agent_wins_and_is_what_its_manifest_lists() -> None:
    manifest = Manifest.read(SHIPPED / "manifest.json")
    assert manifest.products == checksums(SHIPPED / "weights.npz")
    assert (SHIPPED / "weights.npz").stat().st_size < 1e6
    assert rlgames.play(SHIPPED, render=False).score >= 15


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # what the checker only advises
def test_environments_are_gymnasiums(pong: Run, runs: dict[str, Path]) -> None:
    check_env(pong.environment, skip_render_check=True)
    check_env(rlgames.load(runs["values"]).environment, skip_render_check=True)
    assert pong.environment.render().shape == (210, 160, 3)  # type: ignore[union-attr]


def test_mountain_car_begins_where_training_did(runs: dict[str, Path]) -> None:
    environment = rlgames.load(runs["values"]).environment
    oracle = np.random.Generator(np.random.PCG64(np.random.SeedSequence((5, 0)))).uniform(-0.6, -0.4)
    observation, _ = environment.reset(seed=5)
    assert observation[0] == np.float32(oracle)


def test_observation_of_another_shape_is_refused(pong: Run) -> None:
    with pytest.raises(UserError, match=re.escape("(4, 48, 48)")):
        pong.agent.values(np.zeros((4, 84, 84), np.uint8))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epsilon": 2}, "epsilon is a probability: give a number from 0 to 1, not 2"),
        ({"epsilon": -1}, "from 0 to 1, not -1"),
        ({"epsilon": float("nan")}, "from 0 to 1, not nan"),
        ({"epsilon": "0.1"}, "from 0 to 1, not '0.1'"),
        ({"rng": 3}, r"give rng=numpy\.random\.default_rng\(3\), not 3"),
        ({"rng": np.random}, r"give rng=numpy\.random\.default_rng\(0\), not <module"),
    ],
)
def test_act_refuses_what_does_not_say_how_to_explore(runs: dict[str, Path], given: dict[str, Any], said: str) -> None:
    agent, environment, _ = rlgames.load(runs["values"])
    observation, _ = environment.reset(seed=0)
    with pytest.raises(UserError, match=said):
        agent.act(observation, **given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"steps": 0}, "steps must be a whole number of at least 1, not 0"),
        ({"steps": -1}, "steps must be a whole number of at least 1, not -1"),
        ({"steps": 1.5}, "steps must be a whole number of at least 1, not 1.5"),
        ({"steps": 10**9}, "^steps must be less than or equal to 1000000, not 1000000000"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
        ({"seed": "a"}, "seed must be a whole number of at least 0, not 'a'"),
        ({"video": "x.txt"}, "x.txt: videos are files whose names end in .mp4"),
        ({"agent_seed": 3}, "pong is a game, played at random, without the seed of an agent"),
    ],
)
def test_play_refuses_what_makes_no_episode(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        rlgames.play("pong", render=False, **given)


@pytest.mark.parametrize("name", ["pong", "car", "CartPole-v1", "MinAtar/Breakout-v1"])
def test_environments_refuse_what_they_cannot_do(name: str, runs: dict[str, Path]) -> None:
    """No matter whose game it is: of ours, -1 would be the last action."""
    run = {"pong": SHIPPED, "car": runs["values"]}.get(name)
    found = rlgames.load(run).environment if run else environments.environment(playing.game_settings(name, 10))
    with pytest.raises(UserError, match="render needs an episode: call reset first"):
        found.render()
    with pytest.raises(UserError, match="step needs an episode: call reset first"):
        found.step(0)
    found.reset(seed=0)
    for action in (-1, found.action_space.n, 0.5):  # type: ignore[attr-defined]
        with pytest.raises(UserError, match=rf"step takes the number of an action, from 0 to \d+, not {action}"):
            found.step(action)
    found.step(np.int64(0))


def test_act_takes_one_observation_and_values_any_number(runs: dict[str, Path]) -> None:
    agent, environment, _ = rlgames.load(runs["values"])
    observation, _ = environment.reset(seed=0)
    for number in (1, 2, 3):
        assert agent.values(np.array([observation] * number)).shape == (number, 3)
        with pytest.raises(UserError, match="takes one observation"):
            agent.act(np.array([observation] * number))


class Late(gym.Env):
    """One step, whose reward is the action; actions are 5 and 6."""

    action_space, observation_space = gym.spaces.Discrete(2, start=5), gym.spaces.Box(0, 1, (1,))
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012 (as Gymnasium's own have it)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, **_: Any) -> Any:
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> Any:
        return np.zeros(1, np.float32), float(action), True, False, {}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


def test_actions_are_numbered_from_zero() -> None:
    gym.register("Late-v0", lambda **given: Late(**given))
    try:
        found = environments.environment(playing.game_settings("Late-v0", 10))
        assert found.action_space == gym.spaces.Discrete(2)
        found.reset()
        assert found.step(1)[1] == 6
    finally:
        gym.registry.pop("Late-v0")


def test_a_file_of_a_run_and_its_evaluation_stand_for_it(tmp_path: Path) -> None:
    run = shutil.copytree(SHIPPED, tmp_path / "runs/pong/default/seed-0")
    (run / "evaluation").mkdir()
    shutil.copy(SHIPPED / "manifest.json", run / "evaluation")
    for place in (run / "weights.npz", run / "manifest.json", run / "evaluation", run / "evaluation/manifest.json"):
        assert folder_of(place) == run


def test_runs_that_may_be_meant_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(SHIPPED, tmp_path / "trained/pong-double-dqn")
    facts = json.loads((SHIPPED / "manifest.json").read_text())
    encoder = tmp_path / "results/a/runs/encoder/default/seed-0/manifest.json"
    encoder.parent.mkdir(parents=True)
    encoder.write_text(
        json.dumps(facts | {"spec": {"agent": {"name": "keypoints"}, "environment": {"name": "frames"}}})
    )
    monkeypatch.chdir(tmp_path)
    for place in ("trained", "trained/pong-duoble-dqn", "pong-dqn", "trained/none/here", "/nothing", "../nothing"):
        with pytest.raises(UserError, match="did you mean trained/pong-double-dqn"):
            folder_of(Path(place))
    for place in ("results/a", "results/a/runs/encoder", "results/a/runs/encoder/default"):
        said = (
            f"{place} has no run that plays a game, but of keypoints: give one that does, such as trained/pong-double"
        )
        with pytest.raises(UserError, match=said):
            folder_of(Path(place))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty is not a run: give the folder of a run"):
        folder_of(Path("empty"))
    data = tmp_path / "results/a/datasets/frames"
    data.mkdir(parents=True)
    (data / "manifest.json").write_text(json.dumps(facts | {"spec": {"policy": "random"}}))
    with pytest.raises(UserError, match="is a data set, which plays no game"):
        rlgames.load(data)
    with pytest.raises(UserError, match="but of a data set and keypoints: give one that does"):
        folder_of(Path("results/a"))
    lacking = tmp_path / "lacking"
    lacking.mkdir()
    gymnasium = {"environment": {"name": "gymnasium", "id": "nowhere:Cart-v0"}}
    (lacking / "manifest.json").write_text(json.dumps(facts | {"spec": facts["spec"] | gymnasium}))
    with pytest.raises(UserError, match=r"cannot be played on this machine.*install the package"):
        rlgames.load(lacking)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("CartPole", "CartPole-v1"), ("cartpole", "CartPole-v1"), ("LunarLander", "LunarLander-v3"),
     ("mountaincar", "MountainCar-v0"), ("MinAtar", "MinAtar/Freeway-v1"), ("pnog", "pong")],
)  # fmt: skip
def test_games_of_gymnasium_are_suggested_too(typed: str, meant: str) -> None:
    with pytest.raises(UserError, match=f"there is no game '{typed}'; did you mean '{meant}'"):
        playing.game_settings(typed, 10)


def test_a_game_that_is_not_there_is_answered_without_keys_of_a_config() -> None:
    with pytest.raises(UserError, match=r"^there is no environment 'CartPole-v9'; did you mean 'CartPole-v1'"):
        playing.game_settings("CartPole-v9", 10)


def test_names_of_games_and_folders_are_told_apart() -> None:
    assert not playing.is_run("ALE/Pong")
    assert not playing.is_run("space invaders")
    assert not playing.is_run("MinAtar/Breakout-v1")
    assert playing.is_run("trained/none")
    assert playing.is_run(Path("pong-dqn"))
    with pytest.raises(UserError, match="Blackjack-v1"):  # Gymnasium's card game, not ALE's
        playing.game_settings("Blackjack-v1", 10)
    assert playing.game_settings("blackjack", 10)["game"] == "blackjack"


def test_an_agent_of_a_block_plays_under_its_own_seed(runs: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(playing.gameplay, "pictures", lambda _recording, lines, *_: lines)
    for seed, shown in ((None, "car, seed 3"), (4, "car, seed 4")):
        loaded = rlgames.load(runs["values"], seed=seed)
        recording = playing.episode(loaded, runs["values"], 0, 50)
        assert rlgames.play(runs["values"], render=False, steps=50, agent_seed=seed).actions == recording.actions
        first, *_ = playing.pictures_of(loaded, recording, runs["values"], seed)
        assert first == shown


def test_what_is_no_run_of_an_agent_is_refused(runs: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run: give the folder"):
        rlgames.load(tmp_path)
    with pytest.raises(UserError, match=r"did you mean .*values/seed-3-5"):
        rlgames.load(runs["values"].parent)
    with pytest.raises(UserError, match="seeds 3-5, not 0; choose one of these"):
        rlgames.load(runs["values"], seed=0)
    with pytest.raises(UserError, match="kept at 1 point: give a point from -1 to 0, not 3"):
        rlgames.load(SHIPPED, point=3)
    with pytest.raises(UserError, match="kept at 1 point: give a point from -1 to 0, not 3"):
        rlgames.load(runs["values"], point=3)
    with pytest.raises(UserError, match=r"point must be a whole number, not 1\.5"):
        rlgames.load(SHIPPED, point=1.5)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"\.keras"):
        rlgames.export(SHIPPED, tmp_path / "model.h5")
    with pytest.raises(UserError, match="no network"):
        rlgames.export(runs["values"], tmp_path / "model.keras")
    with pytest.raises(UserError, match="did you mean 'pong'"):
        rlgames.play("pnog")
    facts = json.loads((SHIPPED / "manifest.json").read_text())
    facts["spec"]["agent"]["network"] = "enormous"
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match=r"network.*train the agent again"):
        rlgames.load(tmp_path)
    with pytest.raises(AttributeError, match="no attribute 'lood'"):
        rlgames.lood  # noqa: B018


IN_BARE_KERAS = """
import sys, numpy, keras
for name in sys.argv[1:]:
    found = keras.models.load_model(name + '.keras')(numpy.load(name + '.npy'))
    numpy.savez(name, **{key: value.numpy() for key, value in found.items()})
assert not any(name.startswith('rlgames') for name in sys.modules)
"""


def test_exported_networks_give_the_same_values_in_bare_keras(tmp_path: Path) -> None:
    from rlgames.networks import numerics

    numerics.set_up()
    import tensorflow as tf

    from rlgames.agents.deep import actor_critic, c51, dqn, hl_gauss
    from rlgames.environments.games import Frame
    from rlgames.networks import compact, impala, mbconv, minatar, mlp, nature, small
    from rlgames.networks.building import Network, initialise
    from rlgames.networks.plain import plain
    from rlgames.networks.reader import Reader

    settings = {
        "pixel_centre": 87, "pixel_scale": 64.0, "units": [16, 8], "v_min": -1.0, "v_max": 1.0, "atoms": 11, "bins": 10,
        "smoothing": 0.75,
    }  # fmt: skip
    stacked, layers, numbers = (
        Frame((48, 48), np.uint8, (3, 2, 1, 0)),
        Frame((10, 10, 4), np.uint8),
        Frame((6,), np.float32),
    )
    colours = Frame((48, 48, 3), np.uint8)
    cases = [
        *((body, dqn, stacked) for body in (compact, nature, small, impala, mbconv)),
        *((body, dqn, colours) for body in (compact, impala)),
        *((compact, agent, stacked) for agent in (c51, hl_gauss, actor_critic)),
        (minatar, dqn, layers), (mlp, actor_critic, numbers),
    ]  # fmt: skip
    rng, names, expected = np.random.default_rng(0), [], []
    for number, (body, agent, frame) in enumerate(cases):
        reader = Reader(frame, body.BLOCK)
        network = Network(agent, body, reader.shape, frame.dtype, 3, settings)
        initialise(network.variables, rng)
        shape = (len(frame.offsets), *frame.shape) if len(frame.offsets) > 1 else frame.shape
        seen = rng.normal(size=(5, *shape)) if frame is numbers else rng.integers(0, 256, (5, *shape))
        seen = seen.astype(frame.dtype)
        outputs = network(tf.constant(reader(seen.reshape(5, len(frame.offsets), *frame.shape))))
        expected.append(agent.preferences(outputs).numpy())
        model = plain(network, [tf.constant(each.numpy()) for each in network.variables], reader, shape)
        names.append(str(tmp_path / f"{number}"))
        model.save(f"{names[-1]}.keras")
        np.save(f"{names[-1]}.npy", seen)
    subprocess.run([sys.executable, "-I", "-c", IN_BARE_KERAS, *names], check=True)
    for name, values, (_, agent, _) in zip(names, expected, cases, strict=True):
        found = np.load(f"{name}.npz")
        np.testing.assert_allclose(
            found["policy" if agent is actor_critic else "q_values"], values, atol=1e-5, rtol=1e-5
        )
        assert ("value" in found) == (agent is actor_critic)


def test_pong_is_played_up_and_down() -> None:
    """Its paddle goes up by the action `right`, which the picture shows."""
    import pygame

    settings = Atari(name="atari", game="pong").model_dump()
    environment = environments.environment(settings)
    up = environments.keys(atari.actions(settings))[pygame.K_UP,]
    heights = []
    environment.reset(seed=0)
    for _ in range(4):
        environment.step(up)
        green = (np.asarray(environment.render())[34:194] == (92, 186, 92)).all(axis=-1)
        heights.append(np.argwhere(green).mean(axis=0)[0])
    assert (np.diff(heights) < 0).all()


def test_actions_have_keys() -> None:
    import pygame

    names = ["NOOP", "FIRE", "UPRIGHT", "DOWNLEFTFIRE"]
    assert environments.keys(names) == {
        (pygame.K_SPACE,): 1,
        (pygame.K_UP, pygame.K_RIGHT): 2,
        (pygame.K_DOWN, pygame.K_LEFT, pygame.K_SPACE): 3,
    }
    assert environments.idle(names) == 0
    assert environments.keys(["reverse", "coast", "forward"]) == {
        (pygame.K_LEFT,): 0, (pygame.K_DOWN,): 0, (pygame.K_RIGHT,): 2, (pygame.K_UP,): 2,
    }  # fmt: skip
    assert environments.idle(["reverse", "coast", "forward"]) == 1


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A display that nobody sees."""
    import pygame

    monkeypatch.setenv("SDL_VIDEODRIVER", "offscreen")
    yield pygame
    pygame.quit()


def test_window_shows_pictures_until_escape(screen: Any) -> None:
    shown = []

    def pictures() -> Iterator[np.ndarray]:
        for level in (50, 100, 150):
            shown.append(level)
            if level == 100:
                screen.event.post(screen.event.Event(screen.KEYDOWN, key=screen.K_ESCAPE))
            yield np.full((20, 30, 3), level, np.uint8)

    with playing.display(wanted=True) as window:
        assert window
        window.show(pictures(), rate=100)
        assert screen.display.get_surface().get_size() == (30, 20)
        assert screen.display.get_surface().get_at((3, 3))[:3] == (100, 100, 100)
    assert shown == [50, 100]


def test_a_person_plays_with_the_keyboard(screen: Any, capsys: pytest.CaptureFixture[str]) -> None:
    def hold_a_key_and_leave() -> None:
        while not (screen.display.get_init() and screen.display.get_surface()):
            time.sleep(0.1)
        screen.event.post(screen.event.Event(screen.KEYDOWN, key=screen.K_RIGHT))
        time.sleep(2)
        screen.event.post(screen.event.Event(screen.QUIT))

    person = threading.Thread(target=hold_a_key_and_leave, daemon=True)
    person.start()
    returns = playing.play_by_hand("CartPole-v1", seed=0)
    person.join()
    assert returns
    assert all(1 <= each <= 60 for each in returns)  # always pushed to one side, a pole falls
    assert "right: right" in capsys.readouterr().out


def test_without_a_display_a_video_is_written(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")  # as environments leave it that drew pictures
    monkeypatch.setattr(playing, "sys", SimpleNamespace(platform="linux"))
    monkeypatch.chdir(tmp_path)
    rlgames.play(runs["values"], steps=5)
    (video,) = (tmp_path / "results" / "play").iterdir()
    assert video.stat().st_size > 1000
    assert f"{video.relative_to(tmp_path)} shows the episode" in capsys.readouterr().out
    with pytest.raises(UserError, match="no display"):
        playing.play_by_hand("CartPole-v1")


def test_results_have_a_column_for_each_swept_setting_and_no_seed_twice(tmp_path: Path) -> None:
    config = {
        "results": str(tmp_path / "results"),
        "block_size": 2,
        "experiments": {
            "car": {
                "environment": {"name": "mountain-car", "max_steps": 2000},
                "agent": {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.1},
                "episodes": 3,
                "seeds": 3,
                "sweep": {"epsilon": [0.0, 0.1], "tiles": [2, 4]},
            }
        },
    }
    file = tmp_path / "mine.yaml"
    monkey = json.loads(json.dumps(config)) | {"results": "results"}
    file.write_text(yaml.safe_dump(monkey))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path)
        found = rlgames.results(file)
        with pytest.raises(UserError, match="no results yet: type make CONFIG"):
            found.episodes("car")
        for epsilon in (0.0, 0.1):
            for tiles in (2, 4):
                agent = {
                    "name": "sarsa",
                    "coding": {"name": "tiled", "tiles": tiles},
                    "step_size": 0.1,
                    "epsilon": epsilon,
                }
                root = Path("results/runs/car") / f"epsilon={epsilon},tiles={tiles}"
                for seeds in (range(2), range(2, 3), range(3)):  # the last block is of another block_size
                    train(root / f"seed-{seeds.start}-{seeds.stop - 1}", agent, sarsa, seeds)
        rows = found.episodes("car")
        assert rows.groupby(["epsilon", "tiles", "seed", "episode"]).size().eq(1).all()
        assert len(rows) == 4 * 3 * 3
        assert [path.name for path in found.runs("car")] == ["seed-0-1", "seed-2-2"] * 4
        assert set(rows["epsilon"]) == {0.0, 0.1}
        with pytest.raises(UserError, match="did you mean 'car'"):
            found.episodes("cra")
        with pytest.raises(UserError, match="The agent of car, sarsa, produces no evaluation episodes; it produces"):
            found.evaluations("car")
        with pytest.raises(UserError, match="did you mean 'final-scores'"):
            found.table("final-score")
        with pytest.raises(UserError, match="not made yet: type make"):
            found.table("final-scores")


def test_games_of_gymnasium_are_themselves(tmp_path: Path) -> None:
    settings = playing.game_settings("CartPole-v1", 100)
    found = environments.environment(settings)
    assert isinstance(found.unwrapped, type(gym.make("CartPole-v1").unwrapped))
    episode = rlgames.play("CartPole-v1", steps=100, render=False, video=str(tmp_path / "pole.mp4"))
    assert episode.steps == episode.score
    assert (tmp_path / "pole.mp4").exists()
