"""Show an evaluation episode on Atari, with its action values, as a video and a page that holds it.

Its best eight seconds become an animation, and the choice that mattered most in them a still.
"""

from __future__ import annotations

import re
from pathlib import Path

from rlgames.commands import job
from rlgames.messages import log


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--recordings", required=True, type=Path, help="of an evaluation")
    parser.add_argument("--which", required=True, choices=("best", "median", "random"))
    for product in ("mp4", "html", "gif", "png"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name)

    from collections.abc import Iterator

    import numpy as np
    import pandas as pd
    from PIL import Image

    from rlgames.files import replacing
    from rlgames.gameplay import choose, decisive, highlight, pictures
    from rlgames.videos import animate, encode, halved, page

    episode = choose(pd.read_parquet(arguments.recordings), arguments.which)
    agent = "random play" if arguments.which == "random" else f"{episode['trained_steps']} steps of training"
    caption = [
        f"{episode['experiment']}, seed {episode['seed']}",
        "" if episode["variant"] == "default" else re.sub(r"[a-z.]*name=", "", str(episode["variant"])),
        agent,
        f"episode of {arguments.which} return" if arguments.which != "random" else "a baseline to compare with",
    ]
    loop: list[np.ndarray] = []
    steps = highlight(episode)

    def watched() -> Iterator[np.ndarray]:
        for step, picture in enumerate(pictures(episode, [line for line in caption if line])):
            if step in steps:
                loop.append(halved(picture))
            yield picture

    with replacing(arguments.mp4) as path:
        count = encode(watched(), path)
    with replacing(arguments.gif) as path:
        animate(loop, path)
    with replacing(arguments.png) as path:
        Image.fromarray(loop[decisive(episode, steps)]).save(path)
    title = (
        f"{episode['experiment']}, {episode['variant']}, seed {episode['seed']}: {agent}; evaluation episode "
        f"{episode['episode']} ({arguments.which}), return {episode['return']:g} after {episode['steps']} steps"
    )
    with replacing(arguments.html) as path:
        path.write_text(page(arguments.mp4, title), encoding="utf-8")
    log.info(f"{arguments.mp4}: {count} pictures, return {episode['return']:g}")


if __name__ == "__main__":
    main()
