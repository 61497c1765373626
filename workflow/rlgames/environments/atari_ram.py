"""Atari games with a look into the console's memory: where things are, without a picture.

ALE's vector environment shows no memory. A single emulator does, and plays the same episodes: from the same seed, after
as many frames without an action (the vector environment tells how many).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from ale_py import ALEInterface, LoggerMode, roms

from rlgames.environments.atari import Games
from rlgames.environments.games import Moment

HEIGHT, WIDTH = 210, 160
"""The console's screen, in pixels."""

NO_FRAME = np.empty((0, 0), np.uint8)

PLACES = {
    "pong": {
        "ball_x": (49, -48.5, WIDTH),
        "ball_y": (54, -13.0, HEIGHT),
        "player_y": (51, -6.0, HEIGHT),
        "opponent_y": (50, -7.5, HEIGHT),
    }
}
"""Of each game, what can be found in its memory: the byte, what is to be added to it for the middle of the thing on the
screen, and the length of that axis. Measured on the screen; a test measures it again."""


class View(NamedTuple):
    """What can be seen of a game after a reset or a step."""

    frame: np.ndarray
    """The newest frame of the observation: uint8, shape (size, size), or (0, 0) if no pictures are wanted."""
    memory: np.ndarray
    """The console's memory: uint8, shape (128,)."""


class Memory:
    """One game whose memory can be read; its states are views.

    Its episodes are those of `rlgames.environments.atari.Games`, bit for bit, but for the frame after the last step of
    a game that is over.
    """

    def __init__(self, settings: dict[str, Any], *, pictures: bool = True) -> None:
        """`settings` are those of `rlgames.settings.environments.Atari`, without `fire_reset` and `fire_each_life`."""
        if settings["fire_reset"] or settings.get("fire_each_life"):
            raise ValueError("the memory of games that begin with fire_reset cannot be read; leave it out")
        self.settings, self.pictures = settings, pictures
        self.rom: Any = roms.get_rom_path(settings["game"])
        self.games = Games(settings, 1)
        available = self.games.environment.ale.get_action_set()
        self.numbers = [available[number] for number in self.games.numbers]
        ALEInterface.setLoggerMode(LoggerMode.Error)
        self.emulator = ALEInterface()
        self.emulator.setFloat("repeat_action_probability", settings["sticky"])
        self.steps = self.lives = 0

    def reset(self, seed: int) -> Moment:
        """Begin the episode of this seed."""
        self.emulator.setInt("random_seed", seed)
        self.emulator.loadROM(self.rom)
        for _ in range(self.idle_frames(seed)):
            self.emulator.act(0)
        self.steps, self.lives = 0, self.emulator.lives()
        return self.moment(0.0, [])

    def idle_frames(self, seed: int) -> int:
        """Frames without an action before the first step of the episode of this seed."""
        _, facts = self.games.environment.reset(seed=np.array([seed]))
        return int(facts["frame_number"][0])

    def step(self, action: int) -> Moment:
        """Take an action (its number in `Games.actions`)."""
        reward, screens = 0.0, []
        for left in reversed(range(self.settings["frame_skip"])):
            reward += self.emulator.act(self.numbers[action])
            if self.pictures and left < 2:
                screens.append(self.emulator.getScreenGrayscale())
            if self.emulator.game_over():
                break
        self.steps += 1
        return self.moment(reward, screens)

    def moment(self, reward: float, screens: list[np.ndarray]) -> Moment:
        """The current moment, with the pixelwise maximum of `screens`, or the current screen if there are none."""
        over, before, self.lives = self.emulator.game_over(), self.lives, self.emulator.lives()
        frame = self.frame(screens or [self.emulator.getScreenGrayscale()]) if self.pictures else NO_FRAME
        return Moment(
            state=View(frame, self.emulator.getRAM()),
            reward=reward,
            terminated=over,
            truncated=not over and self.steps == self.settings["max_steps"],
            life_lost=self.lives < before and not over,
        )

    def frame(self, screens: list[np.ndarray]) -> np.ndarray:
        size = self.settings["image_size"]
        return cv2.resize(np.maximum.reduce(screens), (size, size), interpolation=cv2.INTER_AREA)


def positions(game: str, memories: np.ndarray, size: int) -> dict[str, np.ndarray]:
    """Where things are in frames of `size` x `size` pixels: float64, shape (frames,), by name; none for most games.

    `memories` is uint8, shape (frames, 128). A pixel's middle is a whole number. NaN while there is no ball.
    """
    found = {
        name: (memories[:, byte] + middle + 0.5) * size / length - 0.5
        for name, (byte, middle, length) in PLACES.get(game, {}).items()
    }
    if game == "pong":
        away = memories[:, 54] == 0
        found |= {name: np.where(away, np.nan, found[name]) for name in ("ball_x", "ball_y")}
    return found
