"""What is said while jobs run. Words change no result, so that this module stays outside the code hash."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger("rlgames")


def diverged(experiment: str, variant: str, places: list[dict[str, int]]) -> str:
    """A message that names the seeds and episodes or epochs (five at most) in which a run diverged."""
    named = ", ".join(" in ".join(f"{key} {number}" for key, number in place.items()) for place in places[:5])
    more = f" and {len(places) - 5} more (its manifest.json has all)" if len(places) > 5 else ""
    return (
        f"Diverged: experiment {experiment}, variant {variant}: {named}{more}. "
        "A weight grew beyond all bounds; only these seeds were stopped. A smaller step_size may help."
    )


class Progress:
    """Messages about a loop: how much is done and how long the rest will take, every ten seconds."""

    def __init__(self, name: str, total: int, unit: str, done: int = 0) -> None:
        """`done` is where an interrupted loop goes on."""
        self.name, self.total, self.unit = name, total, unit
        self.first = self.done = done
        self.start = self.said = time.perf_counter()

    def advance(self, count: int = 1, note: str = "") -> None:
        self.done += count
        now = time.perf_counter()
        if now - self.said > 10 and self.done < self.total:
            left = (now - self.start) / (self.done - self.first) * (self.total - self.done)
            parts = [f"{self.done} of {self.total} {self.unit}", *filter(None, [note]), f"{clock(left)} left"]
            log.info(f"{self.name}: {', '.join(parts)}")
            self.said = now

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {time.perf_counter() - self.start:.1f} s")


class Steps:
    """Messages about a training on Atari every ten seconds: steps, steps per second, mean return, ε, time left."""

    def __init__(self, name: str, budget: int) -> None:
        self.name, self.budget = name, budget
        self.first = self.start = self.said = 0.0

    def begin(self, steps: int) -> None:
        self.first, self.start = steps, time.perf_counter()
        self.said = self.start
        log.info(f"{self.name}: step {steps} of {self.budget}")

    def advance(self, steps: int, recent_return: Callable[[int], float | None], epsilon: float) -> None:
        now = time.perf_counter()
        if now - self.said > 10:
            self.said = now
            rate = (steps - self.first) / (now - self.start)
            recent = recent_return(20)
            score = "" if recent is None else f", mean return {recent:.1f} over 20 episodes"
            left = (self.budget - steps) / rate
            log.info(
                f"{self.name}: step {steps} of {self.budget}, {rate:.0f} steps/s{score}, ε {epsilon:.2f}, "
                f"{clock(left)} left"
            )

    def playing_again(self, done: int, total: int) -> None:
        """Progress of what a training needs to go on: its replay buffer, or where its game stood."""
        now = time.perf_counter()
        if now - self.said > 10:
            self.said = now
            log.info(f"{self.name}: playing again, {done} of {total} steps")

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {clock(time.perf_counter() - self.start)}")


def clock(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
