"""How a network reads what a game shows."""

from __future__ import annotations

import numpy as np

from rlgames.environments.games import Frame
from rlgames.messages import UserError
from rlgames.networks.space_to_depth import space_to_depth


class Reader:
    """Turns observations into the input of a body: pictures get channels, vectors stay vectors."""

    def __init__(self, frame: Frame, block: int) -> None:
        """`frame` is what a game shows at a time, `block` the body's `BLOCK`: 1 for plain pixels, 0 for vectors.

        Raises `UserError` if the body cannot read such frames.
        """
        self.frame, self.block = frame, block
        self.is_picture = len(frame.shape) > 1
        if self.is_picture != (block > 0):
            raise UserError(
                f"This network reads {'pictures' if block else 'vectors'}, and the game shows frames of shape "
                f"{frame.shape}: choose another network."
            )
        if self.is_picture and any(side % block for side in frame.shape[:2]):
            raise UserError(f"This network reads pictures whose sides are multiples of {block}, not {frame.shape}.")
        sample = np.zeros((1, len(frame.offsets), *frame.shape), frame.dtype)
        self.frame_shape: tuple[int, ...] = self.newest(sample).shape[1:]
        """Shape of a frame as the replay buffer holds it."""
        self.shape: tuple[int, ...] = self(sample).shape[1:]
        """Shape of an observation as the network gets it."""

    def __call__(self, observations: np.ndarray) -> np.ndarray:
        """The network's input for observations of shape (games, stack, *frame): shape (games, *self.shape)."""
        return self._channels_last(observations)

    def newest(self, observations: np.ndarray) -> np.ndarray:
        """Their newest frames, as the replay buffer holds them: shape (games, *self.frame_shape)."""
        return self._channels_last(observations[:, -1:])

    def _channels_last(self, observations: np.ndarray) -> np.ndarray:
        if not self.is_picture:
            return observations.reshape(len(observations), -1)
        if len(self.frame.shape) == 3:  # colours, or the layers of MinAtar, in place of a stack of grey frames
            observations = observations[:, 0].transpose(0, 3, 1, 2)
        return space_to_depth(observations, self.block)
