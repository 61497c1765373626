"""Make a data set: recordings of a policy's episodes, the frames that it saw in them, and facts about both."""

from __future__ import annotations

import json
import time
from pathlib import Path

from rlgames.commands import command_line
from rlgames.operations import jobs


def main() -> None:
    start = time.perf_counter()
    parser = command_line.parser(__doc__, "recordings", "frames", "manifest")
    parser.add_argument("--spec", required=True, type=json.loads, help="game, policy and size, as JSON")
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--policy", nargs="*", type=Path, default=[], help="recordings of a trained agent's evaluation")
    parser.add_argument("--threads", required=True, type=int)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from rlgames.encoders import dataset, frames
    from rlgames.files import replacing
    from rlgames.operations.progress import Progress
    from rlgames.provenance import Manifest, checksums

    spec = arguments.spec
    progress = Progress(arguments.dataset, spec["size"], "frames")
    played = dataset.Playing(spec, arguments.policy, progress.advance)
    with replacing(arguments.frames) as path:
        frames.write(dataset.rows(played.episodes(arguments.threads, jobs.die_with_parent)), path)
        played.check(arguments.dataset)
    with replacing(arguments.recordings) as path:
        recordings = played.table(arguments.dataset)
        recordings.to_parquet(path, index=False)
    whole = frames.Frames(arguments.frames)
    Manifest(
        experiment=arguments.dataset,
        variant=None,
        seeds=None if arguments.policy else str(spec["seed"]),
        spec=spec,
        code=arguments.code,
        steps=len(whole),
        threads=arguments.threads,
        device="cpu",
        diverged=[],
        truncated=int((recordings["ending"] == "truncated").sum()),
        wall_seconds=round(time.perf_counter() - start, 3),
        products=checksums(arguments.recordings, arguments.frames),
        more={"episodes": len(recordings), **dataset.facts(whole)},
    ).write(arguments.manifest)
    progress.finish(f"{spec['size']} frames of {len(recordings)} episodes")


if __name__ == "__main__":
    jobs.run(main)
