"""Tables of what agents reached, and of how soon."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from rlgames.files import read_table
from rlgames.playing.published import milestones
from rlgames.provenance import Manifest
from rlgames.statistics import evaluation_scores, final_scores, prediction_scores, steps_to_return

LAST = 100
"""Number of last episodes whose mean is a seed's final score."""

KEYS = ["experiment", "variant", "agent", "seed"]
TIMES = [
    *("experiment", "variant", "seeds", "mean_of_last_20_returns", "steps", "minutes"),
    *("threads", "device", "processor", "instruction_set"),
]


def final_scores_csv(episodes: Iterable[Path]) -> str:
    """The table of final scores, from the episodes of all runs."""
    played = pd.concat([read_table(path) for path in episodes])
    scores = [
        {"experiment": experiment, "variant": variant, **final_scores(rows, LAST)}
        for (experiment, variant), rows in played.groupby(["experiment", "variant"], sort=False)
    ]
    return pd.DataFrame(scores).to_csv(index=False, float_format="%.8g")


def evaluation_scores_csv(evaluations: Iterable[Path], manifests: Iterable[Path]) -> str:
    """The table of evaluation scores, from the episodes of all evaluations and the manifests of their trainings."""
    played = pd.concat([read_table(path) for path in evaluations])
    return evaluation_table(played, list(map(Manifest.read, manifests))).to_csv(index=False, float_format="%.8g")


def steps_to_return_csv(episodes: Iterable[Path], manifests: Iterable[Path]) -> str:
    """The table of steps to a return, from the episodes and the manifests of all trainings."""
    return times_table(map(read_table, episodes), list(map(Manifest.read, manifests))).to_csv(
        index=False, float_format="%.4g"
    )


def prediction_scores_csv(predictions: Iterable[Path]) -> str:
    """The table of prediction scores, from the predictions of all runs."""
    return pd.concat([prediction_scores(read_table(path)) for path in predictions]).to_csv(
        index=False, float_format="%.5g"
    )


def evaluation_table(evaluations: pd.DataFrame, manifests: list[Manifest]) -> pd.DataFrame:
    """Scores of every agent and seed, and how many of their seeds diverged."""
    lost = {(each.experiment, str(each.variant), str(each.seeds)) for each in manifests if each.diverged}
    return evaluation_scores(evaluations, lost)


def times_table(episodes: Iterable[pd.DataFrame], manifests: list[Manifest]) -> pd.DataFrame:
    """Steps and minutes until the mean of a training's last 20 returns reached each milestone of its game."""
    rows = []
    for played, each in zip(episodes, manifests, strict=True):
        steps, seconds = np.array(each.more["timeline"]).T
        environment = each.spec["environment"]
        for level in milestones(environment.get("game") or environment.get("id", "")):
            step = steps_to_return(played, level)
            rows.append(
                {
                    "experiment": each.experiment,
                    "variant": each.variant,
                    "seeds": each.seeds,
                    "mean_of_last_20_returns": level,
                    "steps": step,
                    "minutes": None if step is None else np.interp(step, steps, seconds) / 60,
                    "threads": each.threads,
                    "device": each.device,
                    **{key: each.surroundings["machine"][key] for key in ("processor", "instruction_set")},
                }
            )
    return pd.DataFrame(rows, columns=TIMES).astype({"steps": "Int64"})
