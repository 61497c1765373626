"""Train a linear agent for a block of seeds: weights, a table of episodes, and a manifest."""

from __future__ import annotations

import json
import time
from importlib import import_module
from pathlib import Path

from rlgames.commands import job
from rlgames.settings import Spec


def main() -> None:
    start = time.perf_counter()
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="settings of the run, as JSON")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seeds", required=True, help="first-last")
    parser.add_argument("--weights", required=True, type=Path)
    parser.add_argument("--episodes", required=True, type=Path)
    parser.add_argument("--manifest", required=True, type=Path)
    arguments = parser.parse_args()
    spec = Spec.model_validate_json(arguments.spec)
    job.begin(arguments, __spec__.name, spec.agent.module, spec.environment.module)

    import numpy as np
    import pandas as pd

    from rlgames.environments.tile_coding import CODINGS
    from rlgames.files import replacing
    from rlgames.provenance import checksum, manifest

    agent, environment = import_module(spec.agent.module), import_module(spec.environment.module)
    coding = CODINGS[spec.agent.coding.name](
        environment.LOW, environment.HIGH, **spec.agent.coding.model_dump(exclude={"name"})
    )
    first, last = map(int, arguments.seeds.split("-"))
    seeds = range(first, last + 1)
    name = f"{arguments.experiment}/{arguments.variant}"
    runs, progress = [], job.Progress(f"{name}, seeds {arguments.seeds}", len(seeds), "seeds")
    for seed in seeds:
        runs.append(
            agent.train(
                seed,
                coding,
                episodes=spec.episodes,
                max_steps=spec.environment.max_steps,
                **spec.agent.model_dump(exclude={"name", "coding"}),
            )
        )
        progress.advance()

    with replacing(arguments.weights) as path:
        np.savez_compressed(path, seeds=np.array(seeds), weights=np.stack([run.weights for run in runs]))
    episodes = pd.concat([run.table(seed) for seed, run in zip(seeds, runs, strict=True)], ignore_index=True)
    episodes.insert(0, "experiment", arguments.experiment)
    episodes.insert(1, "variant", arguments.variant)
    with replacing(arguments.episodes) as path:
        episodes.to_parquet(path, index=False)

    lost = episodes.loc[episodes.ending == "diverged", ["seed", "episode"]].to_dict("records")
    if lost:
        job.log.warning(job.diverged(arguments.experiment, arguments.variant, lost))
    facts = manifest(
        experiment=arguments.experiment,
        variant=arguments.variant,
        spec=json.loads(arguments.spec),
        seeds=arguments.seeds,
        code=arguments.code,
        threads=1,
        device="cpu",
        steps=int(episodes.steps.sum()),
        diverged=lost,
        truncated=int((episodes.ending == "truncated").sum()),
        wall_seconds=round(time.perf_counter() - start, 3),
        products={path.name: checksum(path) for path in (arguments.weights, arguments.episodes)},
    )
    with replacing(arguments.manifest) as path:
        path.write_text(json.dumps(facts, indent=2) + "\n")
    progress.finish(f"{facts['steps'] / 1e6:.1f} million steps")


if __name__ == "__main__":
    main()
