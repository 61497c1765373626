"""Remove the products, logs and saves of all that a config no longer has, after showing them and asking (`make prune`).
Products of another config in the same results folder count as no longer had."""

from rlgames.messages import count
from rlgames.operations import jobs
from rlgames.plan import leftovers, removal
from rlgames.plan.plan import Plan


def main() -> None:
    options = removal.options(__doc__)
    plan = Plan.read(options.config)
    with removal.alone(plan, options.dry_run):
        files = leftovers.dropped(plan)
        removal.remove(plan, files, f"{count(len(files), 'file')} that {options.config} no longer makes", options)


if __name__ == "__main__":
    jobs.run(main)
