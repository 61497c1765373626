"""Videos: H.264 that any browser plays, and a page that holds one."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

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


def encode(pictures: Iterable[np.ndarray], path: Path) -> int:
    """Write pictures (uint8, shape (height, width, 3), both even) as H.264 that browsers play: yuv420p, index first.

    The last is held for a second. Returns the number of pictures.
    """
    count = 0
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "23", "threads": "1"}  # one: the same bytes on any machine
        for count, picture in enumerate(pictures, start=1):
            if count == 1:
                stream.height, stream.width, _ = picture.shape
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        for _ in range(HOLD):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return count


def page(video: Path, title: str) -> str:
    """An HTML page that holds the video itself, so that it can be moved and mailed."""
    content = base64.b64encode(video.read_bytes()).decode()
    return PAGE.format(title=html.escape(title), video=content)
