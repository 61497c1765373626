"""Stable-Baselines3's DQN on Pong.

- speed WARM_UP STEPS THREADS SEED: its steps per second, as benchmarks/deep.py has it.
- learn SEED: the Atari settings of its zoo (rl-baselines3-zoo at 22e3ff2, hyperparams/dqn.yml), until it is stopped:
  a line for each episode that ended, as benchmarks/learning.py reads it.
"""

import sys
import time
from typing import Any

import ale_py
import gymnasium as gym
import torch
from stable_baselines3 import DQN
from stable_baselines3.common.atari_wrappers import AtariWrapper
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack


class Clock(BaseCallback):
    """Notes the time 200 steps after the first update, and at the end."""

    def __init__(self, warm_up: int, timed: int) -> None:
        super().__init__()
        self.warm_up, self.timed = warm_up, timed

    def _on_step(self) -> bool:
        if self.num_timesteps == self.warm_up + 200:
            self.start = time.perf_counter()
        return True

    def _on_training_end(self) -> None:
        print(self.timed / (time.perf_counter() - self.start))


class Episodes(BaseCallback):
    """Prints the return of every episode."""

    def _on_step(self) -> bool:
        for facts in self.locals["infos"]:
            if "episode" in facts:
                print(f"global_step={self.num_timesteps}, episodic_return={facts['episode']['r']}", flush=True)
        return True


def pong(*, terminal_on_life_loss: bool) -> Any:
    """One game with the zoo's wrappers; Pong has no lives to lose."""

    def make() -> Any:
        game = Monitor(gym.make("ALE/Pong-v5", frameskip=1, repeat_action_probability=0.0))
        return AtariWrapper(game, terminal_on_life_loss=terminal_on_life_loss)

    return VecFrameStack(DummyVecEnv([make]), n_stack=4)


def speed(warm_up: int, timed: int, threads: int, seed: int) -> None:
    torch.set_num_threads(threads)
    agent = DQN(
        "CnnPolicy", pong(terminal_on_life_loss=False), buffer_size=10_000, learning_starts=warm_up, batch_size=32,
        train_freq=4, gradient_steps=1, target_update_interval=1000, learning_rate=1e-4, seed=seed,
    )  # fmt: skip
    agent.learn(warm_up + 200 + timed, callback=Clock(warm_up, timed))


def learn(seed: int) -> None:
    torch.set_num_threads(1)
    agent = DQN(
        "CnnPolicy", pong(terminal_on_life_loss=True), buffer_size=100_000, learning_rate=1e-4, batch_size=32,
        learning_starts=100_000, target_update_interval=1000, train_freq=4, gradient_steps=1, exploration_fraction=0.1,
        exploration_final_eps=0.01, seed=seed,
    )  # fmt: skip
    agent.learn(10_000_000, callback=Episodes())


gym.register_envs(ale_py)
if sys.argv[1] == "speed":
    speed(*map(int, sys.argv[2:]))
else:
    learn(int(sys.argv[2]))
