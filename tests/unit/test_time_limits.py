"""A limit of steps that belongs to the environment is no trouble; a cap of ours is, where nobody asked for it."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest

from rlgames.agents.linear import true_online_sarsa_lambda
from rlgames.agents.linear.core import ENDINGS
from rlgames.environments.gymnasium import Games
from rlgames.features.tile_coding import tiled
from rlgames.figures import learning_curves
from rlgames.plan import words
from rlgames.plan.plan import Plan
from rlgames.playing import evaluation
from rlgames.provenance import Manifest
from rlgames.settings.environments import Gymnasium
from rlgames.surroundings import note_surroundings
from rlgames.training import gymnasium
from rlgames.training.episodes import Episode, GameTraining


class Hasty(gym.Env[np.ndarray, Any]):
    """Ends its episodes by itself after five steps, as some environments do, and says so with `truncated`."""

    observation_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space: Any = gym.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, **_: Any) -> tuple[np.ndarray, dict[str, Any]]:
        self.steps = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:  # noqa: ARG002
        self.steps += 1
        return np.zeros(2, np.float32), -1.0, False, self.steps == 5, {}


gym.register("Hasty-v0", f"{__name__}:Hasty")

CASES = [
    ("MountainCar-v0", None, "time limit"),  # its own 200
    ("MountainCar-v0", 200, "time limit"),  # said as well
    ("MountainCar-v0", 30, "truncated"),
    ("MountainCar-v0", 250, "truncated"),
    ("MinAtar/Freeway-v1", 40, "truncated"),
    ("Hasty-v0", 50, "time limit"),
    ("Hasty-v0", 5, "truncated"),
]


def settings(name: str, max_steps: int | None) -> dict[str, Any]:
    return Gymnasium(name="gymnasium", id=name, max_steps=max_steps).model_dump()


def coast(states: np.ndarray, _point: int | None) -> np.ndarray:
    """The car never gets out of its valley so."""
    return np.tile([0.0, 1.0], (len(states), 1))


@pytest.mark.parametrize(("name", "max_steps", "ending"), CASES)
def test_evaluation_tells_them_apart(name: str, max_steps: int | None, ending: str) -> None:
    chosen = settings(name, max_steps)
    plan = [evaluation.Planned(number, 0, 0.0) for number in (1, 2)]
    played = evaluation.play(lambda count: Games(chosen, count), coast, plan, 0, max_steps=chosen["max_steps"])
    assert [episode.ending for episode in played] == [ending] * 2


@pytest.mark.parametrize(("name", "max_steps", "ending"), [case for case in CASES if "MinAtar" not in case[0]])
def test_linear_agents_tell_them_apart(name: str, max_steps: int | None, ending: str) -> None:
    chosen = settings(name, max_steps)
    coding = tiled((-1.2, -0.07), (0.6, 0.07), 1, 1)
    learned = gymnasium.train(
        true_online_sarsa_lambda, 0, coding, chosen, episodes=2, epsilon=1.0, step_size=0.1, discount=1.0,
        trace_decay=0.0,
    )  # fmt: skip
    assert [ENDINGS[each] for each in learned.endings] == [ending] * 2


@pytest.mark.parametrize(("name", "max_steps", "ending"), CASES)
def test_trainings_that_learn_step_by_step_tell_them_apart(name: str, max_steps: int | None, ending: str) -> None:
    chosen = settings(name, max_steps)
    training: Any = object.__new__(type("Stub", (GameTraining,), dict.fromkeys(GameTraining.__abstractmethods__)))
    training.games, training.environment, training.steps, training.seed = Games(chosen, 1), chosen, 0, 0
    length = 5 if name == "Hasty-v0" else chosen["max_steps"]
    training.episodes, training.ended = [Episode(1, 0, 7, actions=bytearray(length))], []
    training.running = training.episodes[:]
    training.next_episode(0, terminated=False)
    assert training.ended[0].ending == ending
    training.next_episode(0, terminated=True)
    assert training.ended[1].ending == "terminated"


def test_figures_mark_only_caps() -> None:
    rows = [
        {"curve": ending, "seed": 0, "episode": episode, "steps": 500, "return": 500.0, "ending": ending}
        for ending in ("time limit", "truncated") for episode in (1, 2, 3)
    ]  # fmt: skip
    figure, numbers = learning_curves.make({"episodes": pd.DataFrame(rows)}, title="T", quantities=["return"])
    above: Any
    above, *panels = figure.axes
    legend = [text.get_text() for text in above.get_legend().get_texts()]
    assert legend == ["time limit", "truncated (3 episodes truncated ▲)"]
    assert [sum(line.get_marker() == "^" for line in panel.lines) for panel in panels] == [0, 1]
    assert numbers.groupby("curve")["truncated"].sum().to_dict() == {"time limit": 0, "truncated": 3}


def test_caps_that_the_config_gives_are_one_notice_for_all_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    agent = {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.1}
    common = {"agent": agent, "episodes": 1, "seeds": 1}
    plan = Plan(
        {
            "results": "results/x",
            "experiments": {
                "default": common | {"environment": {"name": "mountain-car"}},
                "declared": common | {"environment": {"name": "mountain-car", "max_steps": 428}},
                "swept": common | {"environment": {"name": "mountain-car"}, "sweep": {"max_steps": [30, 40]}},
            },
            "figures": {},
        }
    )
    for run in plan.runs():
        write_manifest(plan, run, truncated=7)
    surprise, expected = map(str, words.notices(plan))  # one for all that the config asked for
    assert surprise == "Truncated: default/default, seeds 0-0: 7 episodes cut off after max_steps."
    assert expected.startswith("Truncated: declared/default, seeds 0-0: 7 episodes cut off after the max_steps that")
    assert "2 other runs" in expected
    Path(plan.path("manifest", **plan.runs(["swept"])[0])).unlink()
    assert "(as in 1 other run)" in str(words.notices(plan)[-1])


def write_manifest(plan: Plan, run: Any, **facts: Any) -> None:
    """The manifest of a run that is done."""
    path = Path(plan.path("manifest", **run))
    path.parent.mkdir(parents=True)
    facts = {"diverged": [], "code": "x", "threads": 1, "device": "cpu", "steps": 1, **facts}
    Manifest(**run, **facts, spec={}, wall_seconds=1.0, products={}).write(path)


def test_many_runs_of_an_experiment_are_one_notice_of_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    agent = {"name": "sarsa", "coding": {"name": "tiled"}}
    common = {"environment": {"name": "mountain-car"}, "agent": agent, "episodes": 9, "seeds": 4}
    swept = common | {"sweep": {"step_size": [0.1, 0.2, 0.3]}}
    plan = Plan(
        {"results": "results/x", "block_size": 2, "experiments": {"swept": swept, "other": swept}, "figures": {}}
    )
    for run in plan.runs(["swept"]):
        seed, lost = int(run["seeds"].split("-")[0]), run["variant"] != "step_size=0.1"
        write_manifest(plan, run, truncated=3, diverged=[{"seed": seed, "episode": 5}] if lost else [])
    diverged, truncated = words.notices(plan)
    assert diverged.text.startswith("Diverged: experiment swept, 2 variants. A weight grew")
    assert diverged.runs[0] == "step_size=0.2: seed 0 in episode 5, seed 2 in episode 5"  # of both its blocks
    assert truncated.text == "Truncated: swept, 6 runs with episodes cut off after max_steps."
    assert truncated.runs[0] == "step_size=0.1, seeds 0-1: 3 episodes cut off"
    assert str(diverged).splitlines()[1] == f"  {diverged.runs[0]}"
    for run in plan.runs(["other"]):
        write_manifest(plan, run, truncated=0, surroundings=note_surroundings() | {"lock": "another"})
    of_lock = words.notices(plan)[-1]
    assert of_lock.text.startswith("Made under another lock: other, 6 runs. They are kept")
    assert len(of_lock.runs) == 6
