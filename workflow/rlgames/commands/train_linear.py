"""Train a linear agent for a block of seeds: weights, a table of episodes, recordings, and a manifest."""

from __future__ import annotations

import json
import time
from importlib import import_module
from pathlib import Path

from rlgames import messages
from rlgames.commands import job


def main() -> None:
    start = time.perf_counter()
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="settings of the run, as JSON")
    parser.add_argument("--training", required=True, help="module that trains in the environment")
    parser.add_argument("--agent", required=True, help="module of the agent")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seeds", required=True, help="first-last")
    for product in ("weights", "episodes", "recordings", "manifest"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name, arguments.training, arguments.agent)

    # No pandas and no settings here: jobs are many and short, and these would be half of their time.
    import numpy as np
    import pyarrow as pa
    from pyarrow.parquet import write_table

    from rlgames.agents.linear import DIVERGED, ENDINGS, TRUNCATED
    from rlgames.environments.tile_coding import make
    from rlgames.files import replacing, write_json
    from rlgames.provenance import checksum, manifest

    spec = json.loads(arguments.spec)
    settings = {key: value for key, value in spec["agent"].items() if key not in ("name", "coding")}
    agent, training = import_module(arguments.agent), import_module(arguments.training)
    low, high = training.ranges(spec["environment"])
    name = {"experiment": arguments.experiment, "variant": arguments.variant}
    first, last = map(int, arguments.seeds.split("-"))
    seeds = range(first, last + 1)

    weights, tables, actions = [], [], []
    progress = messages.Progress(f"{'/'.join(name.values())}, seeds {arguments.seeds}", len(seeds), "seeds")
    for seed in seeds:
        coding = make(low, high, **spec["agent"]["coding"])
        run = training.train(agent, seed, coding, spec["environment"], episodes=spec["episodes"], **settings)
        weights.append(run.weights)
        tables.append(run.table(seed))
        tables[-1]["collisions"] = np.full(len(tables[-1]["seed"]), getattr(coding, "collisions", 0))
        actions.append(run.actions[: run.steps[-1]].astype(np.uint8).tobytes())
        progress.advance()

    with replacing(arguments.weights) as path:
        np.savez_compressed(path, **name, seeds=np.array(seeds), weights=np.stack(weights))
    columns = {key: np.concatenate([table[key] for table in tables]) for key in tables[0]}
    endings, ends = columns["ending"], np.cumsum([len(table["seed"]) for table in tables]) - 1
    episodes = pa.table(
        {
            **{key: pa.array([value] * len(endings)).dictionary_encode() for key, value in name.items()},
            **columns,
            "ending": pa.DictionaryArray.from_arrays(endings, ENDINGS),
        }
    )
    with replacing(arguments.episodes) as path:
        write_table(episodes, path)
    # The last episode of each seed; a seed that diverged before it has none.
    kept = [number for number, end in enumerate(ends) if columns["episode"][end] == spec["episodes"]]
    recordings = episodes.take(ends[kept]).append_column(
        "actions", pa.array([actions[number] for number in kept], pa.binary())
    )
    environment = pa.array([json.dumps(spec["environment"])] * len(kept), pa.string())
    with replacing(arguments.recordings) as path:
        write_table(recordings.append_column("environment", environment), path)

    lost = [
        {"seed": int(columns["seed"][row]), "episode": int(columns["episode"][row])}
        for row in np.flatnonzero(endings == DIVERGED)
    ]
    if lost:
        messages.log.warning(messages.diverged(**name, places=lost))
    facts = manifest(
        **name,
        spec=spec,
        seeds=arguments.seeds,
        code=arguments.code,
        threads=1,
        device="cpu",
        steps=int(columns["steps"].sum()),
        diverged=lost,
        truncated=int((endings == TRUNCATED).sum()),
        wall_seconds=round(time.perf_counter() - start, 3),
        products={path.name: checksum(path) for path in (arguments.weights, arguments.episodes, arguments.recordings)},
    )
    write_json(facts, arguments.manifest)
    progress.finish(f"{facts['steps'] / 1e6:.1f} million steps")


if __name__ == "__main__":
    main()
