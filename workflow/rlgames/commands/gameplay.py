"""Show an evaluation episode, with what the agent's actions were chosen by, as a video and a page that holds it.

Things on the screen get rings, if the agent sees where they are, and further outputs of its network stand beside the
actions. The best eight seconds become an animation, and the choice that mattered most in them a still.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from rlgames.commands import command_line
from rlgames.messages import log
from rlgames.operations import jobs


def main() -> None:
    parser = command_line.spec_parser(__doc__, "recordings", "mp4", "html", "gif", "png")
    parser.add_argument("--weights", nargs="*", default=[], type=Path, help="weights.npz of the agent")
    parser.add_argument("--which", required=True, choices=("best", "median", "random"))
    arguments = parser.parse_args()
    jobs.begin(arguments, __spec__.name)

    from PIL import Image

    from rlgames.files import read_weights, reading, replacing
    from rlgames.playing.recording import read
    from rlgames.videos.encoding import animate, encode, page
    from rlgames.videos.gameplay import Highlight, caption, choose, decisive, pictures, title

    episode = choose(read(arguments.recordings), arguments.which)
    watched, lines = Highlight(episode), caption(episode, arguments.which)
    features = [] if episode.agent == "random" else command_line.features(arguments)  # random play looks at nothing
    places = next((each.seen(episode) for each in features), None)
    insights = None
    if arguments.weights and episode.preferences is not None:
        import_module(arguments.modules["player"]).prepare()
        modules, spec = command_line.run_modules(arguments), arguments.spec
        (path,) = arguments.weights
        with reading(path):  # weights that do not fit the network are damage, too
            player = modules["player"].Player(read_weights(path), modules, spec["environment"], spec["agent"])
        insights = player.insights(episode)
    with replacing(arguments.mp4) as path:
        count = encode(watched.watch(pictures(episode, lines, places, insights)), path)
    with replacing(arguments.gif) as path:
        animate(watched.kept, path)
    with replacing(arguments.png) as path:
        Image.fromarray(watched.kept[decisive(episode, watched.steps)]).save(path)
    with replacing(arguments.html) as path:
        path.write_text(page(arguments.mp4, title(episode, arguments.which)), encoding="utf-8")
    log.info(f"{arguments.mp4}: {count} pictures, return {episode.score:,.12g}")


if __name__ == "__main__":
    jobs.run(main)
