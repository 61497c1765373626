"""Show an evaluation episode of a deep agent, with its action values, as a video and a page that holds it."""

from __future__ import annotations

from pathlib import Path

from rlgames.commands import job
from rlgames.messages import log


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--recordings", required=True, type=Path, help="of an evaluation")
    parser.add_argument("--which", required=True, choices=("best", "median", "random"))
    parser.add_argument("--mp4", required=True, type=Path)
    parser.add_argument("--html", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    import pandas as pd

    from rlgames.files import replacing
    from rlgames.gameplay import choose, pictures
    from rlgames.videos import encode, page

    episode = choose(pd.read_parquet(arguments.recordings), arguments.which)
    agent = "random play" if arguments.which == "random" else f"{episode['trained_steps']} steps of training"
    caption = [
        f"{episode['experiment']}, seed {episode['seed']}",
        "" if episode["variant"] == "default" else str(episode["variant"]),
        agent,
        f"episode of {arguments.which} return" if arguments.which != "random" else "a baseline to compare with",
    ]
    with replacing(arguments.mp4) as path:
        count = encode(pictures(episode, [line for line in caption if line]), path)
    title = (
        f"{episode['experiment']}, {episode['variant']}, seed {episode['seed']}: {agent}; evaluation episode "
        f"{episode['episode']} ({arguments.which}), return {episode['return']:g} after {episode['steps']} steps"
    )
    with replacing(arguments.html) as path:
        path.write_text(page(arguments.mp4, title), encoding="utf-8")
    log.info(f"{arguments.mp4}: {count} pictures, return {episode['return']:g}")


if __name__ == "__main__":
    main()
