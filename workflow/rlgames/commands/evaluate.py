"""Evaluate a trained agent, one that plays at random, and the weights kept during training."""

from __future__ import annotations

import json
import time
from functools import partial
from importlib import import_module
from pathlib import Path

from rlgames.commands import job
from rlgames.messages import Progress


def main() -> None:
    start = time.perf_counter()
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="environment, what the agent sees or is, and protocol, as JSON")
    parser.add_argument("--player", required=True, help="module in which this kind of agent plays")
    parser.add_argument("--features", nargs="*", default=[], help="module of the features of a linear agent")
    parser.add_argument("--encoder", nargs="*", type=Path, default=[], help="weights that the features need")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--weights", required=True, type=Path)
    for product in ("episodes", "recordings", "manifest"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name, arguments.player, *arguments.features)

    import numpy as np
    import pandas as pd

    from rlgames.environments.atari import Game, Games
    from rlgames.evaluation import play
    from rlgames.files import write_episodes, write_json
    from rlgames.provenance import checksum, manifest

    spec = json.loads(arguments.spec)
    environment, protocol = spec["environment"], spec["evaluation"]
    saved = dict(np.load(arguments.weights, allow_pickle=False))
    features = [
        import_module(module).Features(environment, spec["agent"]["features"], *arguments.encoder)
        for module in arguments.features
    ]
    player = import_module(arguments.player).Player(saved, environment, spec["agent"], *features)
    actions = len(Games(environment, 1).actions)

    def is_finite(q: np.ndarray) -> bool:
        return bool(np.isfinite(q).all())

    def no_values(states: np.ndarray) -> np.ndarray:
        return np.zeros((len(states), actions), np.float32)

    count, few, points = protocol["episodes"], protocol["checkpoint_episodes"], len(saved["steps"])
    # Agent, point of the training, ε, and the numbers of its episodes, which are those of their seeds.
    plans: list[tuple[str, int | None, float, range]] = [
        ("trained", points - 1, protocol["epsilon"], range(1, count + 1)),
        ("random", None, 1.0, range(count + 1, 2 * count + 1)),
    ]
    for earlier in range(points - 1):
        first = 2 * count + 1 + earlier * few
        plans.append(("in training", earlier, protocol["epsilon"], range(first, first + few)))

    rows = []
    name = {"experiment": arguments.experiment, "variant": arguments.variant, "seed": arguments.seed}
    progress = Progress(f"{arguments.experiment}/{arguments.variant}, seed {arguments.seed}", len(plans), "evaluations")
    for agent, point, epsilon, numbers in plans:
        if point is None:
            played = play(partial(Game, environment), no_values, numbers, arguments.seed, epsilon)
        else:
            player.load(point)
            played = play(player.game, player.q, numbers, arguments.seed, epsilon)
        for number, episode in zip(numbers, played, strict=True):
            rows.append(
                {
                    **name,
                    "agent": agent,
                    "trained_steps": 0 if point is None else int(saved["steps"][point]),
                    "episode": number,
                    "steps": len(episode.actions),
                    "return": float(episode.rewards.sum(dtype=np.float64)),
                    "ending": episode.ending,
                    "reset_seed": episode.reset_seed,
                    "actions": episode.actions,
                    "rewards": episode.rewards.astype("<f4").tobytes(),
                    # Weights that diverged give no values that could be drawn or compared.
                    "values": episode.q.astype("<f4").tobytes() if point is not None and is_finite(episode.q) else None,
                    "environment": json.dumps(environment),
                }
            )
        progress.advance()
    recordings = pd.DataFrame(rows)
    write_episodes(recordings, arguments.episodes, arguments.recordings)
    facts = manifest(
        **{key: name[key] for key in ("experiment", "variant")},
        spec=spec,
        seeds=str(arguments.seed),
        code=arguments.code,
        threads=1,
        device="cpu",
        steps=int(recordings["steps"].sum()),
        diverged=[],
        truncated=int((recordings["ending"] == "truncated").sum()),
        wall_seconds=round(time.perf_counter() - start, 3),
        products={path.name: checksum(path) for path in (arguments.weights, arguments.episodes, arguments.recordings)},
    )
    write_json(facts, arguments.manifest)
    final = recordings.loc[recordings["agent"] == "trained", "return"]
    progress.finish(f"{len(recordings)} episodes, mean return {final.mean():.1f} in the end")


if __name__ == "__main__":
    main()
