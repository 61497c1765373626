"""The compiled agents again, in plain NumPy over Gymnasium's own environment: what a textbook's reader would write.

The tests hold the compiled agents to the same bits; `agents.py` measures how much faster these are. `np.cumsum`
adds from left to right, as the compiled sums do; `np.sum` adds in another order, and differs in the last bit. So do
`np.exp` and the `exp` of `math`, which is the compiled one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, floor
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv

from rlgames.streams import Purpose, stream

Features = Callable[[np.ndarray], np.ndarray]


def scaled(observation: np.ndarray) -> tuple[float, float]:
    """A float32 observation, clipped to the box of the features and scaled over it."""
    position, velocity = (float(number) for number in observation)
    position, velocity = min(max(position, -1.2), 0.5), min(max(velocity, -0.07), 0.07)
    return (position + 1.2) / (0.5 + 1.2), (velocity + 0.07) / (0.07 + 0.07)


def additive(n: int) -> Features:
    def active(observation: np.ndarray) -> np.ndarray:
        x, v = scaled(observation)
        return np.array([floor(n * x), n + 1 + floor(n * v)])

    return active


def tiled(n: int, tilings: int) -> Features:
    i = np.arange(tilings)

    def active(observation: np.ndarray) -> np.ndarray:
        x, v = scaled(observation)
        p = (floor(tilings * n * x) + i) // tilings
        q = (floor(tilings * n * v) + 3 * i) // tilings
        return i * (n + 2) * (n + 3) + p * (n + 3) + q

    return active


class Agent:
    """What the agents share: weights, streams, values, and the epsilon-greedy policy."""

    def __init__(
        self, seed: int, features: Features, size: int, step_size: float, epsilon: float = 0.0, discount: float = 1.0
    ):
        self.features, self.step_size, self.epsilon, self.discount = features, step_size, epsilon, discount
        self.environment = MountainCarEnv()
        self.environment.np_random = stream(seed, Purpose.ENVIRONMENT)
        self.random = stream(seed, Purpose.EXPLORATION)
        self.w = np.zeros((3, size))

    def q(self, tiles: np.ndarray, action: int) -> float:
        return np.cumsum(self.w[action, tiles])[-1]

    def policy(self, tiles: np.ndarray) -> int:
        if self.epsilon > 0 and self.random.random() < self.epsilon:
            return int(self.random.random() * 3)
        values = np.cumsum(self.w[:, tiles], axis=1)[:, -1]
        best = np.flatnonzero(values == values.max())
        return int(best[int(self.random.random() * len(best))] if len(best) > 1 else best[0])

    def run(self, episodes: int, max_steps: int) -> list[int]:
        """Learn for so many episodes; their lengths."""
        return [self.episode(max_steps) for _ in range(episodes)]

    def episode(self, max_steps: int) -> int:
        raise NotImplementedError

    def start(self) -> np.ndarray:
        return self.features(self.environment.reset()[0])

    def step(self, action: int) -> tuple[float, np.ndarray | None]:
        """The reward, and the next tiles, or None at the end."""
        observation, reward, terminated, _, _ = self.environment.step(action)
        return reward, None if terminated else self.features(observation)

    def experience(self, max_steps: int) -> Iterator[tuple[np.ndarray, int, float, np.ndarray | None, int]]:
        """(S, A, R, S', A') of an episode, A' chosen before the update that follows, as Sarsa does."""
        tiles = self.start()
        action = self.policy(tiles)
        for _ in range(max_steps):
            reward, next_tiles = self.step(action)
            next_action = 0 if next_tiles is None else self.policy(next_tiles)
            yield tiles, action, reward, next_tiles, next_action
            if next_tiles is None:
                return
            tiles, action = next_tiles, next_action


class Sarsa(Agent):
    def episode(self, max_steps: int) -> int:
        steps = 0
        for tiles, action, reward, next_tiles, next_action in self.experience(max_steps):
            steps += 1
            target = reward
            if next_tiles is not None:
                target += self.discount * self.q(next_tiles, next_action)
            self.w[action, tiles] += self.step_size * (target - self.q(tiles, action))
        return steps


class ExpectedSarsa(Agent):
    def expectation(self, tiles: np.ndarray) -> float:
        values = np.cumsum(self.w[:, tiles], axis=1)[:, -1]
        return self.epsilon * (np.cumsum(values)[-1] / 3) + (1 - self.epsilon) * values.max()

    def episode(self, max_steps: int) -> int:
        tiles = self.start()
        for t in range(1, max_steps + 1):
            action = self.policy(tiles)
            reward, next_tiles = self.step(action)
            target = reward if next_tiles is None else reward + self.discount * self.expectation(next_tiles)
            self.w[action, tiles] += self.step_size * (target - self.q(tiles, action))
            if next_tiles is None:
                return t
            tiles = next_tiles
        return max_steps


class QLearning(ExpectedSarsa):
    def expectation(self, tiles: np.ndarray) -> float:
        return np.cumsum(self.w[:, tiles], axis=1)[:, -1].max()


class NStepSarsa(Agent):
    def __init__(self, *arguments: Any, n: int, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.n = n

    def episode(self, max_steps: int) -> int:
        n, end = self.n, max_steps + self.n
        tiles = [self.start()]
        actions = [self.policy(tiles[0])]
        rewards = [0.0]
        for t in range(max_steps + n):
            if t < min(end, max_steps):
                reward, next_tiles = self.step(actions[t])
                rewards.append(reward)
                if next_tiles is None:
                    end = t + 1
                else:
                    tiles.append(next_tiles)
                    actions.append(self.policy(next_tiles))
            elif end > max_steps:
                break
            tau = t - n + 1
            if tau >= 0:
                target, weight = 0.0, 1.0
                for i in range(tau + 1, min(tau + n, end) + 1):
                    target += weight * rewards[i]
                    weight *= self.discount
                if tau + n < end:
                    target += weight * self.q(tiles[tau + n], actions[tau + n])
                error = target - self.q(tiles[tau], actions[tau])
                self.w[actions[tau], tiles[tau]] += self.step_size * error
            if tau == end - 1:
                break
        return len(rewards) - 1


class SarsaLambda(Agent):
    def __init__(self, *arguments: Any, traces: str, trace_decay: float, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.traces, self.trace_decay = traces, trace_decay

    def episode(self, max_steps: int) -> int:
        steps, z = 0, np.zeros_like(self.w)
        for tiles, action, reward, next_tiles, next_action in self.experience(max_steps):
            steps += 1
            if self.traces == "clearing":
                z[:, tiles] = 0.0
            z[action, tiles] = z[action, tiles] + 1.0 if self.traces == "accumulating" else 1.0
            target = reward
            if next_tiles is not None:
                target += self.discount * self.q(next_tiles, next_action)
            error = target - self.q(tiles, action)
            self.w += (self.step_size * error) * z
            z *= self.discount * self.trace_decay
        return steps


class TrueOnlineSarsaLambda(Agent):
    def __init__(self, *arguments: Any, trace_decay: float, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.trace_decay = trace_decay

    def episode(self, max_steps: int) -> int:
        steps, z, old = 0, np.zeros_like(self.w), 0.0
        alpha, decay = self.step_size, self.discount * self.trace_decay
        for tiles, action, reward, next_tiles, next_action in self.experience(max_steps):
            steps += 1
            value = self.q(tiles, action)
            # Q' is of the weights before this update, as the action was chosen by them.
            next_value = 0.0 if next_tiles is None else self.q(next_tiles, next_action)
            delta = reward + self.discount * next_value - value
            boost = 1.0 - alpha * decay * np.cumsum(z[action, tiles])[-1]
            z *= decay
            z[action, tiles] += boost
            self.w += (alpha * (delta + value - old)) * z
            self.w[action, tiles] -= alpha * (value - old)
            old = next_value
        return steps


class PolicyAgent:
    """What the agents with a policy share: theta, w, streams, the softmax policy, and the state value."""

    def __init__(
        self,
        seed: int,
        features: Features,
        size: int,
        policy_step_size: float,
        value_step_size: float,
        discount: float = 1.0,
    ):
        self.features, self.discount = features, discount
        self.policy_step_size, self.value_step_size = policy_step_size, value_step_size
        self.environment = MountainCarEnv()
        self.environment.np_random = stream(seed, Purpose.ENVIRONMENT)
        self.random = stream(seed, Purpose.EXPLORATION)
        self.theta, self.w = np.zeros((3, size)), np.zeros(size)

    def pi(self, tiles: np.ndarray) -> np.ndarray:
        preferences = np.cumsum(self.theta[:, tiles], axis=1)[:, -1]
        powers = np.array([exp(preference - preferences.max()) for preference in preferences])
        return powers / np.cumsum(powers)[-1]

    def choose(self, tiles: np.ndarray) -> int:
        return min(int(np.searchsorted(np.cumsum(self.pi(tiles)), self.random.random(), side="right")), 2)

    def v(self, tiles: np.ndarray) -> float:
        return np.cumsum(self.w[tiles])[-1]

    def gradient(self, tiles: np.ndarray, action: int) -> np.ndarray:
        """Of ln pi(a | s, theta) at the active tiles, a row for each action."""
        return np.repeat((np.arange(3) == action)[:, None] - self.pi(tiles)[:, None], len(tiles), axis=1)

    def run(self, episodes: int, max_steps: int) -> list[int]:
        """Learn for so many episodes; their lengths."""
        return [self.episode(max_steps) for _ in range(episodes)]

    def episode(self, max_steps: int) -> int:
        raise NotImplementedError

    def start(self) -> np.ndarray:
        return self.features(self.environment.reset()[0])

    def step(self, action: int) -> tuple[float, np.ndarray | None]:
        """The reward, and the next tiles, or None at the end."""
        observation, reward, terminated, _, _ = self.environment.step(action)
        return float(reward), None if terminated else self.features(observation)


class ReinforceBaseline(PolicyAgent):
    def episode(self, max_steps: int) -> int:
        tiles: np.ndarray | None = self.start()
        steps: list[tuple[np.ndarray, int, float]] = []
        while tiles is not None and len(steps) < max_steps:
            action = self.choose(tiles)
            reward, next_tiles = self.step(action)
            steps.append((tiles, action, reward))
            tiles = next_tiles
        returns = [0.0 if tiles is None else self.v(tiles)]
        for _, _, reward in reversed(steps):
            returns.append(reward + self.discount * returns[-1])
        power = 1.0
        for (tiles, action, _), g in zip(steps, returns[:0:-1], strict=True):
            delta = g - self.v(tiles)
            self.w[tiles] += self.value_step_size * delta
            self.theta[:, tiles] += (self.policy_step_size * power * delta) * self.gradient(tiles, action)
            power *= self.discount
        return len(steps)


class ActorCriticLambda(PolicyAgent):
    def __init__(self, *arguments: Any, policy_trace_decay: float, value_trace_decay: float, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.policy_trace_decay, self.value_trace_decay = policy_trace_decay, value_trace_decay

    def episode(self, max_steps: int) -> int:
        tiles = self.start()
        z_theta, z_w, power = np.zeros_like(self.theta), np.zeros_like(self.w), 1.0
        for t in range(1, max_steps + 1):
            action = self.choose(tiles)
            reward, next_tiles = self.step(action)
            delta = reward + self.discount * (0.0 if next_tiles is None else self.v(next_tiles)) - self.v(tiles)
            z_w *= self.discount * self.value_trace_decay
            z_w[tiles] += 1.0
            z_theta *= self.discount * self.policy_trace_decay
            z_theta[:, tiles] += power * self.gradient(tiles, action)
            self.w += (self.value_step_size * delta) * z_w
            self.theta += (self.policy_step_size * delta) * z_theta
            if next_tiles is None:
                return t
            power *= self.discount
            tiles = next_tiles
        return max_steps
