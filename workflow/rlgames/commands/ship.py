"""Copy the last weights of the best run of each variant of an experiment, with its manifest, compressed for git
(`make gallery`)."""

from __future__ import annotations

import argparse
from pathlib import Path

from rlgames.operations import jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("experiment")
    parser.add_argument("folder", type=Path, help="gets a folder for each variant")
    arguments = parser.parse_args()

    import dataclasses
    import re

    import numpy as np

    from rlgames.api.tables import results
    from rlgames.files import read_weights, replacing
    from rlgames.provenance import Manifest, checksums

    found = results(arguments.config)
    scores = found.evaluations(arguments.experiment).query("agent == 'trained'")
    means = scores.groupby(["variant", "seed"], observed=True)["return"].mean()
    for variant, seed in means.groupby("variant").idxmax():
        run = next(
            each
            for each in found.runs(arguments.experiment)
            if (each.parent.name, each.name) == (variant, f"seed-{seed}")
        )
        saved, manifest = read_weights(run / "weights.npz", "steps"), Manifest.read(run / "manifest.json")
        name = f"{arguments.experiment}-{re.sub(r'[a-z.]*name=', '', variant)}"
        weights = arguments.folder / name / "weights.npz"
        with replacing(weights) as path:
            np.savez_compressed(path, allow_pickle=False, **{key: value[-1:] for key, value in saved.items()})
        score = round(float(means[variant, seed]), 3)
        kept = dataclasses.replace(
            manifest, products=checksums(weights), more=manifest.more | {"shipped": {"mean_evaluation_return": score}}
        )
        kept.write(weights.with_name("manifest.json"))
        print(f"{weights.parent}: seed {seed}, mean evaluation return {score:g}, {weights.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    jobs.run(main)
