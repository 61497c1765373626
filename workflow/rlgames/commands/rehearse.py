"""Start every training of a config that has a replay buffer, with the whole buffer, for 2,000 steps (`make rehearse`).

Takes minutes to say whether days of training will fit in memory, and how fast they will be. Writes no results.
"""

import os
import subprocess
import sys
from pathlib import Path

from rlgames.messages import UserError, count
from rlgames.operations import compile_cache, isolation, jobs
from rlgames.operations.rehearsal import rehearse
from rlgames.plan.plan import Plan
from rlgames.settings.learner import OffPolicyAgent


def main(config: str, *only: str) -> None:
    plan = Plan.read(Path(config))
    isolation.isolate()
    if only:
        jobs.die_with_parent(os.getppid())
        compile_cache.use_for_all_code()
        experiment, variant = only
        try:
            print(f"{experiment} {variant}: {rehearse(plan.variants[experiment, variant].spec)}", flush=True)
        except UserError as error:
            sys.exit(f"{experiment} {variant}: {error}")
        return
    deep = [key for key, variant in plan.variants.items() if isinstance(variant.spec.agent, OffPolicyAgent)]
    command = [sys.executable, "-m", __spec__.name, config]
    # One process each, so that the memory of each is measured separately.
    if failed := sum(subprocess.run([*command, *key], check=False).returncode != 0 for key in deep):
        sys.exit(f"{failed} of {count(len(deep), 'training')} cannot start here; the reasons are above.")


if __name__ == "__main__":
    jobs.run(lambda: main(*sys.argv[1:]))
