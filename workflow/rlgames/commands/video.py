"""Play a recorded episode again and write it as an H.264 video, with a page that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlgames.commands import job
from rlgames.messages import log


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--recordings", required=True, type=Path)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--mp4", required=True, type=Path)
    parser.add_argument("--html", required=True, type=Path)
    arguments = parser.parse_args()

    import pandas as pd

    from rlgames.recording import environment_of

    recording: dict[str, Any] = (
        pd.read_parquet(arguments.recordings).set_index("seed", drop=False).loc[arguments.seed].to_dict()
    )
    job.begin(arguments, __spec__.name, environment_of(recording).module)

    from rlgames.files import replacing
    from rlgames.recording import replay
    from rlgames.videos import encode, page

    with replacing(arguments.mp4) as path:
        count = encode((picture for *_, picture in replay(recording, render=True) if picture is not None), path)
    title = (
        f"{recording['experiment']}, {recording['variant']}: seed {recording['seed']}, episode {recording['episode']}, "
        f"{recording['steps']} steps, {recording['ending']}"
    )
    with replacing(arguments.html) as path:
        path.write_text(page(arguments.mp4, title), encoding="utf-8")
    log.info(f"{arguments.mp4}: {count} pictures")


if __name__ == "__main__":
    main()
