"""Make a data set: recordings of a policy's episodes, the frames that it saw in them, and facts about both."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from rlgames.commands import job
from rlgames.messages import Progress


def main() -> None:
    start = time.perf_counter()
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="game, policy and size, as JSON")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--policy", nargs="*", type=Path, default=[], help="recordings of a trained agent's evaluation")
    parser.add_argument("--threads", required=True, type=int)
    for product in ("recordings", "frames", "manifest"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    from collections.abc import Iterator
    from functools import partial
    from itertools import count

    import pandas as pd

    from rlgames import dataset, frames
    from rlgames.environments.atari import Games
    from rlgames.files import replacing, write_json
    from rlgames.provenance import checksum, manifest

    spec = json.loads(arguments.spec)
    environment, size = spec["environment"], spec["size"]
    actions = len(Games(environment, 1).actions)
    one: Any = partial(dataset.random_episode, environment, actions, spec["seed"])
    what: Any = count(1)
    for path in arguments.policy:
        recordings = pd.read_parquet(path)
        one = partial(dataset.recorded_episode, environment)
        what = iter(recordings[recordings["agent"] == "trained"].to_dict("records"))
    rows = []
    progress = Progress(arguments.dataset, size, "frames")

    def played() -> Iterator[dataset.Episode]:
        for number, episode in enumerate(dataset.observe(one, what, size, arguments.threads), start=1):
            rows.append(
                {
                    "dataset": arguments.dataset,
                    "episode": number,
                    "steps": len(episode.actions),
                    "return": sum(episode.rewards),
                    "ending": episode.ending,
                    "reset_seed": episode.reset_seed,
                    "actions": episode.actions,
                    "environment": json.dumps(environment),
                }
            )
            progress.advance(len(episode.actions))
            yield episode

    with replacing(arguments.frames) as path:
        frames.write(dataset.rows(played()), path)
        if (found := sum(row["steps"] for row in rows)) < size:
            sys.exit(
                f"{arguments.dataset}: the evaluation of the trained agent has {found} frames, not {size}. "
                "Lower the size, or raise evaluation.episodes."
            )
    with replacing(arguments.recordings) as path:
        pd.DataFrame(rows).to_parquet(path, index=False)
    whole = frames.Frames(arguments.frames)
    facts = manifest(
        experiment=arguments.dataset,
        variant=None,
        seeds=None if arguments.policy else str(spec["seed"]),
        spec=spec,
        code=arguments.code,
        steps=len(whole),
        different_frames=len(set(whole.png.to_pylist())),
        episodes=len(rows),
        splits={kind: dataset.leaks(whole, kind) for kind in dataset.SPLITS if kind == "random" or len(rows) > 1},
        threads=arguments.threads,
        device="cpu",
        diverged=[],
        truncated=sum(row["ending"] == "truncated" for row in rows),
        wall_seconds=round(time.perf_counter() - start, 3),
        products={path.name: checksum(path) for path in (arguments.recordings, arguments.frames)},
    )
    write_json(facts, arguments.manifest)
    progress.finish(f"{size} frames of {len(rows)} episodes")


if __name__ == "__main__":
    main()
