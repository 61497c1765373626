"""Steps per second of Stable-Baselines3's DQN, as benchmarks/deep.py has it: warm-up, steps, threads, seed."""

import sys
import time
from typing import Any

import ale_py
import gymnasium as gym
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

WARM_UP, TIMED, THREADS, SEED = map(int, sys.argv[1:])


class Clock(BaseCallback):
    """Notes the time 200 steps after the first update, and at the end."""

    def _on_step(self) -> bool:
        if self.num_timesteps == WARM_UP + 200:
            self.start = time.perf_counter()
        return True

    def _on_training_end(self) -> None:
        print(TIMED / (time.perf_counter() - self.start))


def make() -> Any:
    game = gym.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0)
    return AtariWrapper(game, terminal_on_life_loss=False)


gym.register_envs(ale_py)
torch.set_num_threads(THREADS)
games = VecFrameStack(DummyVecEnv([make]), n_stack=4)
agent = DQN(
    "CnnPolicy", games, buffer_size=10_000, learning_starts=WARM_UP, batch_size=32, train_freq=4, gradient_steps=1,
    target_update_interval=1000, learning_rate=1e-4, seed=SEED,
)  # fmt: skip
agent.learn(WARM_UP + 200 + TIMED, callback=Clock())
