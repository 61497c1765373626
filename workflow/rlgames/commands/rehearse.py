"""Start every training of a config that has a replay buffer, with the whole buffer, for 2,000 steps (`make rehearse`).

Takes minutes to say whether days of training will fit in memory, and how fast they will be. Writes no results.
"""

import argparse
import os
import signal
import subprocess
import sys
from pathlib import Path

from rlgames.messages import UserError, count
from rlgames.operations import compile_cache, isolation, jobs
from rlgames.operations.rehearsal import rehearse
from rlgames.plan.plan import Plan
from rlgames.settings.learner import OffPolicyAgent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path, help="the config whose trainings are started")
    parser.add_argument("only", nargs="*", help="an experiment and a variant: start this training alone")
    arguments = parser.parse_args()
    plan, only = Plan.read(arguments.config), arguments.only
    isolation.isolate()
    if only:
        jobs.die_with_parent(os.getppid())
        compile_cache.use_for_all_code()
        if len(only) != 2 or tuple(only) not in plan.variants:
            sys.exit(f"{' '.join(only)} is no experiment and variant of {arguments.config}.")
        experiment, variant = only
        try:
            print(f"{experiment} {variant}: {rehearse(plan.variants[experiment, variant].spec)}", flush=True)
        except UserError as error:
            sys.exit(f"{experiment} {variant}: {error}")
        return
    deep = [key for key, variant in plan.variants.items() if isinstance(variant.spec.agent, OffPolicyAgent)]
    if not deep:
        print(f"No training of {arguments.config} has a replay buffer: there is nothing to rehearse.")
        return
    command = [sys.executable, "-m", __spec__.name, str(arguments.config)]
    # One process each, so that the memory of each is measured separately.
    failed = 0
    for key in deep:
        status = subprocess.run([*command, *key], check=False).returncode
        failed += status != 0
        if status < 0:
            name = signal.Signals(-status).name
            print(f"{' '.join(key)}: ended by {name}, probably for lack of memory", file=sys.stderr, flush=True)
    if failed:
        sys.exit(f"{failed} of {count(len(deep), 'training')} cannot start here; the reasons are above.")


if __name__ == "__main__":
    jobs.run(main)
