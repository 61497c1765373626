"""What manifests say, above all of seeds that diverged, reaches figures, tables, their audit, and the page."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest

from rlgames.figures import tables
from rlgames.pages import page
from rlgames.plan.audit import differences
from rlgames.playing.scores import evaluation_scores_csv, evaluation_table
from rlgames.provenance import Manifest


def run(root: Path, seed: int, diverged: bool) -> Path:
    """A run of the experiment e, and five evaluation episodes with the seed as their return."""
    folder = root / "runs/e/default" / f"seed-{seed}"
    (folder / "evaluation").mkdir(parents=True)
    lost = [{"seed": seed, "episode": 7}] if diverged else []
    Manifest(
        experiment="e", variant="default", seeds=str(seed), spec={}, code="c", threads=1, device="cpu", steps=600,
        diverged=lost, truncated=0, wall_seconds=1.0, products={},
    ).write(folder / "manifest.json")  # fmt: skip
    played = pd.DataFrame({"experiment": "e", "variant": "default", "agent": "trained", "seed": seed,
                           "return": [float(seed)] * 5, "ending": "terminated",
                           "episode": range(1, 6), "steps": 9})  # fmt: skip
    played.to_parquet(folder / "evaluation/episodes.parquet")
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    return [run(tmp_path, seed, diverged=seed == 2) for seed in range(3)]


def test_figures_know_which_seeds_diverged_and_when(runs: list[Path]) -> None:
    manifests = [folder / "manifest.json" for folder in runs]
    found = tables.read(manifests, [["e", "default", {"curve": "a", "game": "pong"}]])["manifest"]
    assert found[["curve", "game", "seed", "steps"]].to_numpy().tolist() == [["a", "pong", 2, 600]]
    none = tables.read(manifests[:2], [["e", "default", {"curve": "a", "game": "pong"}]])["manifest"]
    assert none.empty
    assert {"curve", "seed", "steps"} <= set(none)


def test_figures_know_when_a_training_had_taken_its_steps(runs: list[Path]) -> None:
    """Two of three manifests say so; that of an encoder, say, or of a block of seeds need not."""
    paths = [folder / "manifest.json" for folder in runs]
    for path, device in zip(paths[:2], ("cpu", "NVIDIA Z80"), strict=True):
        facts = json.loads(path.read_text()) | {"timeline": [[0, 0.0], [300, 1.5]], "device": device}
        facts["machine"]["processor"] = "6502"
        path.write_text(json.dumps(facts))
    found = tables.read(paths, [["e", "default", {"curve": "a", "game": "pong"}]])["timeline"]
    assert found[["curve", "game", "seed", "steps", "seconds", "machine"]].to_numpy().tolist() == [
        ["a", "pong", 0, 0, 0.0, "1 core of 6502"],
        ["a", "pong", 0, 300, 1.5, "1 core of 6502"],
        ["a", "pong", 1, 0, 0.0, "NVIDIA Z80"],
        ["a", "pong", 1, 300, 1.5, "NVIDIA Z80"],
    ]


def test_blank_scores_are_confirmed_and_others_are_not(runs: list[Path], tmp_path: Path) -> None:
    episodes = pd.concat([pd.read_parquet(folder / "evaluation/episodes.parquet") for folder in runs])
    scores = evaluation_table(episodes, [Manifest.read(folder / "manifest.json") for folder in runs])
    assert scores.set_index("seed")["return"].isna().to_dict() == {"0": False, "1": False, "2": True, "all": True}
    assert scores["diverged_seeds"].tolist() == [0, 0, 1, 1]
    paths = [folder / "evaluation/episodes.parquet" for folder in runs]
    made = evaluation_scores_csv(paths, [folder / "manifest.json" for folder in runs])
    table = tmp_path / "evaluation-scores.csv"
    table.write_text(made)
    assert list(differences(table, made)) == []
    scores.assign(**{"return": scores["return"].fillna(1.0)}).to_csv(table, index=False, float_format="%.8g")
    assert sum("do not give this row" in line for line in differences(table, made)) == 2


def test_page_counts_the_runs_that_gave_each_answer(runs: list[Path]) -> None:
    one, *others = [Manifest.read(folder / "manifest.json") for folder in runs]
    assert page.made([dataclasses.replace(one, device="gpu"), *others])["Device"] == ["cpu (2 runs)", "gpu (1 run)"]
