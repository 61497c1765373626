"""Atari's part of the workflow, end to end and tiny: deep agents, and a linear one over pixels."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import ROOT, Sandbox, loaded_by
from rlgames.files import write_episodes
from rlgames.plan import audit
from rlgames.plan.plan import Plan
from rlgames.playing import audit as playing

Config = dict[str, Any]

MAX_STEPS, STEPS = 90, 600


@pytest.fixture(scope="module")
def built(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tiny config, built once with every Python process traced; tests that follow leave it as it is."""
    figure = {"experiments": ["pong"], "title": "Pong", "caption": "Untrained."}
    config: Config = {
        "results": "results/deep",
        "evaluation": {"episodes": 3, "checkpoint_episodes": 1},
        "experiments": {
            "pong": {
                "environment": {"name": "atari", "game": "pong", "actions": "three", "max_steps": MAX_STEPS},
                "agent": {"name": "dqn", "network": "small", "warm_up": 400, "capacity": 1000, "games": 2},
                "steps": STEPS,
                "seeds": 1,
                "sweep": [{"agent.name": "dqn", "label": "DQN"}],
            },
            "from-weights": {
                "environment": {"name": "atari", "game": "pong", "actions": "three", "max_steps": MAX_STEPS},
                "agent": {
                    "name": "double-dqn",
                    "network": "small",
                    "warm_up": 400,
                    "capacity": 1000,
                    "initial_weights": "results/deep/runs/pong/agent.name=dqn/seed-{seed}/weights.npz",
                },
                "steps": 420,
                "seeds": 1,
                "sweep": [{"target_every": 200, "label": "Double"}],
            },
            "linear": {
                "environment": {"name": "atari", "game": "pong", "actions": "three", "max_steps": MAX_STEPS},
                "agent": {
                    "name": "dense-true-online-sarsa-lambda",
                    "features": {"name": "pixels", "background": 87},
                    "step_size": 0.01,
                    "trace_decay": 0.8,
                },
                "steps": 300,
                "seeds": 1,
            },
        },
        "figures": {
            "returns": {**figure, "kind": "returns", "experiments": ["pong", "from-weights", "linear"]},
            "value-estimates": {**figure, "kind": "value-estimates"},
            "observations": {**figure, "kind": "observations", "step": 20},
        },
        "videos": {"linear": {"seed": 0, "caption": "Untrained."}},
    }
    folder = tmp_path_factory.mktemp("traces")
    sandbox.build(config, cores=2, TRACE_MODULES=str(folder))
    config["traces"] = folder
    return config


@pytest.fixture
def config(built: Config) -> Config:
    return {key: copy.deepcopy(value) for key, value in built.items() if key != "traces"}


def test_all_products_are_there(sandbox: Sandbox, config: Config) -> None:
    results = sandbox.folder / config["results"]
    run = results / "runs/pong/agent.name=dqn/seed-0"
    assert {path.name for path in run.iterdir()} == {
        "weights.npz",
        "episodes.parquet",
        "recordings.parquet",
        "manifest.json",
        "evaluation",
    }
    with np.load(run / "weights.npz", allow_pickle=False) as weights:
        assert weights["steps"].tolist() == list(range(60, STEPS + 1, 60))
        assert weights["weight_0"].shape == (10, 2, 2, 64, 16)
    episodes = pd.read_parquet(run / "episodes.parquet")
    assert episodes["steps"].sum() == STEPS
    assert set(episodes[episodes["steps"] == MAX_STEPS]["ending"]) == {"truncated"}
    facts = json.loads((run / "manifest.json").read_text())
    assert facts["updates"] == (STEPS - 400) / 4
    assert [step for step, _ in facts["timeline"]] == [0, *range(60, STEPS + 1, 60)]
    cost = pd.read_csv(results / "tables/cost.csv").set_index(["job", "variant"])
    assert cost.groupby("job").size().to_dict() == {
        "evaluation": 3, "training": 3, "video best": 1, "video median": 1, "video random": 1,
        "figure returns": 1, "figure value-estimates": 1, "figure observations": 1,
    }  # fmt: skip
    assert (cost["wall_seconds"] > 0).all()
    played = json.loads((run / "evaluation" / "manifest.json").read_text())
    assert cost["wall_seconds"]["training", "agent.name=dqn"] == facts["wall_seconds"]
    assert cost["wall_seconds"]["evaluation", "agent.name=dqn"] == played["wall_seconds"]
    assert played["products"]["weights.npz"] == facts["products"]["weights.npz"]
    scores = pd.read_csv(results / "tables/evaluation-scores.csv")
    assert scores.groupby("agent").size().to_dict() == {"random": 3, "trained": 3}
    assert len(pd.read_csv(results / "tables/steps-to-return.csv")) == 3 * 3


def test_linear_agent_leaves_the_same_products(sandbox: Sandbox, config: Config) -> None:
    run = sandbox.folder / config["results"] / "runs/linear/default/seed-0"
    with np.load(run / "weights.npz", allow_pickle=False) as weights:
        assert weights["steps"].tolist() == list(range(30, 301, 30))
        assert (weights["weight_0"].shape, weights["weight_0"].dtype) == ((10, 3, 2 * 16**2 + 1), np.float64)
    assert pd.read_parquet(run / "episodes.parquet")["steps"].sum() == 300
    recordings = pd.read_parquet(run / "evaluation/recordings.parquet")
    assert recordings["agent"].value_counts().to_dict() == {"in training": 9, "trained": 3, "random": 3}
    assert len(recordings["values"].iloc[0]) == 4 * 3 * recordings["steps"].iloc[0]
    figure = pd.read_csv(sandbox.folder / config["results"] / "figures/returns.csv")
    assert set(figure["curve"]) == {"DQN", "Double", "linear"}


def test_training_starts_from_the_last_weights_of_another(sandbox: Sandbox, config: Config) -> None:
    runs = sandbox.folder / config["results"] / "runs"
    with np.load(runs / "pong/agent.name=dqn/seed-0/weights.npz", allow_pickle=False) as weights:
        last = {name: weights[name][-1] for name in weights.files if name != "steps"}
    with np.load(runs / "from-weights/target_every=200/seed-0/weights.npz", allow_pickle=False) as weights:
        for name, array in last.items():
            np.testing.assert_array_equal(weights[name][0], array)  # at step 42, before the first update
        assert not np.array_equal(weights["weight_0"][-1], last["weight_0"])


def test_evaluation_has_its_own_seeds_and_its_values(sandbox: Sandbox, config: Config) -> None:
    run = sandbox.folder / config["results"] / "runs/pong/agent.name=dqn/seed-0"
    recordings = pd.read_parquet(run / "evaluation/recordings.parquet")
    assert recordings["agent"].value_counts().to_dict() == {"in training": 9, "trained": 3, "random": 3}
    assert not set(recordings["reset_seed"]) & set(pd.read_parquet(run / "recordings.parquet")["reset_seed"])
    assert recordings["reset_seed"].is_unique
    trained = recordings.iloc[0]
    assert len(trained["values"]) == 4 * 3 * trained["steps"]
    assert np.frombuffer(trained["rewards"], "<f4").sum() == trained["return"]


def test_nothing_more_to_do_and_recordings_verify(sandbox: Sandbox, config: Config) -> None:
    assert "Nothing to be done" in sandbox.build(config, "--dry-run")
    assert "give the lengths, returns and endings" in sandbox.python(
        "-m", "rlgames.commands.verify", "config/deep.yaml"
    )
    assert "nothing was played" in sandbox.python("-m", "rlgames.commands.verify", "config/deep.yaml", "--quick")


def shift(column: bytes, by: float) -> bytes:
    """float32 numbers, the first of which grows."""
    numbers = np.frombuffer(column, "<f4").copy()
    numbers[0] += by
    return numbers.tobytes()


CHANGES: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("rewards", "its rewards are others", lambda old: shift(old, 0.5)),
    ("values", "the weights give other action values Q", lambda old: shift(old, 0.01)),
    ("values", "its action values are missing", lambda _: None),
    ("trained_steps", "not by the agent random after 0 steps", lambda _: 7),
    ("reset_seed", "", lambda old: old + 1),
    ("actions", "cannot be played again", lambda old: b"\xff" * len(old)),
    ("agent", "not by the agent in training after 60 steps", lambda _: "random"),
    ("actions", "", lambda old: bytes([(old[0] + 1) % 3]) + old[1:]),
]
"""A column, how a change is found, and the change: of row 0 the first, and so on."""


def test_changed_evaluations_are_found_even_signed_anew(sandbox: Sandbox, config: Config, tmp_path: Path) -> None:
    """In both tables, so that they agree: what is not as it was played, or not played by those weights."""
    results = tmp_path / "results"
    run = results / "runs/pong/agent.name=dqn/seed-0"
    shutil.copytree(sandbox.folder / config["results"] / "runs/pong", results / "runs/pong")
    (recordings,) = run.glob("evaluation/recordings.parquet")
    rows = pd.read_parquet(recordings).astype(dict.fromkeys(("agent", "shown"), object))
    for row, (column, _, change) in enumerate(CHANGES):
        rows[column] = [change(old) if number == row else old for number, old in enumerate(rows[column])]
    write_episodes(rows.drop(index=len(rows) - 1), recordings.with_name("episodes.parquet"), recordings)
    rows.to_parquet(recordings)
    plan = Plan({"results": str(results), "experiments": {"pong": config["experiments"]["pong"]}})
    lines = [line for part in audit.recordings(plan) for line in playing.check(part)[1]]
    for row, (_, found, _) in enumerate(CHANGES):
        episode = rows["episode"][row]
        own = [line for line in lines if f"{recordings}: seed 0, episode {episode}: " in line]
        assert any(found in line for line in own), lines
    assert f"{recordings}: seed 0, episode {rows['episode'].iloc[-1]}: not in both tables" in lines
    assert len({line.split(": ")[1] for line in lines}) == len(CHANGES) + 1


@pytest.mark.usefixtures("built")
def test_edited_score_is_noticed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sandbox.folder)
    plan = Plan.read(Path("config/deep.yaml"))
    assert list(audit.tables(plan)) == []
    path = Path(plan.path("table", table="evaluation-scores"))
    text = path.read_text()
    scores = pd.read_csv(path)
    scores.loc[scores["agent"] == "trained", "return"] += 1
    scores.to_csv(path, index=False)
    found = [line for line in audit.tables(plan) if "its sources do not give this row" in line]
    path.write_text(text)
    assert len(found) == 3
    assert any("pong,agent.name=dqn,trained,0" in line for line in found)


def test_setting_of_one_agent_reruns_that_agent(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["from-weights"]["sweep"][0]["target_every"] = 500
    planned = sandbox.planned(config)
    assert any(path.startswith("runs/from-weights/target_every=500/") for path in planned)
    assert not any(path.startswith(("runs/pong", "runs/linear")) for path in planned)


def test_how_it_is_evaluated_retrains_nothing(sandbox: Sandbox, config: Config) -> None:
    config["evaluation"]["epsilon"] = 0.05
    planned = sandbox.planned(config)
    assert "runs/pong/agent.name=dqn/seed-0/evaluation/episodes.parquet" in planned
    assert not any(path.endswith("weights.npz") for path in planned)


@pytest.mark.parametrize("which", ["best", "median", "random"])
def test_video_decodes_to_every_step(sandbox: Sandbox, config: Config, which: str) -> None:
    import av

    from rlgames.videos.encoding import HOLD

    results = sandbox.folder / config["results"]
    with av.open(str(results / f"videos/linear/default/{which}.mp4")) as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sum(1 for _ in container.decode(stream)) == 1 + MAX_STEPS + HOLD
    assert "data:video/mp4;base64," in (results / f"videos/linear/default/{which}.html").read_text()


@pytest.mark.parametrize("command", ["train_agent", "evaluate", "deep_scores", "gameplay", "figure"])
def test_code_hash_covers_the_modules_that_a_command_really_loads(built: Config, command: str) -> None:
    for loaded, covered, everything in loaded_by(built["traces"], command):
        assert loaded == covered
        if "rlgames.features.pixels" in covered:
            assert "tensorflow" not in everything


def test_scores_name_what_was_cut_off(sandbox: Sandbox, config: Config) -> None:
    scores = pd.read_csv(sandbox.folder / config["results"] / "tables/evaluation-scores.csv")
    assert set(scores["agent"]) == {"trained", "random"}
    assert set(scores["truncated_episodes"]) == {3}  # every one, after 90 steps
    assert set(scores["diverged_seeds"]) == {0}


def test_rehearsal_learns(sandbox: Sandbox, config: Config, tmp_path: Path) -> None:
    """Whatever the warm-up (otherwise it would time the emulator), and where a minibatch takes more steps than half."""
    pong, linear = (config["experiments"][name] for name in ("pong", "linear"))
    del pong["sweep"]
    pong["agent"] |= {"warm_up": 80_000, "capacity": 3000, "n": 100, "games": 16}
    pong["steps"] = 100_000
    path = tmp_path / "long.yaml"
    path.write_text(yaml.safe_dump({"results": "results/long", "experiments": {"pong": pong, "linear": linear}}))
    text = sandbox.python("-m", "rlgames.commands.rehearse", str(path))
    assert "linear" not in text
    assert "pong default: 2928 steps and 252 updates, " in text
    assert "GB of memory with a replay buffer of 3000 frames" in text


def test_published_protocol_is_that_of_the_paper_config() -> None:
    """CleanRL's dqn_atari: the numbers that it publishes for ten million steps."""
    from rlgames.settings import loading as settings

    config = settings.load(yaml.safe_load((ROOT / "config" / "paper.yaml").read_text(encoding="utf-8")))
    assert [len(experiment.variants) for experiment in config.experiments.values()] == [3, 1]
    for name, experiment in config.experiments.items():
        assert experiment.last_seed - experiment.first_seed == 4
        for variant in experiment.variants:
            spec = variant.spec.resolved()
            assert spec["steps"] == 10_000_000
            assert spec["environment"].items() >= {
                "frame_skip": 4, "stack": 4, "image_size": 84, "noop_max": 30, "life_loss_terminal": True,
                "fire_reset": True, "sticky": 0.25 if "sticky" in name else 0.0,
            }.items()  # fmt: skip
            assert spec["agent"].items() >= {
                "network": "nature", "step_size": 1e-4, "adam_epsilon": 1e-8, "discount": 0.99, "batch_size": 32,
                "capacity": 1_000_000, "warm_up": 80_000, "updates_per_step": 0.25, "target_every": 1000, "games": 1,
                "epsilon_start": 1.0, "epsilon_end": 0.01, "epsilon_steps": 1_000_000, "n": 1, "loss": "squared",
            }.items()  # fmt: skip


def test_57_games_are_those_of_the_literature() -> None:
    """49 of Mnih et al. (2015, extended data table 2), eight more of Wang et al. (2016); trained as in paper.yaml."""
    from rlgames.settings import loading as settings

    names = ("atari57", "paper")
    atari57, paper = (
        settings.load(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8"))).experiments[first]
        for name, first in zip(names, ("atari57", "dqn"), strict=True)
    )
    specs: list[Any] = [variant.spec for variant in atari57.variants]
    games = {spec.environment.game for spec in specs}
    added = {"berzerk", "defender", "phoenix", "pitfall", "skiing", "solaris", "surround", "yars_revenge"}
    assert added < games
    assert len(games - added) == 49
    assert len(specs) == 2 * 57
    assert atari57.seeds == paper.seeds
    trained = paper.variants[0].spec.resolved()
    for spec in specs:
        spec = spec.resolved()
        assert spec["agent"].pop("name") in ("dqn", "double-dqn")
        spec["environment"]["game"] = trained["environment"]["game"]
        assert spec | {"agent": spec["agent"] | {"name": "dqn"}} == trained


def test_value_estimates_need_to_know_where_returns_end(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["pong"]["environment"]["life_loss_terminal"] = True
    assert "pong learns with life_loss_terminal" in sandbox.build(config, "--dry-run", fails=True)


def test_curves_with_one_name_are_refused(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["pong"]["sweep"].append({"agent.name": "double-dqn", "label": "DQN"})
    for figure in ("returns", "value-estimates"):
        assert f"figures.{figure}: several curves are called ['DQN']" in sandbox.build(config, "--dry-run", fails=True)
        del config["figures"][figure]


def test_figures_over_episodes_are_not_for_atari(sandbox: Sandbox, config: Config) -> None:
    config["figures"]["returns"]["kind"] = "cost-to-go"
    config["figures"]["returns"]["seed"] = 0
    found = sandbox.build(config, "--dry-run", fails=True)
    assert "figures.returns: cost-to-go draws agents that learn in episodes, but those of pong learn in steps" in found
