"""Hints: names as people and other libraries have them; and names of folders."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from ale_py import ALEInterface, roms

from rlgames.environments.atari import Games
from rlgames.environments.atari_ram import Memory
from rlgames.settings.base import leaves
from rlgames.settings.environments import Atari
from rlgames.settings.explanations import unknown_kind
from rlgames.settings.loading import SettingsError, load
from rlgames.settings.names import FOR_TWO, atari_game, atari_games, nearest
from rlgames.settings.spec import Spec
from rlgames.settings.sweeps import SHORT, folder

LINEAR = {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.1}


def config(**changes: Any) -> dict[str, Any]:
    """An experiment on Mountain Car, changed."""
    experiment = {"environment": {"name": "mountain-car"}, "agent": LINEAR, "episodes": 5, "seeds": 3} | changes
    return copy.deepcopy({"results": "results/x", "experiments": {"try": experiment}})


def refusal(whole: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as error:
        load(whole)
    return str(error.value).split("\n", 1)[1]


def test_games_that_ale_does_not_support_are_refused() -> None:
    """ALE itself says what it supports; all others were played once, with each way to begin an episode."""
    for game in atari_games() | FOR_TWO:
        assert bool(ALEInterface.isSupportedROM(str(roms.get_rom_path(game)))) == (game not in FOR_TWO), game
    assert len(atari_games()) == 104
    for game in FOR_TWO:
        assert f"game: {game} takes two players" in refusal(config(environment={"name": "atari", "game": game}))


@pytest.mark.parametrize("game", ["tetris"])
def test_rare_games_can_be_played_and_seen_in_every_way(game: str) -> None:
    """With all actions and FIRE, in colour for videos, and with the console's memory for data sets."""
    settings = Atari(name="atari", game=game, fire_reset=True, actions="full", image_size=36).model_dump()
    games = Games(settings, 1)
    games.reset(np.array([1]))
    assert games.step(np.array([len(games.actions) - 1])).observations.shape == (1, 4, 36, 36)
    assert Games(settings, 1, colour=True).reset(np.array([1])).shape == (1, 1, 210, 160, 3)
    memory = Memory(settings | {"fire_reset": False})
    memory.reset(1)
    assert memory.step(0).state.memory.shape == (128,)


@pytest.mark.parametrize(
    ("typed", "game"),
    [
        ("MsPacman", "ms_pacman"), ("UpNDown", "up_n_down"), ("SPACE_INVADERS", "space_invaders"),
        ("space-invaders", "space_invaders"), ("ALE/Pong-v5", "pong"), ("PongNoFrameskip-v4", "pong"),
        ("Breakout-ramDeterministic-v4", "breakout"), ("Q*bert", "qbert"), ("MontezumaRevenge", "montezuma_revenge"),
        ("pong.bin", "pong"), ("ALE/MsPacman-ram-v5", "ms_pacman"), ("Montezuma's Revenge", "montezuma_revenge"),
        ("ale_py:ALE/Breakout-v5", "breakout"), ("ALE/Pong-v5 ", "pong"),
    ],
)  # fmt: skip
def test_games_as_people_type_them(typed: str, game: str) -> None:
    found = refusal(config(environment={"name": "atari", "game": typed}))
    assert f"there is no game {typed!r}; did you mean {game!r}?" in found
    assert f"name: atari, game: {game}" in refusal(config(environment={"name": typed}))
    gymnasium = refusal(config(environment={"name": "gymnasium", "id": typed}))
    assert f"name: atari, game: {game}" in gymnasium


def test_every_name_that_gymnasium_has_for_atari_means_a_game() -> None:
    import ale_py

    gym.register_envs(ale_py)
    names = [name for name, spec in gym.registry.items() if "ale_py" in str(spec.entry_point)]
    assert len(names) > 100
    wrong = [name for name in names if atari_game(name) not in atari_games() | {None}]
    found = {atari_game(name) for name in names}
    assert not wrong
    assert len(found - {None}) > 60


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("alpha", "step_size"), ("gamma", "discount"), ("learning_rate", "step_size"), ("lr", "step_size"),
        ("eps", "epsilon"), ("γ", "discount"), ("Epsilon", "epsilon"), ("stepsize", "step_size"),
    ],
)  # fmt: skip
def test_the_textbooks_names_are_told_ours(typed: str, ours: str) -> None:
    agent = LINEAR | {typed: 0.1}
    assert f"there is no key '{typed}'; did you mean '{ours}'?" in refusal(config(agent=agent))
    if ours in ("step_size", "epsilon"):
        assert f"there is no setting '{typed}'; did you mean" in refusal(config(sweep=[{typed: 0.1}]))


def test_keys_that_stand_too_high_are_told_their_place() -> None:
    assert "no key 'step_size' here; write step_size under agent" in refusal(config(step_size=0.1))
    assert "no key 'alpha' here; write step_size under agent" in refusal(config(alpha=0.1))
    assert "no key 'max_steps' here; write max_steps under environment" in refusal(config(max_steps=10))
    assert "no key 'tilings' here; write tilings under coding" in refusal(config(agent=LINEAR | {"tilings": 4}))
    assert "no key 'step'; did you mean 'steps'?" in refusal(config(step=4))


def test_schedules_have_epsilons_of_their_own() -> None:
    keys = {"epsilon_start", "epsilon_end", "epsilon_steps", "step_size"}
    assert [nearest(name, keys) for name in ("epsilon", "eps", "eps_end", "exploration_fraction")] == [
        "epsilon_start", "epsilon_start", "epsilon_end", "epsilon_steps",
    ]  # fmt: skip


def test_every_setting_is_the_nearest_to_itself_in_another_dress() -> None:
    keys = {path[-1] for path in leaves(Spec)}
    for key in keys:
        assert nearest(key.upper().replace("_", "-"), keys) == key


def test_what_a_mistake_is_called() -> None:
    assert "there is no kind of figure 'learning_curve'; did you mean 'learning-curves'?" in refusal(
        config() | {"figures": {"exploring": {"kind": "learning_curve"}}}
    )
    for sweep in ([{"agent": {"name": "q-learning"}}], {"agent": ["q-learning"]}):
        assert "'agent' is a group of settings; name one of them, such as agent.name" in refusal(config(sweep=sweep))
    assert "did you mean 'actor-critic'?" in refusal(config(agent={"name": "actor_critic"}))
    assert "did you mean 'actor-critic'?" in refusal(config(agent={"name": "a2c"}))
    assert "choose from: actor-critic, actor-critic-lambda, auto-encoder," in refusal(config(agent={"name": "ppo"}))
    context = {"discriminator": "'name'", "tag": "MyGame-v3", "expected_tags": "'atari', 'gymnasium'"}
    assert unknown_kind(("environment",), context).endswith("write name: gymnasium, id: MyGame-v3")


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("1e3", "'1e3' is text in YAML, not a number; write 1000"), (5.0, "must be a whole number, not 5.0; write 5"),
        ("08", "write 8"), ("1", "put such changes in a second config file"), (None, "is empty"), (True, "integer"),
        (5.5, "integer"), ("x", "integer"), ([1], "write seeds: 1 and first_seed: 1"), (float("inf"), "integer"),
    ],
)  # fmt: skip
def test_numbers_that_are_none_are_told_what_to_write(value: Any, hint: str) -> None:
    line = refusal(config(seeds=value))
    assert line.startswith("  experiments.try.seeds: ")
    assert hint in line


def test_declaration_is_blamed_for_its_own_mistakes_and_a_point_for_its() -> None:
    mistaken = LINEAR | {"epsilonn": 0.1}
    for sweep in ([{"epsilon": 0.1}], [{"agent.name": "sarsa"}, {"agent.name": "q-learning"}]):
        line = refusal(config(agent=mistaken, sweep=sweep))
        assert "experiments.try: agent: there is no key 'epsilonn'" in line
        assert "point" not in line
    line = refusal(config(agent=mistaken, sweep=[{"epsilon": 0.1}, {"epsilon": 0.2}, {"epsilon": 3}]))
    assert "point" not in line  # the first fault ends the list
    nameless = {key: value for key, value in mistaken.items() if key != "name"}
    line = refusal(config(agent=nameless, sweep={"agent.name": ["sarsa", "q-learning"]}))
    assert "experiments.try: agent: there is no key 'epsilonn'" in line
    assert "point" not in line
    assert "point 2 of the sweep: agent.epsilon" in refusal(config(sweep=[{"epsilon": 0.1}, {"epsilon": 2}]))


@pytest.mark.parametrize(
    "sweep",
    [
        [{"epsilon": 0.1}, {"agent.epsilon": 0.10}], [{"epsilon": 0.0}, {"discount": 1.0}],
        {"epsilon": [0.1], "agent.name": ["sarsa"], "coding.tiles": [8, 8]}, [{"name": "a", "epsilon": 0.1}] * 2,
        [{"name": "a", "epsilon": 0.1}, {"name": "b", "epsilon": 0.1}], {"epsilon": [0, 0.0]},
    ],
)  # fmt: skip
def test_points_that_mean_the_same_are_refused(sweep: Any) -> None:
    line = refusal(config(sweep=sweep))
    assert "points 1 and 2 of the sweep" in line
    assert "drop one" in line


def test_folders_that_differ_in_case_only_are_one_on_many_disks() -> None:
    sweep = [{"name": "half", "epsilon": 0.5}, {"name": "Half", "epsilon": 0.6}]
    assert "both write the path Half/" in refusal(config(sweep=sweep))


def test_a_point_may_name_its_folder() -> None:
    sweep = [{"name": "greedy", "epsilon": 0.0}, {"epsilon": 0.1, "label": "ε = .1"}]
    found = load(config(sweep=sweep)).experiments["try"].variants
    assert [(each.name, each.label, each.values) for each in found] == [
        ("greedy", None, {"epsilon": 0.0}), ("epsilon=0.1", "ε = .1", {"epsilon": 0.1}),
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a/b", "..", ".a", "-n", "", "a b", "ε", "a" * 65, 5, None, "x\n"])
def test_a_folder_that_no_path_should_have_is_refused(name: Any) -> None:
    assert "point 1 of the sweep: name: " in refusal(config(sweep=[{"name": name, "epsilon": 0.1}]))


def test_folders_by_values_are_short_and_stable() -> None:
    keys = ("features.name", "encoder.experiment", "encoder.variant", "step_size")
    long = dict(zip(keys, ("latents", "pong-encoder", "latents=32", 0.001), strict=True))
    name = folder(long)
    assert name == "features.name=latents,encoder.experiment=pong-encoder,730acb97"
    assert folder(long | {"step_size": 0.002}) != name
    assert folder({"agent.name": "dqn", "id": "MinAtar/Breakout-v1"}) == "agent.name=dqn,id=MinAtar-Breakout-v1"
    for size, other in pairwise(range(1, 300)):
        one, two = folder({"name": "x" * size}), folder({"name": "x" * other})
        assert one != two
        assert max(len(one.encode()), len(two.encode())) <= SHORT
    assert len(folder({"name": "ε" * 200}).encode()) <= SHORT
