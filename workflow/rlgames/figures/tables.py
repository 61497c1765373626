"""The tables that a figure is drawn from: products of its runs, with the columns that place each variant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rlgames.files import read_table, read_weights
from rlgames.messages import count
from rlgames.provenance import Manifest

KEYS = ["experiment", "variant"]


def read(paths: list[Path], curves: list[list[Any]]) -> dict[str, Any]:
    """Each kind of product as one DataFrame, and weights as a list of entries, a variant each. Manifests tell of seeds
    that diverged: a row for each, with the steps (or minibatches) that it took; and when trainings had taken how many
    steps: "timeline".

    `curves` are [experiment, variant, columns], in the order of the figure.
    """
    places = pd.DataFrame([{"experiment": name, "variant": variant, **columns} for name, variant, columns in curves])
    tables: dict[str, Any] = {}
    for kind in {kind_of(path) for path in paths}:
        files = [path for path in paths if kind_of(path) == kind]
        if files[0].suffix == ".parquet":
            rows = pd.concat([read_table(path) for path in files], ignore_index=True)
            tables[kind] = rows.merge(places, on=KEYS)
        elif files[0].suffix == ".json":
            manifests = [Manifest.read(path) for path in files]
            tables[kind] = diverged(manifests).merge(places, on=KEYS)
            tables["timeline"] = timelines(manifests).merge(places, on=KEYS)
        else:
            entries = [read_weights(path, *KEYS, "seeds", "weights") for path in files]
            tables[kind] = [place | weights_of(entries, place) for place in places.to_dict("records")]
    return tables


def diverged(manifests: Iterable[Manifest]) -> pd.DataFrame:
    """The seeds that diverged: columns experiment, variant, seed, steps."""
    lost = [(each.experiment, each.variant, place["seed"], each.steps) for each in manifests for place in each.diverged]
    return pd.DataFrame(lost, columns=[*KEYS, "seed", "steps"])


def timelines(manifests: Iterable[Manifest]) -> pd.DataFrame:
    """When trainings of a single seed had taken how many steps: a row for each point at which weights were kept, with
    columns experiment, variant, seed, steps, seconds (of wall time), and machine, in words."""
    rows = [
        (each.experiment, each.variant, int(str(each.seeds)), steps, seconds, machine_of(each))
        for each in manifests
        for steps, seconds in each.more.get("timeline", ())
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "seed", "steps", "seconds", "machine"])


def machine_of(manifest: Manifest) -> str:
    """On what a training ran."""
    if manifest.device != "cpu":
        return manifest.device
    return f"{count(manifest.threads, 'core')} of {manifest.surroundings['machine']['processor']}"


def weights_of(entries: list[dict[str, np.ndarray]], place: dict[Any, Any]) -> dict[str, np.ndarray]:
    """The arrays of a variant's weights.npz, from all its blocks: a row for each seed."""
    own = [entry for entry in entries if all(entry[key] == place[key] for key in KEYS)]
    return {key: np.concatenate([entry[key] for entry in own]) for key in set(own[0]) - set(KEYS)}


def kind_of(path: Path) -> str:
    """What a file is: episodes, recordings or weights of a training, or those of its evaluation."""
    return f"evaluation {path.stem}" if path.parent.name == "evaluation" else path.stem
