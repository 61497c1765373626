"""Deep agents for other programs: `export` to a Keras file of plain layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rlgames.api.loading import load
from rlgames.files import replacing
from rlgames.messages import UserError


def export(run: Path | str, path: Path | str, *, point: int = -1) -> Path:
    """Write the network of a run as a Keras file, which `keras.models.load_model` reads with nothing else installed.

    It takes observations as Gymnasium or ALE give them, (batch, stack, height, width) in grey levels or (batch,
    numbers), and gives `q_values`, or `policy` and `value`. `point` is as in `rlgames.load`. Raises `UserError` for an
    agent without a network.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise UserError(f"{path}: Keras reads files whose names end in .keras; give another name.")
    loaded = load(run, point=point)
    player = loaded.agent.player
    if not hasattr(player, "network"):
        raise UserError(f"{loaded.settings.agent.name} has no network to export; its weights are in weights.npz.")

    from rlgames.networks.plain import plain

    shape = loaded.environment.observation_space.shape or ()
    model: Any = plain(player.network, player.weights[0], player.reader, shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        model.save(temporary)
    return path
