"""Data sets and auto-encoders in the workflow, end to end and tiny."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import Sandbox, loaded_by, traces

Config = dict[str, Any]

MAX_STEPS, SIZE = 60, 300


@pytest.fixture(scope="module")
def built(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The tiny config, built once with every Python process traced; tests that follow leave it as it is."""
    pong = {"name": "atari", "game": "pong", "actions": "three", "image_size": 44, "max_steps": MAX_STEPS}
    figure = {"experiments": ["encoder"], "title": "Frames", "caption": "Untrained."}
    config: Config = {
        "results": "results/encoders",
        "evaluation": {"episodes": 2, "checkpoint_episodes": 1},
        "datasets": {
            "frames": {"environment": pong, "size": SIZE},
            "played": {"environment": pong, "size": 100, "policy": {"experiment": "pong"}},
        },
        "experiments": {
            "pong": {
                "environment": pong | {"image_size": 48},
                "agent": {
                    "name": "dense-true-online-sarsa-lambda",
                    "features": {"name": "pixels"},
                    "step_size": 0.01,
                    "trace_decay": 0.8,
                },
                "steps": 100,
                "seeds": 1,
            },
            "encoder": {
                "environment": {"name": "frames", "dataset": "frames"},
                "agent": {"name": "auto-encoder", "batch_size": 16},
                "epochs": 2,
                "seeds": 1,
                "sweep": [{"latents": 2}, {"latents": 4}],
            },
            "points": {
                "environment": {"name": "frames", "dataset": "frames", "judged_on": "played"},
                "agent": {"name": "keypoints", "points": 3, "trials": 1},
                "epochs": 1,
                "seeds": 1,
            },
            "values": {
                "environment": {"name": "frames", "dataset": "frames"},
                "agent": {"step_size": 0.01, "discount": 0.8},
                "epochs": 10,
                "seeds": 2,
                "sweep": [
                    {
                        "agent.name": "sparse-true-online-td-lambda",
                        "features.name": "tiled-positions",
                        "trace_decay": 0.9,
                        "name": "tiles",
                    },
                    {
                        "agent.name": "dense-true-online-td-lambda",
                        "features.name": "latents",
                        "encoder.experiment": "encoder",
                        "encoder.variant": "latents=4",
                        "trace_decay": 0.9,
                        "name": "latents",
                    },
                    {"agent.name": "value-network", "step_size": 0.001, "batch_size": 8, "name": "network"},
                ],
            },
        },
        "figures": {
            "losses": {**figure, "kind": "encoder-losses"},
            "sizes": {**figure, "kind": "latent-sizes"},
            "space": {**figure, "kind": "latent-space"},
            "pictures": {**figure, "kind": "reconstructions"},
            "errors": {**figure, "kind": "encoder-errors", "experiments": ["encoder", "points"]},
            "predictions": {**figure, "kind": "predictions", "experiments": ["values"]},
        },
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
    assert {path.name for path in (results / "datasets/frames").iterdir()} == {
        "recordings.parquet", "frames.parquet", "manifest.json",
    }  # fmt: skip
    run = results / "runs/encoder/latents=4/seed-0"
    assert {path.name for path in run.iterdir()} == {
        "weights.npz", "losses.parquet", "manifest.json", "encoding.parquet",
    }  # fmt: skip
    assert pd.read_parquet(run / "losses.parquet")["epoch"].tolist() == [1, 2]
    encoding = pd.read_parquet(run / "encoding.parquet")
    assert encoding["part"].value_counts().to_dict() == {"training": 210, "test": 90}
    assert encoding["shown"].value_counts().to_dict() == {"typical": 4, "worst": 4}
    assert encoding["row"].is_unique
    assert len(list((results / "figures").glob("*.png"))) == 6
    sizes = pd.read_csv(results / "tables/datasets.csv").set_index(["dataset", "split"])
    assert sizes["frames"].to_dict() == {
        ("frames", "random"): SIZE, ("frames", "episode"): SIZE, ("played", "random"): 100, ("played", "episode"): 100,
    }  # fmt: skip
    assert (sizes["training_frames"]["frames", "random"], sizes["test_frames"]["frames", "random"]) == (210, 90)
    scores = pd.read_csv(results / "tables/encoder-scores.csv").set_index(["experiment", "variant", "frames"])
    assert scores["numbers"].to_dict() == {
        ("encoder", "latents=2", "test"): 2, ("encoder", "latents=4", "test"): 4,
        ("points", "default", "test"): 9, ("points", "default", "other"): 9,
    }  # fmt: skip
    assert scores["test_frames"].tolist() == [90, 90, 90, 100]
    assert scores["error"].between(0, 1, inclusive="neither").all()
    cost = pd.read_csv(results / "tables/cost.csv")
    assert cost.groupby("job").size().to_dict() == {
        "data set": 2, "training": 10, "evaluation": 1, "encoding": 3, "figure losses": 1, "figure sizes": 1,
        "figure space": 1, "figure pictures": 1, "figure errors": 1, "figure predictions": 1,
    }  # fmt: skip


def test_data_set_of_a_trained_agent_holds_its_evaluation_episodes(sandbox: Sandbox, config: Config) -> None:
    results = sandbox.folder / config["results"]
    played = pd.read_parquet(results / "datasets/played/recordings.parquet")
    evaluated = pd.read_parquet(results / "runs/pong/default/seed-0/evaluation/recordings.parquet")
    evaluated = evaluated[evaluated["agent"] == "trained"]
    assert played["steps"].tolist() == [60, 40]
    assert played["reset_seed"].tolist() == evaluated["reset_seed"].tolist()
    assert played["actions"][1] == evaluated["actions"].iloc[1][:40]


def test_encoding_is_what_the_saved_encoder_gives(sandbox: Sandbox, config: Config) -> None:
    from rlgames.encoders.frames import Frames
    from rlgames.networks import autoencoder

    results = sandbox.folder / config["results"]
    run = results / "runs/encoder/latents=4/seed-0"
    encoding = pd.read_parquet(run / "encoding.parquet").head(100)
    model = autoencoder.load(run / "weights.npz")
    pictures = Frames(results / "datasets/frames/frames.parquet").pictures(encoding["row"].to_numpy())
    np.testing.assert_allclose(model.encode(pictures), np.stack(list(encoding["numbers"])), atol=1e-5)
    error = ((pictures - model.reconstruct(pictures).astype(float)) ** 2).mean(axis=(1, 2)) / 255**2
    np.testing.assert_allclose(encoding["error"], error, rtol=1e-4)


def test_predictions_are_of_the_test_episodes_and_in_the_table(sandbox: Sandbox, config: Config) -> None:
    """Episodes of 60 steps are cut off: of the last 20, what follows would count 1% or more, since .8 ** 21 is less."""
    results = sandbox.folder / config["results"]
    assert pd.read_parquet(results / "runs/values/tiles/seed-0/predictions.parquet")["step"].max() == MAX_STEPS - 21
    scores = pd.read_csv(results / "tables/prediction-scores.csv")
    runs = [[variant, seed] for variant in ("tiles", "latents", "network") for seed in (0, 1)]
    assert scores[["variant", "seed"]].to_numpy().tolist() == runs


def test_nothing_more_to_do_and_frames_verify(sandbox: Sandbox, config: Config) -> None:
    from rlgames.encoders import frames

    assert "Nothing to be done" in sandbox.build(config, "--dry-run")
    sandbox.python("-m", "rlgames.commands.verify", f"config/{Path(config['results']).name}.yaml")
    path = sandbox.folder / config["results"] / "datasets/played/frames.parquet"
    content = path.read_bytes()
    found = frames.Frames(path)
    pictures = found.pictures(np.arange(100))
    pictures[70, 20, 20] ^= 1
    rewards = np.where(np.arange(100) == 71, 5.0, found.rewards)
    places = [found.episodes.tolist(), found.steps.tolist()]
    facts = [column.tolist() for column in (found.actions, rewards, found.terminal)]
    columns = (*places, map(frames.encode, pictures), found.memory.to_pylist(), *facts)
    frames.write(zip(*columns, strict=True), path)
    text = sandbox.python("-m", "rlgames.commands.verify", f"config/{Path(config['results']).name}.yaml", fails=True)
    path.write_bytes(content)
    assert "datasets/played/recordings.parquet: episode 2: played, its frames are others" in text
    assert "datasets/played/recordings.parquet: episode 2: played, the actions, rewards or ends beside" in text


def test_setting_of_one_encoder_reruns_that_one(sandbox: Sandbox, config: Config) -> None:
    config["experiments"]["encoder"]["sweep"][0]["latents"] = 3
    planned = sandbox.planned(config)
    assert "runs/encoder/latents=3/seed-0/weights.npz" in planned
    assert not any(path.startswith(("runs/encoder/latents=4", "datasets", "runs/pong")) for path in planned)


def test_target_with_another_name_is_explained(sandbox: Sandbox, config: Config) -> None:
    target = config["results"] + "/datasets/framez/frames.parquet"
    assert "there is no data set 'framez'; did you mean 'frames'?" in sandbox.build(
        config, "--dry-run", target, fails=True
    )


def test_data_set_longer_than_its_recordings_is_refused(sandbox: Sandbox, config: Config) -> None:
    config["datasets"] = {"long": config["datasets"]["played"] | {"size": 200}}
    config["experiments"] = {"pong": config["experiments"]["pong"]}
    config["figures"] = {}
    found = sandbox.build(config, config["results"] + "/datasets/long/frames.parquet", fails=True)
    assert "long: the evaluation of the trained agent has 120 frames, not 200. Lower the size" in found


@pytest.mark.parametrize(
    "command", ["dataset", "train_encoder", "encode", "encoder_scores", "datasets", "predict", "prediction_scores"]
)
def test_code_hash_covers_the_modules_that_a_command_really_loads(built: Config, command: str) -> None:
    for loaded, covered, _ in loaded_by(built["traces"], command):
        assert loaded == covered


@pytest.mark.parametrize(
    ("command", "run", "product"),
    [
        ("train_encoder", "encoder/latents=4/seed-0", "losses"), ("predict", "values/tiles/seed-0", "predictions"),
        ("predict", "values/network/seed-0", "predictions"),
    ],
)  # fmt: skip
def test_killed_training_over_frames_resumes_to_the_same_bits(
    sandbox: Sandbox, built: Config, command: str, run: str, product: str
) -> None:
    """Killed on two cores, where the other one ran on one."""
    module, path = f"rlgames.commands.{command}", f"{built['results']}/runs/{run}/manifest.json"
    (argv,) = [t["argv"] for t in traces(built["traces"]) if module in t["argv"] and path in t["argv"]]
    results = sandbox.folder / built["results"]
    frames = f"{built['results']}/datasets"
    again = [
        word.replace(built["results"], "results/killed") if built["results"] in word and frames not in word else word
        for word in argv
    ]
    manifest = json.loads((sandbox.folder / path).read_text())
    again[again.index("--parent") + 1] = str(os.getpid())
    again[again.index("--threads") + 1] = "2"
    again[again.index("--spec") + 1] = json.dumps(manifest["spec"])  # the file that it came in is gone

    def start() -> subprocess.Popen[str]:
        environment = sandbox.environment | {"RLGAMES_SAVE_SECONDS": "0"}
        return subprocess.Popen(again, cwd=sandbox.folder, env=environment, stderr=subprocess.PIPE, text=True)

    for marker, number in (("Saving at", signal.SIGKILL), ("Saved.", signal.SIGKILL), ("Saved.", signal.SIGTERM)):
        process = start()
        assert process.stderr
        assert any(marker in line for line in process.stderr)
        process.send_signal(number)
        _, messages = process.communicate()
    assert re.search(r"Stopped by SIGTERM at \d+ (minibatches|steps)", messages)
    assert process.returncode == 1
    _, messages = (process := start()).communicate(timeout=120)
    assert process.returncode == 0, messages
    assert re.search(r"Resuming from \d+ (minibatches|steps)", messages)
    for name in ("weights.npz", f"{product}.parquet"):
        one, other = (root / f"runs/{run}" / name for root in (results, sandbox.folder / "results/killed"))
        assert hashlib.sha256(one.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()
    found = json.loads((sandbox.folder / "results/killed/runs" / run / "manifest.json").read_text())
    assert (found["steps"], found["threads"], manifest["threads"]) == (manifest["steps"], 2, 1)
