"""Videos: H.264 that any browser plays, and a page that holds one."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from PIL import Image

FRAMES_PER_SECOND = 30
HOLD = 30
"""Times that the last picture is shown, so that one sees how it ended."""

SAME_BYTES = {"threads": "1", "x264-params": "mbtree=0"}
"""What x264's bytes depend on by default: the number of cores, and, with AVX-512, memory that its macroblock tree never
wrote. (Version 165; a test sees it.)"""

LOOP_COLOURS, LOOP_MILLISECONDS = 32, 70
"""Of an animation: steps last about as long as in the game, 4 frames at 60 Hz."""

LARGEST = 1_150_000
"""Bytes of a video in a page. A report holds pages in addresses, in base64 for the second time, and Chromium opens no
address above 2 MB."""

STRIDES = (1, 2, 4, 8, 16, 32)
"""Of pictures, in the page of a video above that size: the first with which it fits, or else the last."""

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font-family: sans-serif; margin: 1em">
<video controls autoplay loop muted playsinline style="max-width: 100%" src="data:video/mp4;base64,{video}"></video>
<p>{title}</p>
</body></html>
"""


def encode(pictures: Iterable[np.ndarray], path: Path) -> int:
    """Write pictures (uint8, shape (height, width, 3)) as H.264 that browsers play: yuv420p, index first.

    The last is held for a second. Returns the number of pictures.
    """

    def frames() -> Iterator[av.VideoFrame]:
        for picture in pictures:
            yield av.VideoFrame.from_ndarray(even := with_even_sides(picture), format="rgb24")
        for _ in range(HOLD):
            yield av.VideoFrame.from_ndarray(even, format="rgb24")

    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        return write(frames(), container, crf=23) - HOLD


def with_even_sides(picture: np.ndarray) -> np.ndarray:
    """A picture, with its last row or column once more where their number is odd: yuv420p has colours for every second
    one."""
    height, width, _ = picture.shape
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def write(frames: Iterable[av.VideoFrame], container: av.container.OutputContainer, crf: int) -> int:
    """Write frames into a file, and return their number; a larger `crf` is coarser."""
    stream, count = container.add_stream("libx264", rate=FRAMES_PER_SECOND), 0
    stream.pix_fmt, stream.options = "yuv420p", {"crf": str(crf), **SAME_BYTES}
    for count, frame in enumerate(frames, start=1):
        if count == 1:
            stream.height, stream.width = frame.height, frame.width
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    return count


def fitting(video: Path) -> tuple[bytes, int]:
    """A video's file, or of one above LARGEST a coarser copy with every `stride`th picture, and `stride`."""
    if video.stat().st_size <= LARGEST:
        return video.read_bytes(), 1
    for stride in STRIDES:
        copy = io.BytesIO()
        with av.open(str(video)) as source, av.open(copy, "w", format="mp4") as target:
            write(islice(source.decode(video=0), 0, None, stride), target, crf=33)
        if len(copy.getvalue()) <= LARGEST:
            break
    return copy.getvalue(), stride


def halved(picture: np.ndarray) -> np.ndarray:
    """A picture at half its height and width."""
    return cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def animate(pictures: list[np.ndarray], path: Path) -> None:
    """Write pictures (uint8, shape (height, width, 3)) as a GIF that runs for ever, in the first one's colours."""
    images = [Image.fromarray(picture) for picture in pictures]
    palette = images[0].quantize(LOOP_COLOURS, dither=Image.Dither.NONE)
    first, *others = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    first.save(path, save_all=True, append_images=others, duration=LOOP_MILLISECONDS, loop=0, optimize=True)


def page(video: Path, title: str) -> str:
    """An HTML page that holds the video itself, so that it can be moved and mailed, and shown in a report."""
    content, stride = fitting(video)
    if stride > 1:
        title += f"; shown in short, every picture stands for {stride} steps: the whole is {video.name}"
    return PAGE.format(title=html.escape(title), video=base64.b64encode(content).decode())
