"""Data sets: games with a view of their memory, frames and splits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlgames.encoders import dataset, frames
from rlgames.environments.atari import Games
from rlgames.environments.atari_ram import Memory, positions
from rlgames.messages import UserError
from rlgames.playing.recording import Recording
from rlgames.settings import loading as settings
from rlgames.settings.environments import Atari


def environment(game: str = "pong", **changes: Any) -> dict[str, Any]:
    return Atari.model_validate({"name": "atari", "game": game, "image_size": 44, **changes}).model_dump()


@pytest.mark.parametrize("sticky", [0.0, 0.25])
@pytest.mark.parametrize("game", ["pong", "breakout", "space_invaders"])
def test_memory_plays_the_same_episodes_as_the_vector_environment(game: str, sticky: float) -> None:
    chosen = environment(game, sticky=sticky, max_steps=150)
    games, memory = Games(chosen, 1), Memory(chosen)
    rng = np.random.default_rng(0)
    for seed in (3, 4):
        seen, state = games.reset(np.array([seed])), memory.reset(seed).state
        assert np.array_equal(seen[0, -1], state.frame)
        for _ in range(200):
            action = int(rng.integers(len(games.actions)))
            step, moment = games.step(np.array([action])), memory.step(action)
            ends = bool(step.terminated[0]), bool(step.truncated[0])
            assert (moment.reward, moment.terminated, moment.truncated) == (step.rewards[0], *ends)
            if any(ends):
                break
            assert np.array_equal(step.observations[0, -1], moment.state.frame)
        assert any(ends)


def test_positions_are_where_things_are_on_the_screen() -> None:
    """In pixels of the console's screen, where a middle between two pixels is allowed to be half a pixel off."""
    chosen = environment()
    memory = Memory(chosen)
    memory.reset(7)
    rng = np.random.default_rng(0)
    colours = {"ball": (236, 236, 236), "player": (92, 186, 92), "opponent": (213, 130, 74)}
    checked = 0
    for _ in range(300):
        seen = memory.step(int(rng.integers(6))).state
        screen = memory.emulator.getScreenRGB()[34:194]  # without score and frame
        found = positions("pong", seen.memory[None], 210)
        for name, colour in colours.items():
            rows, columns = np.nonzero((screen == colour).all(axis=-1))
            height = np.ptp(rows) + 1 if len(rows) else 0
            if height == {"ball": 4}.get(name, 16):  # not cut off by the edge
                assert abs((rows.min() + rows.max()) / 2 + 34 - found[f"{name}_y"][0]) <= 0.5
                checked += 1
        rows, columns = np.nonzero((screen == colours["ball"]).all(axis=-1))
        if len(rows):
            middle = (columns.min() + columns.max()) / 2
            assert abs(middle - ((found["ball_x"][0] + 0.5) * 160 / 210 - 0.5)) < 1e-9
        assert np.isnan(found["ball_x"][0]) == (seen.memory[54] == 0)
    assert checked > 300
    assert positions("breakout", np.zeros((2, 128), np.uint8), 84) == {}


def test_games_that_begin_with_fire_are_refused() -> None:
    with pytest.raises(ValueError, match="fire_reset"):
        Memory(environment("breakout", fire_reset=True))


def observe(one: Any, arguments: Iterable[Any], size: int, workers: int) -> Iterator[dataset.Observed]:
    """The episodes of a data set of `size` observations, played by so many processes."""
    return dataset.observe(dataset.side_by_side(one, arguments, workers, begin), size)


def begin(_parent: int) -> None:
    """A worker of a test needs no preparation."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dataset.Observed]]:
    """Frames of three short episodes and the beginning of a fourth."""
    chosen = environment(max_steps=60)
    one = partial(dataset.random_episode, chosen, 6, 0)
    episodes = list(observe(one, count(1), 200, 2))
    path = tmp_path_factory.mktemp("frames") / "frames.parquet"
    frames.write(dataset.rows(episodes), path)
    return path, episodes


def test_data_set_has_its_size_and_the_last_episode_is_cut(made: tuple[Path, list[dataset.Observed]]) -> None:
    path, episodes = made
    found = frames.Frames(path)
    assert (len(found), found.size) == (200, 44)
    assert [len(episode.actions) for episode in episodes] == [60, 60, 60, 20]
    assert [episode.ending for episode in episodes] == ["truncated"] * 3 + ["unfinished"]
    assert found.episodes.tolist() == [1] * 60 + [2] * 60 + [3] * 60 + [4] * 20
    assert found.steps.tolist() == [*range(60), *range(60), *range(60), *range(20)]


def recording(reset_seed: int, actions: bytes) -> Recording:
    return Recording(1, len(actions), 0.0, "unfinished", actions, environment(max_steps=60), reset_seed=reset_seed)


def test_data_set_is_the_same_bits_from_its_recordings_and_for_any_number_of_workers(
    made: tuple[Path, list[dataset.Observed]], tmp_path: Path
) -> None:
    path, episodes = made
    recordings = [recording(episode.reset_seed, episode.actions) for episode in episodes]
    for workers in (1, 2):
        again = observe(partial(dataset.recorded_episode, environment(max_steps=60)), recordings, 200, workers)
        frames.write(dataset.rows(again), tmp_path / "again.parquet")
        assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_frames_are_what_the_agent_saw(made: tuple[Path, list[dataset.Observed]]) -> None:
    path, episodes = made
    found, games = frames.Frames(path), Games(environment(max_steps=60), 1)
    seen = [games.reset(np.array([episodes[1].reset_seed]))[0, -1]]
    seen += [games.step(np.array([action])).observations[0, -1] for action in episodes[1].actions[:-1]]
    assert np.array_equal(found.pictures(np.arange(60, 120)), np.array(seen))


def test_recordings_that_are_too_few_end_early() -> None:
    chosen = environment(max_steps=60)
    (only,) = observe(partial(dataset.recorded_episode, chosen), [recording(1, bytes(5))], 10, 1)
    assert len(only.actions) == 5


def note(folder: Path, parent: int) -> None:
    (folder / str(os.getpid())).write_text(str(parent))


def identity(number: int) -> int:
    return number


def test_workers_begin_with_what_they_are_told_and_keep_the_order(tmp_path: Path) -> None:
    """As a training does, a worker ends with its parent, which it has to know for that."""
    one: Any = identity
    found: list[Any] = list(dataset.side_by_side(one, range(20), 2, partial(note, tmp_path)))
    assert found == list(range(20))
    noted = {int(path.name): int(path.read_text()) for path in tmp_path.iterdir()}
    assert set(noted.values()) == {os.getpid()}
    assert os.getpid() not in noted
    assert len(noted) in (1, 2)


@pytest.mark.parametrize(("size", "enough"), [(100, True), (200, False)])
def test_recordings_of_a_trained_agent_have_to_be_enough(tmp_path: Path, size: int, enough: bool) -> None:
    """Of its evaluation episodes only those count that the trained agent played: two of 60 steps."""
    chosen = environment(max_steps=60)
    rows = [
        {"agent": agent, "episode": number, "steps": 60, "return": 0.0, "ending": "truncated", "reset_seed": number,
         "actions": bytes(60), "environment": json.dumps(chosen)}
        for number, agent in enumerate(("trained", "random", "trained", "in training"), start=1)
    ]  # fmt: skip
    pd.DataFrame(rows).to_parquet(tmp_path / "recordings.parquet")
    told: list[int] = []
    spec = {"environment": chosen, "size": size, "seed": 0}
    playing = dataset.Playing(spec, [tmp_path / "recordings.parquet"], told.append)
    played = list(playing.episodes(1, begin))
    assert [len(episode.frames) for episode in played] == [60, 40 if enough else 60]
    assert told == [len(episode.frames) for episode in played]
    assert playing.table("set")["reset_seed"].tolist() == [1, 3]
    if enough:
        playing.check("set")
    else:
        with pytest.raises(UserError, match=r"set: .* has 120 frames, not 200\. Lower the size, or raise evaluation"):
            playing.check("set")


def test_random_split_has_the_sizes_of_the_lesson() -> None:
    training, test = dataset.split(np.repeat(np.arange(40), 1000), "random")
    assert (len(training), len(test)) == (28_000, 12_000)
    assert np.array_equal(np.sort(np.concatenate([training, test])), np.arange(40_000))
    assert np.array_equal(training, dataset.split(np.repeat(np.arange(40), 1000), "random")[0])


def test_split_by_episode_divides_no_episode() -> None:
    episodes = np.repeat(np.arange(10), [5, 50, 7, 8, 9, 10, 11, 12, 13, 14])
    training, test = dataset.split(episodes, "episode")
    assert not set(episodes[training]) & set(episodes[test])
    assert len(set(episodes[test])) == 3
    assert np.array_equal(np.sort(np.concatenate([training, test])), np.arange(len(episodes)))


def test_one_episode_cannot_be_split_by_episode() -> None:
    with pytest.raises(UserError, match="one episode only; raise its size, or split it at random"):
        dataset.split(np.ones(100, int), "episode")
    assert [len(rows) for rows in dataset.split(np.ones(100, int), "random")] == [70, 30]


def test_leaks_count_copies_and_find_the_nearest_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four pictures, the last two for testing: one is a copy, the other differs by 3 in a quarter of its pixels."""
    pictures = np.zeros((4, 8, 8), np.uint8)
    pictures[1] = 200
    pictures[3, :4, :4] = 3
    rows = [(1, step, frames.encode(picture), bytes(128), 0, 0.0, False) for step, picture in enumerate(pictures)]
    frames.write(rows, tmp_path / "frames.parquet")
    monkeypatch.setattr(dataset, "split", lambda *_: (np.array([0, 1]), np.array([2, 3])))
    found = dataset.leaks(frames.Frames(tmp_path / "frames.parquet"), "random")
    assert found == {"training": 2, "test": 2, "copies": 0.5, "nearest": (0 + np.sqrt(9 / 4)) / 2}


def test_rewards_and_ends_are_beside_the_frames_that_they_follow(tmp_path: Path) -> None:
    png = frames.encode(np.zeros((4, 4), np.uint8))
    of: Callable[[str], dataset.Observed] = lambda ending: dataset.Observed(  # noqa: E731
        0, bytes([2, 1, 0]), [0.0, -1.0, 4.0], ending, [png] * 3, [bytes(128)] * 3
    )
    episodes = [of("terminated"), of("truncated"), of("terminated").cut(2), of("terminated").cut(3)]
    frames.write(dataset.rows(episodes), tmp_path / "frames.parquet")
    found = frames.Frames(tmp_path / "frames.parquet")
    assert found.actions.tolist() == [2, 1, 0, 2, 1, 0, 2, 1, 2, 1, 0]
    assert found.rewards.tolist() == [0, -1, 4, 0, -1, 4, 0, -1, 0, -1, 4]
    assert np.flatnonzero(found.terminal).tolist() == [2, 10]


def test_frames_are_written_and_read_a_thousand_at_a_time(tmp_path: Path) -> None:
    rows = (
        (1, step, frames.encode(np.full((4, 4), step % 256, np.uint8)), bytes(128), step % 3, 0.0, False)
        for step in range(2500)
    )
    frames.write(rows, tmp_path / "frames.parquet")
    found = frames.Frames(tmp_path / "frames.parquet")
    assert found.pictures(np.array([0, 1001, 2499]))[:, 0, 0].tolist() == [0, 1001 % 256, 2499 % 256]
    assert found.memories(np.array([5, 6])).shape == (2, 128)
    assert found.actions[:4].tolist() == [0, 1, 2, 0]
    assert [len(part) for part in frames.parts(np.arange(2500))] == [1000, 1000, 500]


@pytest.mark.parametrize("damage", ["cut", "other", "missing"])
def test_a_file_without_frames_is_refused(
    made: tuple[Path, list[dataset.Observed]], tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "frames.parquet"
    if damage == "cut":
        path.write_bytes(made[0].read_bytes()[:-100])
    elif damage == "other":
        pd.DataFrame({"episode": [1]}).to_parquet(path)
    with pytest.raises(UserError, match=r"frames\.parquet"):
        frames.Frames(path)


CONFIG: dict[str, Any] = {
    "results": "results/x",
    "datasets": {"pong": {"environment": {"name": "atari", "game": "pong"}, "size": 100}},
    "experiments": {
        "encoder": {
            "environment": {"name": "frames", "dataset": "pong"},
            "agent": {"name": "auto-encoder", "latents": 8},
            "epochs": 2,
            "seeds": 1,
        },
        "played": {
            "environment": {"name": "atari", "game": "pong", "sticky": 0.25},
            "agent": {"name": "dqn"},
            "steps": 6000,
            "seeds": 1,
        },
    },
}


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("experiments.encoder.agent.latents", 0, "agent.latents: must be greater than or equal to 1, not 0"),
        ("experiments.encoder.environment.dataset", "pang", "there is no data set 'pang'; did you mean 'pong'?"),
        ("experiments.encoder.environment", {"name": "atari", "game": "pong"}, "'auto-encoder' does not play 'atari'"),
        ("experiments.encoder.epochs", None, "epochs: auto-encoder needs the number of epochs per run; add this key"),
        ("datasets.pong.environment.game", "pang", "there is no game 'pang'; did you mean 'pong'?"),
        ("datasets.pong.environment.fire_reset", True, "fire_reset: the console's memory cannot be read"),
        ("datasets.pong.policy", {"experiment": "plaid"}, "datasets.pong.policy.experiment: there is no experiment"),
        ("datasets.pong.policy", {"experiment": "encoder"}, "encoder learns in epochs; name one that learns in steps"),
        ("datasets.pong.policy", {"experiment": "played", "seed": 3}, "played has the seeds 0 to 0, not 3"),
        ("datasets.pong.policy", {"experiment": "played"}, "sticky: played was trained with 0.25, not 0.0"),
        (
            "videos",
            {"encoder": {"seed": 0, "caption": "x"}},
            "videos.encoder: auto-encoder plays no game; drop this video",
        ),
    ],
)
def test_settings_that_cannot_be_run_are_named(place: str, value: object, message: str) -> None:
    config = json.loads(json.dumps(CONFIG))
    *parents, last = place.split(".")
    target = config
    for parent in parents:
        target = target[parent]
    target[last] = value
    with pytest.raises(settings.SettingsError) as error:
        settings.load(config)
    assert message in str(error.value)


def test_these_settings_can_be_run() -> None:
    assert settings.load(json.loads(json.dumps(CONFIG))).experiments["encoder"].agent_kind.unit == "epochs"
