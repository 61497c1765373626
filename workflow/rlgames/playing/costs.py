"""What every job cost, that of playing included, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from rlgames.files import reading
from rlgames.provenance import Manifest

JOBS = {"evaluation": "evaluation", "datasets": "data set"}
"""Kinds of job, by the folder of its manifest; others are trainings."""


def cost_csv(manifests: Iterable[Path], pictures: Iterable[Path], results: Path, lock: str) -> str:
    """The table of costs, from manifests and from what Snakemake noted of pictures, below the folder of `results`;
    `lock` is as for `of_job`."""
    rows = [of_job(path, results, lock) for path in manifests]
    rows += [of_picture(path, results) for path in pictures]
    return pd.DataFrame(rows).convert_dtypes().to_csv(index=False)


def of_job(manifest: Path, results: Path, lock: str) -> dict[str, Any]:
    """A job with a manifest, below the folder of `results`; `lock` is the hash of the lock that is installed now."""
    folder = manifest.relative_to(results).parts
    found = Manifest.read(manifest)
    facts = vars(found) | found.surroundings
    keys = ("experiment", "variant", "seeds", "steps", "wall_seconds", "threads", "device")
    return {
        "job": JOBS.get(folder[-2]) or JOBS.get(folder[0], "training"),
        **{key: facts[key] for key in keys},
        "processor": facts["machine"]["processor"],
        "instruction_set": facts["machine"]["instruction_set"],
        **{key: facts[key] for key in ("revision", "code", "lock")},
        "under_another_lock": str(facts["lock"]) != lock,
        "diverged_seeds": len(facts["diverged"]),
        "truncated_episodes": facts["truncated"],
    }


def of_picture(benchmark: Path, results: Path) -> dict[str, Any]:
    """An encoding, figure or video, by what Snakemake noted of it."""
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
