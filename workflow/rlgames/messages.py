"""What is said while jobs run. Words change no result, so that this module stays outside the code hash."""

from __future__ import annotations

import logging
import time

log = logging.getLogger("rlgames")


def diverged(experiment: str, variant: str, places: list[dict[str, int]]) -> str:
    """A message that names the seeds and episodes (five at most) in which a run diverged."""
    named = ", ".join(f"seed {place['seed']} in episode {place['episode']}" for place in places[:5])
    more = f" and {len(places) - 5} more (its manifest.json has all)" if len(places) > 5 else ""
    return (
        f"Diverged: experiment {experiment}, variant {variant}: {named}{more}. "
        "A weight grew beyond 1e12; only these seeds were stopped. A smaller step_size may help."
    )


class Progress:
    """Messages about a loop: how much is done and how long the rest will take, every ten seconds."""

    def __init__(self, name: str, total: int, unit: str) -> None:
        self.name, self.total, self.unit = name, total, unit
        self.done, self.start, self.said = 0, time.perf_counter(), time.perf_counter()

    def advance(self) -> None:
        self.done += 1
        now = time.perf_counter()
        if now - self.said > 10 and self.done < self.total:
            left = (now - self.start) / self.done * (self.total - self.done)
            log.info(f"{self.name}: {self.done} of {self.total} {self.unit}, {left:.0f} s left")
            self.said = now

    def finish(self, what: str) -> None:
        log.info(f"{self.name}: {what} in {time.perf_counter() - self.start:.1f} s")
