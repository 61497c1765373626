"""Evaluation: every episode is a function of its seed and number, whoever plays beside it or played before."""

from typing import Any

import numpy as np
import pytest

from rlgames.environments import atari, gymnasium
from rlgames.environments.games import Game, Moment
from rlgames.playing import evaluation
from rlgames.settings.environments import Atari, Gymnasium
from rlgames.streams import Purpose, reset_seed


def games(name: str) -> tuple[Any, dict[str, Any]]:
    """A module, and settings in which games differ in length."""
    if name == "breakout":
        chosen = Atari(name="atari", game=name, image_size=36, fire_reset=True, max_steps=200).model_dump()
        return atari, chosen
    kwargs: dict[str, bool | int | float | str] = {"sticky_action_prob": 0.5} if name.startswith("MinAtar") else {}
    return gymnasium, Gymnasium(name="gymnasium", id=name, kwargs=kwargs, max_steps=150).model_dump()


def values(states: np.ndarray) -> np.ndarray:
    """Of three actions, each row by itself."""
    sums = states.reshape(len(states), -1).astype(np.float64).sum(axis=1)
    return np.stack([np.sin(sums), np.cos(sums), np.sin(2 * sums)], axis=1).astype(np.float32)[:, :2]


@pytest.mark.parametrize("name", ["breakout", "CartPole-v1", "MinAtar/Breakout-v1"])
def test_an_episode_is_the_same_in_new_games_and_in_games_that_have_played(name: str) -> None:
    module, settings = games(name)
    pool: list[Any] = []

    def make() -> Game:
        return Game(module.Games(settings, 1))

    evaluation.play(make, values, range(1, 3), 7, 1.0, pool)  # and these leave their games as they are
    together = evaluation.play(make, values, range(3, 7), 7, 0.3, pool)
    assert len(pool) == 4
    for number, episode in zip(range(3, 7), together, strict=True):
        (alone,) = evaluation.play(make, values, range(number, number + 1), 7, 0.3)
        assert (episode.actions, episode.ending, episode.score) == (alone.actions, alone.ending, alone.score)
        assert episode.reset_seed == alone.reset_seed == reset_seed(7, Purpose.EVALUATION, number)
        np.testing.assert_array_equal(episode.preferences, alone.preferences)
        np.testing.assert_array_equal(episode.rewards, alone.rewards)
    assert len({episode.actions for episode in together}) == 4


class Counted:
    """A game of as many steps as its number."""

    def __init__(self, length: int) -> None:
        self.length, self.steps = length, 0

    def reset(self, seed: int) -> np.ndarray:  # noqa: ARG002 (as games have it)
        return np.zeros(1)

    def step(self, action: int) -> Moment:  # noqa: ARG002
        self.steps += 1
        return Moment(np.full(1, self.steps), 1.0, self.steps == self.length, truncated=False, life_lost=False)


def test_one_forward_pass_a_step_for_those_still_playing() -> None:
    pool: list[Any] = [Counted(length) for length in (3, 1, 2, 3)]
    asked = []

    def preferences(states: np.ndarray) -> np.ndarray:
        asked.append(len(states))
        return np.zeros((len(states), 2))

    played = evaluation.play(lambda: None, preferences, range(1, 5), 0, 0.0, pool)
    assert asked == [4, 3, 2]
    assert [game.steps for game in pool] == [3, 1, 2, 3]  # over is over
    assert [episode.score for episode in played] == [3, 1, 2, 3]
