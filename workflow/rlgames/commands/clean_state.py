"""Remove the saves that trainings resume from, and files of killed jobs (`make clean-state`); results stay."""

from rlgames.messages import count
from rlgames.operations import jobs
from rlgames.plan import leftovers, removal
from rlgames.plan.plan import Plan
from rlgames.plan.status import survey


def main() -> None:
    options = removal.options(__doc__)
    plan = Plan.read(options.config)
    with removal.alone(plan, options.dry_run):
        if resumable := sum(run.state == "resumable" for run in survey(plan)):
            print(f"Without saves, {count(resumable, 'training')} under way will have to start anew.")
        temporary = leftovers.abandoned(plan)
        saves = [path for path in leftovers.saves(plan) if path not in temporary]
        what = f"{count(len(saves), 'file')} of saves and {count(len(temporary), 'temporary file')}"
        removal.remove(plan, saves + temporary, what, options)


if __name__ == "__main__":
    jobs.run(main)
