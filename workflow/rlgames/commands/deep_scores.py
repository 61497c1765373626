"""Tabulate what agents on Atari reached in evaluation, and how soon their training returns reached given levels."""

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
    from rlgames.statistics import evaluation_scores, steps_to_return

    keys = ["experiment", "variant"]
    manifests = [json.loads(path.read_text()) for path in arguments.manifests]
    diverged = {(*(facts[key] for key in keys), facts["seeds"]) for facts in manifests if facts["diverged"]}
    scores = evaluation_scores(pd.concat([pd.read_parquet(path) for path in arguments.evaluations]))
    scores["diverged_seeds"] = [
        sum((experiment, variant) == lost[:2] and seed in (lost[2], "all") for lost in diverged) * (agent == "trained")
        for experiment, variant, agent, seed in scores[[*keys, "agent", "seed"]].itertuples(index=False)
    ]
    with replacing(arguments.scores) as path:
        scores.to_csv(path, index=False, float_format="%.8g")

    times = []
    for episodes_path, facts in zip(arguments.episodes, manifests, strict=True):
        episodes = pd.read_parquet(episodes_path)
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
