"""Play a recorded episode again and write it as an H.264 video, with a page that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rlgames.commands import command_line
from rlgames.messages import log
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.parser(__doc__, "recordings", "mp4", "html")
    parser.add_argument("--module", required=True, help="of the game")
    parser.add_argument("--seed", required=True, type=int)
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name, arguments.module)

    from rlgames.files import replacing
    from rlgames.playing.recording import read
    from rlgames.videos.encoding import encode, page
    from rlgames.videos.gameplay import notice

    experiment, variant = arguments.mp4.parent.name, arguments.mp4.stem
    title = f"{experiment}, {variant}: seed {arguments.seed} diverged, and has no last episode to show"
    pictures: Iterable[Any] = [notice(f"{experiment}, seed {arguments.seed}", "diverged: no last episode to show")]
    for recording in read(arguments.recordings):
        if recording.seed == arguments.seed:
            title = (
                f"{experiment}, {variant}: seed {recording.seed}, episode {recording.episode}, {recording.steps} "
                f"steps, {recording.ending}"
            )
            pictures = (each.picture for each in recording.replay(render=True) if each.picture is not None)
    with replacing(arguments.mp4) as path:
        count = encode(pictures, path)
    with replacing(arguments.html) as path:
        path.write_text(page(arguments.mp4, title), encoding="utf-8")
    log.info(f"{arguments.mp4}: {count} pictures")


if __name__ == "__main__":
    jobs.run(main)
