"""Play a recorded episode again and write it as an H.264 video, with a page that shows it."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import Any

from rlgames.commands import job
from rlgames.messages import log

FRAMES_PER_SECOND = 30
HOLD = 30
"""Times that the last picture is shown, so that one sees how it ended."""

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif; margin: 1em">
<video controls autoplay loop muted playsinline style="max-width: 100%" src="data:video/mp4;base64,{video}"></video>
<p>{title}</p>
</body></html>
"""


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

    pictures = [picture for *_, picture in replay(recording, render=True)]
    with replacing(arguments.mp4) as path:
        encode(pictures + pictures[-1:] * HOLD, path)
    title = (
        f"{recording['experiment']}, {recording['variant']}: seed {recording['seed']}, episode {recording['episode']}, "
        f"{recording['steps']} steps, {recording['ending']}"
    )
    video = base64.b64encode(arguments.mp4.read_bytes()).decode()
    with replacing(arguments.html) as path:
        path.write_text(PAGE.format(title=html.escape(title), video=video), encoding="utf-8")
    log.info(f"{arguments.mp4}: {len(pictures)} pictures")


def encode(pictures: list[Any], path: Path) -> None:
    """Write pictures (uint8, shape (height, width, 3), both even) as H.264 that browsers play: yuv420p, index first."""
    import av

    height, width, _ = pictures[0].shape
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "23", "threads": "1"}  # one thread: the same bytes on any machine
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main()
