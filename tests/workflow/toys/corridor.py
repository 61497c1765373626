"""A corridor: walk right to its end. Importing this module lets Gymnasium know of it, as Corridor-v0."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete

CELLS = 8


class Corridor(gym.Env[np.ndarray, Any]):
    """Starts in one of the first three cells; every step costs 1. Observation: which cell, one-hot."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 (as Gymnasium has it)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = Box(0.0, 1.0, (CELLS,), np.float32)
        self.action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed, options=options)
        self.cell = int(self.np_random.integers(3))
        return self.observe(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.cell = max(0, self.cell + (1 if action else -1))
        return self.observe(), -1.0, self.cell == CELLS - 1, False, {}

    def observe(self) -> np.ndarray:
        return np.eye(CELLS, dtype=np.float32)[self.cell]

    def render(self) -> Any:
        picture = np.full((32, 32 * CELLS, 3), 230, np.uint8)
        picture[:, 32 * self.cell : 32 * (self.cell + 1)] = (200, 80, 0)
        return picture


gym.register("Corridor-v0", f"{__name__}:Corridor", max_episode_steps=40)
