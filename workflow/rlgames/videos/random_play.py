"""Random play of any game, with what an agent would see beside the screen: the lesson's first look at a game."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import cv2
import numpy as np

from rlgames.playing.composite import composite
from rlgames.playing.recording import Recording, module_name
from rlgames.streams import Purpose, episode_stream, reset_seed
from rlgames.videos.gameplay import FAINT, HEIGHT, INK, enlarged, points, write

LARGEST_VECTOR = 16
"""Maximum length of an observation whose numbers are written out."""


def play(environment: dict[str, Any], *, steps: int, seed: int = 0) -> tuple[Recording, Iterator[np.ndarray]]:
    """Play an episode at random, of `steps` at most, in the game of these settings.

    Returns the recording, and a picture of each moment (uint8, shape (height, width, 3)): the screen, what an agent
    sees, and the score.
    """
    games = import_module(module_name(environment)).Games(environment, 1)
    number = reset_seed(seed, Purpose.EVALUATION, 1)
    rng = episode_stream(seed, Purpose.EVALUATION_EXPLORATION, 1)
    observations, actions, rewards, over = [games.reset(np.array([number]))[0].copy()], bytearray(), [0.0], False
    while not over and len(actions) < steps:
        actions.append(int(rng.integers(len(games.actions))))
        step = games.step(np.array([actions[-1]]))
        observations.append(step.observations[0].copy())
        rewards.append(float(step.rewards[0]))
        over = bool(step.terminated[0] or step.truncated[0])
    ending = "terminated" if step.terminated[0] else "truncated"
    recording = Recording(
        1, len(actions), sum(rewards), ending, bytes(actions), environment, reset_seed=number, agent="random"
    )
    return recording, pictures(recording, observations, np.cumsum(rewards))


def pictures(recording: Recording, observations: list[np.ndarray], scores: np.ndarray) -> Iterator[np.ndarray]:
    """The screen at each moment, and beside it what an agent sees then."""
    names = recording.action_names()
    for step, (moment, seen) in enumerate(zip(recording.replay(render=True), observations, strict=True)):
        panel = observed(seen)
        write(panel, f"random play   score {points(scores[step])}   step {step}", (12, 24), 0.6, INK, 1)
        last = names[recording.actions[step - 1]].lower() if step else "begin"
        write(panel, f"action: {last}", (12, 48), 0.6, INK, 1)
        yield np.hstack([enlarged(np.asarray(moment.picture)), panel])


def observed(observation: np.ndarray) -> np.ndarray:
    """An observation, of shape (stack, *frame), as people can see it: uint8, shape (HEIGHT, HEIGHT, 3).

    The frames of a stack are the colours of one picture; the numbers of a vector are written out.
    """
    if observation.ndim == 2:
        panel = np.full((HEIGHT, HEIGHT, 3), 24, np.uint8)
        for line, number in enumerate(observation[-1][:LARGEST_VECTOR].tolist()):
            write(panel, f"{line}: {number:+.3f}", (12, 100 + 30 * line), 0.7, INK if line % 2 == 0 else FAINT)
        return panel
    if observation.ndim == 4:  # colours, or the layers of MinAtar
        layers = observation[-1].astype(np.float32)
        picture = layers if layers.shape[-1] == 3 else np.repeat(layers.max(axis=-1, keepdims=True), 3, axis=-1)
        picture = (255 * picture / max(picture.max(), 1)).astype(np.uint8)
    else:
        picture = composite(observation)
    shown = cv2.resize(picture, (HEIGHT, HEIGHT), interpolation=cv2.INTER_NEAREST)
    shown[:60] = shown[:60] // 3  # behind the words
    return shown
