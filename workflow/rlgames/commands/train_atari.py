"""Train an agent on an Atari game from one seed: weights, a table of episodes, recordings, and a manifest.

Killed at any moment and run again, it gives the same bits.
"""

from __future__ import annotations

import json
import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from rlgames import messages
from rlgames.commands import job


def main() -> None:
    parser = job.parser(__doc__)
    parser.add_argument("--spec", required=True, help="settings of the run, as JSON")
    parser.add_argument("--training", required=True, help="module that trains this kind of agent")
    parser.add_argument("--agent", required=True, help="module of the agent")
    parser.add_argument("--features", nargs="*", default=[], help="module of the features of a linear agent")
    parser.add_argument("--encoder", nargs="*", type=Path, default=[], help="weights that the features need")
    parser.add_argument("--experiment", required=True)
    parser.add_argument("--variant", required=True)
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--state", required=True, type=Path, help="folder of the saves")
    parser.add_argument("--parent", type=int, default=os.getppid(), help="the process with which this one is to end")
    parser.add_argument("--initial-weights", nargs="*", type=Path, default=[])
    for product in ("weights", "episodes", "recordings", "manifest"):
        parser.add_argument(f"--{product}", required=True, type=Path)
    arguments = parser.parse_args()
    job.begin(arguments, __spec__.name, arguments.training, arguments.agent, *arguments.features)

    from rlgames.devices import DeviceError, prepare
    from rlgames.resume import die_with_parent, end

    die_with_parent(arguments.parent)
    spec = json.loads(arguments.spec)
    try:
        # Linear agents have no device: they learn on the processor, and need no TensorFlow.
        device = prepare(spec["agent"]["device"], arguments.threads) if "device" in spec["agent"] else "cpu"
        train(arguments, spec, device)
    except Exception as error:
        end(arguments.state, error, DeviceError)


def train(arguments: Any, spec: dict[str, Any], device: str) -> None:
    """Train to the end, from the last save if there is one, and publish."""
    start = time.perf_counter()  # not before: the time that a graphics card was waited for is no cost
    import numpy as np
    import pandas as pd

    from rlgames.files import replacing, write_episodes, write_json
    from rlgames.provenance import checksum, manifest, numerics
    from rlgames.resume import ResumeError, Saves, Stop, finish
    from rlgames.training.atari import ReplayError

    name = {"experiment": arguments.experiment, "variant": arguments.variant}
    inputs = {str(path): checksum(path) for path in (*arguments.initial_weights, *arguments.encoder)}
    fingerprint = {"spec": spec, "seed": arguments.seed, "code": arguments.code, "inputs": inputs}
    saves = Saves(arguments.state, fingerprint, numerics(device))
    features = [
        import_module(module).Features(spec["environment"], spec["agent"]["features"], *arguments.encoder)
        for module in arguments.features
    ]
    training = import_module(arguments.training).Training(
        import_module(arguments.agent), *features, arguments.seed, spec["environment"], spec["agent"], spec["steps"],
        threads=arguments.threads,
    )  # fmt: skip
    progress = messages.Steps(f"{'/'.join(name.values())}, seed {arguments.seed}", spec["steps"], arguments.state)
    kept: dict[int, dict[str, np.ndarray]] = {}
    earlier, timeline = 0.0, [(0, 0.0)]
    if (found := saves.load()) is None:
        for path in arguments.initial_weights:
            try:
                training.start_from(dict(np.load(path, allow_pickle=False)))
            except ValueError as error:
                raise ResumeError(f"{path} cannot be started from: {error}") from None
        training.begin()
    else:
        state, kept = found
        timeline = [(int(step), float(seconds)) for step, seconds in state["timeline"]]
        earlier = timeline.pop()[1]
        try:
            training.restore(state, progress.playing_again)
        except ReplayError as error:
            raise ResumeError(
                f"{error}: the saves in {arguments.state} come from another machine or ALE; delete this folder."
            ) from None
        messages.log.info(f"Going on from step {training.steps}.")

    def now() -> tuple[int, float]:
        """The step, and the wall time that it took, over all attempts."""
        return training.steps, round(earlier + time.perf_counter() - start, 3)

    def advance() -> None:
        if training.advance():
            kept[training.steps] = training.weights()
            timeline.append(now())
        progress.advance(training.steps, training.recent_return, training.epsilon)

    def save() -> None:
        saves.save(training.steps, training.state() | {"timeline": np.array([*timeline, now()])}, kept)

    stop = Stop()
    progress.begin(training.steps)
    finish(training, stop, arguments.state, lambda: f"step {training.steps}", advance, save)

    diverged = [{"seed": arguments.seed, "episode": len(training.episodes)}] if training.diverged else []
    if diverged:
        messages.log.warning(messages.diverged(**name, places=diverged))
    weights = {key: np.stack([arrays[key] for arrays in kept.values()]) for key in next(iter(kept.values()))}
    with replacing(arguments.weights) as path:
        np.savez(path, allow_pickle=False, steps=np.array(sorted(kept)), **weights)
    recordings = pd.DataFrame(
        {
            **name,
            "seed": arguments.seed,
            "episode": episode.number,
            "steps": len(episode.actions),
            "return": episode.score,
            "ending": episode.ending,
            "end_step": episode.end_step,
            "reset_seed": episode.reset_seed,
            "actions": bytes(episode.actions),
            "environment": json.dumps(spec["environment"]),
        }
        for episode in training.episodes
    )
    write_episodes(recordings, arguments.episodes, arguments.recordings)
    facts = manifest(
        **name,
        spec=spec,
        seeds=str(arguments.seed),
        code=arguments.code,
        threads=arguments.threads,
        device=device,
        steps=training.steps,
        updates=training.updates,
        diverged=diverged,
        truncated=int((recordings["ending"] == "truncated").sum()),
        timeline=timeline,
        wall_seconds=now()[1],
        products={path.name: checksum(path) for path in (arguments.weights, arguments.episodes, arguments.recordings)},
    )
    write_json(facts, arguments.manifest)
    progress.finish(f"{training.steps} steps, {training.updates} updates")


if __name__ == "__main__":
    main()
