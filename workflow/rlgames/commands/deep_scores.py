"""Tabulate what deep agents reached in evaluation, and how soon their training returns reached given levels."""

from __future__ import annotations

import json
from pathlib import Path

from rlgames.commands import job

LEVELS = {"pong": (0, 10, 18), "breakout": (31.8,), "space_invaders": (1652,)}
"""Of Pong, where 21 is the most: as good as the machine, better than a human tester, nearly perfect. Of the others, the
score of a human tester (Mnih et al. 2015)."""

COLUMNS = [
    *("experiment", "variant", "seeds", "mean_of_last_20_returns", "steps", "minutes"),
    *("threads", "device", "processor", "instruction_set"),
]


def main() -> None:
    parser = job.parser(__doc__)
    for name in ("evaluations", "episodes", "manifests"):
        parser.add_argument(f"--{name}", required=True, nargs="+", type=Path)
    for name in ("scores", "steps-to-return"):
        parser.add_argument(f"--{name}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    import numpy as np
    import pandas as pd

    from rlgames.files import replacing
    from rlgames.statistics import interval, steps_to_return

    keys = ["experiment", "variant"]
    evaluations = pd.concat([pd.read_parquet(path) for path in arguments.evaluations])
    evaluations = evaluations[evaluations["agent"] != "in training"]
    rows: list[dict[str, object]] = []
    for (experiment, variant, agent), returned in evaluations.groupby([*keys, "agent"], sort=False, observed=True):
        seeds = {str(seed): returns.to_numpy() for seed, returns in returned.groupby("seed")["return"]}
        if len(seeds) > 1:
            seeds["all"] = np.array([returns.mean() for returns in seeds.values()])
        for seed, returns in seeds.items():
            low, high, band = interval(returns)
            what = "seeds" if seed == "all" else "episodes"
            rows.append(
                {
                    "experiment": experiment,
                    "variant": variant,
                    "agent": agent,
                    "seed": seed,
                    "return": returns.mean(),
                    "low": low,
                    "high": high,
                    "interval": f"{band} over {len(returns)} {what}",
                    "median": np.median(returns),
                    "best": returns.max(),
                }
            )
    with replacing(arguments.scores) as path:
        pd.DataFrame(rows).to_csv(path, index=False, float_format="%.8g")

    times = []
    for episodes_path, manifest_path in zip(arguments.episodes, arguments.manifests, strict=True):
        episodes, facts = pd.read_parquet(episodes_path), json.loads(manifest_path.read_text())
        steps, seconds = np.array(facts["timeline"]).T
        for level in LEVELS.get(facts["spec"]["environment"]["game"], ()):
            step = steps_to_return(episodes, level)
            minutes = None if step is None else np.interp(step, steps, seconds) / 60
            times.append(
                {
                    **{key: facts[key] for key in (*keys, "seeds")},
                    "mean_of_last_20_returns": level,
                    "steps": step,
                    "minutes": minutes,
                    "threads": facts["threads"],
                    "device": facts["device"],
                    "processor": facts["machine"]["processor"],
                    "instruction_set": facts["machine"]["instruction_set"],
                }
            )
    with replacing(arguments.steps_to_return) as path:
        pd.DataFrame(times, columns=COLUMNS).astype({"steps": "Int64"}).to_csv(path, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
