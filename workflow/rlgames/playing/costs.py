"""What every job cost, that of playing included, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from rlgames.files import reading
from rlgames.provenance import Manifest


def cost_csv(manifests: Iterable[Path], pictures: Iterable[Path], results: Path, lock: str) -> str:
    """The table of costs, from manifests and from what Snakemake noted of pictures, below the folder of `results`;
    `lock` is as for `of_job`."""
    rows = [of_job(path, lock) for path in manifests]
    rows += [of_picture(path, results) for path in pictures]
    return pd.DataFrame(rows).convert_dtypes().to_csv(index=False)


def of_job(manifest: Path, lock: str) -> dict[str, Any]:
    """A job with a manifest; `lock` is the hash of the lock that is installed now."""
    found = Manifest.read(manifest)
    facts = vars(found) | found.surroundings
    keys = ("experiment", "variant", "seeds", "steps", "wall_seconds", "threads", "device")
    return {
        "job": kind_of(facts, manifest),
        **{key: facts[key] for key in keys},
        "processor": facts["machine"]["processor"],
        "instruction_set": facts["machine"]["instruction_set"],
        **{key: facts[key] for key in ("revision", "code", "lock")},
        "under_another_lock": str(facts["lock"]) != lock,
        "diverged_seeds": len(facts["diverged"]),
        "truncated_episodes": facts["truncated"],
    }


def kind_of(facts: dict[str, Any], manifest: Path) -> str:
    """What a manifest is of. Data sets have no variants."""
    if facts["variant"] is None:
        return "data set"
    return "evaluation" if manifest.parent.name == "evaluation" else "training"


def of_picture(benchmark: Path, results: Path) -> dict[str, Any]:
    """An encoding, figure or video, by what Snakemake noted of it below the folder of `results`."""
    kind, *names = benchmark.with_suffix("").relative_to(results / "logs").parts  # see rlgames.plan.paths
    experiment, variant, *which = (None, None, *names) if kind == "figures" else names
    with reading(benchmark):
        seconds = float(pd.read_csv(benchmark, sep="\t")["s"].iloc[0])
    return {
        "job": " ".join([kind.removesuffix("s"), *which]) if kind != "runs" else which[1],
        "experiment": experiment,
        "variant": variant,
        "wall_seconds": seconds,
        "threads": 1,
        "device": "cpu",
    }
