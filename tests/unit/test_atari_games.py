"""Atari against Gymnasium's own preprocessing, and episodes as functions of their seed and actions."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation
from hypothesis import given
from hypothesis import strategies as st

from rlgames.agents.deep.replay import CONTINUES, TERMINATED, TRUNCATED
from rlgames.environments.atari import Games, replay
from rlgames.environments.games import Step
from rlgames.networks.space_to_depth import space_to_depth
from rlgames.playing import evaluation
from rlgames.playing.evaluation import Planned
from rlgames.playing.recording import Recording
from rlgames.settings.environments import Atari
from rlgames.training import off_policy
from rlgames.training.episodes import GameTraining

GAMES = {"pong": "Pong", "breakout": "Breakout", "space_invaders": "SpaceInvaders"}


def settings(game: str = "pong", **changes: Any) -> dict[str, Any]:
    return Atari.model_validate({"name": "atari", "game": game, **changes}).model_dump()


@pytest.mark.parametrize("game", GAMES)
def test_pixels_and_rewards_are_those_of_gymnasium(game: str) -> None:
    """Without sticky actions these games have no randomness but the no-ops, of which one is made here and there."""
    import ale_py

    gym.register_envs(ale_py)
    plain = gym.make(f"ALE/{GAMES[game]}-v5", frameskip=1, repeat_action_probability=0.0)
    theirs = FrameStackObservation(
        AtariPreprocessing(plain, noop_max=0, frame_skip=4, screen_size=84), 4, padding_type="zero"
    )
    ours = Games(settings(game, noop_max=0), 1)
    observation, _ = theirs.reset(seed=0)
    seen = ours.reset(np.array([0]))
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(400):
        assert np.abs(seen[0].astype(int) - observation).max() <= 2
        action = int(rng.integers(len(ours.actions)))
        observation, reward, terminated, truncated, _ = theirs.step(action)
        step = ours.step(np.array([action]))
        seen, total = step.observations, total + abs(float(reward))
        assert (step.rewards[0], step.terminated[0], step.truncated[0]) == (reward, terminated, truncated)
        if terminated:
            break
    assert total > 0
    theirs.close()


def play(game: str, sticky: float) -> tuple[dict[str, Any], str]:
    """An episode in the middle one of three games, after another one: its recording, and a checksum of its pictures."""
    environment = settings(game, sticky=sticky, max_steps=120)
    games = Games(environment, 3, threads=2)
    rng = np.random.default_rng(0)
    games.reset(np.array([1, 2, 3]))
    for _ in range(50):
        games.step(rng.integers(0, len(games.actions), 3))
    observations = games.reset(np.array([77]), np.array([False, True, False]))
    found, actions, score = hashlib.sha256(observations[1].tobytes()), bytearray(), 0.0
    for _ in range(120):
        action = rng.integers(0, len(games.actions), 3)
        step = games.step(action)
        found.update(step.observations[1].tobytes() + step.rewards[1].tobytes())
        actions.append(action[1])
        score += step.rewards[1]
        if step.terminated[1]:
            break
    row = {"episode": 1, "steps": len(actions), "return": score, "ending": "unfinished", "reset_seed": 77,
           "actions": bytes(actions), "environment": json.dumps(environment)}  # fmt: skip
    return row, found.hexdigest()


ELSEWHERE = """
import hashlib, json, sys
import numpy as np
from rlgames.playing.recording import Recording
row = json.load(sys.stdin)
recording = Recording.of(row | {"actions": bytes(row["actions"])})
found = hashlib.sha256()
for number, (reward, _, picture) in enumerate(recording.replay()):
    found.update(picture.tobytes() + (np.float64(reward).tobytes() if number else b""))
print(found.hexdigest())
"""


@pytest.mark.parametrize("sticky", [0.0, 0.25])
@pytest.mark.parametrize("game", GAMES)
def test_replay_elsewhere_gives_the_same_observations(game: str, sticky: float) -> None:
    row, found = play(game, sticky)
    text = json.dumps(row | {"actions": list(row["actions"])})
    run = subprocess.run([sys.executable, "-c", ELSEWHERE], input=text, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == found
    steps = list(Recording.of(row).replay(render=True))
    assert sum(step.reward for step in steps) == row["return"]
    pictures = [np.asarray(step.picture) for step in steps]
    assert {(picture.shape, picture.dtype.name) for picture in pictures} == {((210, 160, 3), "uint8")}


def test_threads_change_nothing() -> None:
    seen = []
    for threads in (1, 4):
        games, rng = Games(settings("breakout"), 4, threads=threads), np.random.default_rng(0)
        found = hashlib.sha256(games.reset(np.arange(4)).tobytes())
        for _ in range(100):
            found.update(games.step(rng.integers(0, 4, 4)).observations.tobytes())
        seen.append(found.hexdigest())
    assert seen[0] == seen[1]


def test_a_reset_by_mask_leaves_the_other_games_alone() -> None:
    games = Games(settings("breakout"), 2)
    games.reset(np.array([1, 2]))
    before = games.step(np.array([1, 1])).observations
    after = games.reset(np.array([9]), np.array([True, False]))
    np.testing.assert_array_equal(after[1], before[1])
    assert not np.array_equal(after[0], before[0])
    assert not after[0, :3].any()  # a young stack is filled with zeros


def test_life_that_is_lost_in_the_step_of_the_cut_is_told() -> None:
    """For learning, a lost life ends the game: what was cut off must not bootstrap from what follows it."""
    chosen = {"fire_reset": True, "noop_max": 0}
    games, rng = Games(settings("breakout", **chosen), 1), np.random.default_rng(0)
    games.reset(np.array([3]))
    actions: list[Any] = []
    lost = False
    while not lost:
        actions.append(rng.integers(0, 4, 1))
        lost = bool(games.step(actions[-1]).life_lost[0])
    games = Games(settings("breakout", max_steps=len(actions), **chosen), 1)
    games.reset(np.array([3]))
    ends = [games.step(action) for action in actions]
    assert [bool(each.truncated[0]) for each in ends] == [False] * (len(actions) - 1) + [True]
    assert ends[-1].life_lost[0]
    assert not ends[-1].terminated[0]


@given(st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.sampled_from([-1.0, 0.0, 2.0]))
def test_what_happens_together_in_one_step_is_told_apart(
    over: bool, cut: bool, lost: bool, counts_life: bool, counts_reward: bool, reward: float
) -> None:
    """The end of the game, or what counts as one, comes before the cut: nothing is bootstrapped from after it."""
    environment = {"life_loss_terminal": counts_life, "reward_terminal": counts_reward}
    training: Any = SimpleNamespace(environment=environment)
    training.terminal = partial(GameTraining.terminal, training)
    one: Any = Step(np.zeros((1, 1, 2)), *(np.array([fact]) for fact in (reward, over, cut, lost)))
    ends = over or (lost and counts_life) or (reward != 0 and counts_reward)
    (follows,) = off_policy.Training.follows(training, one).tolist()
    assert follows == (TERMINATED if ends else TRUNCATED if cut else CONTINUES)


def test_an_episode_is_cut_off_at_its_longest() -> None:
    games = Games(settings(max_steps=30), 2)
    games.reset(np.array([1, 2]))
    ends = [games.step(np.zeros(2, int)).truncated.tolist() for _ in range(30)]
    assert ends == [[False, False]] * 29 + [[True, True]]


def test_lost_lives_are_flagged_and_the_end_is_not_one() -> None:
    games = Games(settings("breakout", fire_reset=True), 1)
    games.reset(np.array([3]))
    lost, rng = 0, np.random.default_rng(0)
    for _ in range(2000):
        step = games.step(rng.integers(0, 4, 1))
        lost += int(step.life_lost[0])
        if step.terminated[0]:
            assert not step.life_lost[0]
            break
    assert lost == 4  # of five


def test_a_game_that_waits_for_fire_goes_on_with_each_life() -> None:
    """An agent that never fires loses all five lives of Breakout; without the setting its game never begins. In other
    games nothing is pressed that is not there."""
    for fires, steps in ((True, 400), (False, 1000)):
        games = Games(settings("breakout", fire_each_life=fires), 2)
        games.reset(np.array([1, 2]))
        over = np.zeros(2, bool)
        for number in range(steps):
            step = games.step(np.array([0, 0]))
            over |= step.terminated
            if number == 100:  # one of them begins anew, and serves again
                games.reset(np.array([3]), np.array([True, False]))
                over[0] = False
        assert over.tolist() == [fires, fires]
    chosen = settings("breakout", fire_each_life=True, noop_max=5)
    games, rng = Games(chosen, 1), np.random.default_rng(0)
    games.reset(np.array([7]))
    actions = rng.integers(0, 4, 300).tolist()
    rewards = [float(games.step(np.array([action])).rewards[0]) for action in actions]
    recording = Recording(1, 300, sum(rewards), "unfinished", bytes(actions), chosen, reset_seed=7)
    assert [step.reward for step in recording.replay()][1:] == rewards  # lives are served in the same steps
    freeway, plain = (Games(settings("freeway", fire_each_life=fires), 1) for fires in (True, False))
    freeway.reset(np.array([1]))
    plain.reset(np.array([1]))
    for _ in range(20):
        one, other = (games.step(np.array([1])).observations for games in (freeway, plain))
        np.testing.assert_array_equal(one, other)


def test_actions_stack_selection_and_raw_rewards() -> None:
    assert Games(settings(actions="three"), 1).actions == ["NOOP", "RIGHT", "LEFT"]
    assert len(Games(settings(), 1).actions) == 6
    assert len(Games(settings(actions="full"), 1).actions) == 18
    whole, ends = (Games(settings(stack=3, stack_select=select), 1) for select in ("all", "first-last"))
    whole.reset(np.array([5]))
    ends.reset(np.array([5]))
    for _ in range(5):
        seen, selected = (games.step(np.array([2])).observations for games in (whole, ends))
    np.testing.assert_array_equal(selected, seen[:, [0, 2]])
    invaders = Games(settings("space_invaders"), 1)
    invaders.reset(np.array([0]))
    assert max(invaders.step(np.array([1])).rewards[0] for _ in range(200)) >= 5


def test_evaluation_episode_is_the_same_in_any_company() -> None:
    """ε-greedy, each with random actions of its own, and what was recorded leads to what was published."""
    environment = settings(max_steps=60)

    def values(pictures: np.ndarray, _point: int | None) -> np.ndarray:
        cut = space_to_depth(pictures, 4)
        return cut.reshape(len(pictures), 6, -1).mean(axis=2, dtype=np.float64).astype(np.float32)

    def make(count: int) -> Games:
        return Games(environment, count)

    together = evaluation.play(make, values, [Planned(number, 0, 0.5) for number in range(3, 6)], seed=1)
    (alone,) = evaluation.play(make, values, [Planned(4, 0, 0.5)], seed=1)
    assert together[1].actions == alone.actions
    np.testing.assert_array_equal(together[1].preferences, alone.preferences)
    assert len({episode.reset_seed for episode in together}) == 3
    assert [episode.ending for episode in together] == ["truncated"] * 3
    greedy = np.concatenate([episode.preferences.argmax(axis=1) == list(episode.actions) for episode in together])
    assert 0.4 < greedy.mean() < 0.8  # 1/2 + 1/2 * 1/6 of 180
    (greedily,) = evaluation.play(make, values, [Planned(4, 0, 0.0)], seed=1)
    assert bytes(greedily.preferences.argmax(axis=1).tolist()) == greedily.actions
    recording = Recording(4, 60, 0.0, "truncated", alone.actions, environment, reset_seed=alone.reset_seed)
    assert [step.reward for step in replay(recording)][1:] == alone.rewards.tolist()
