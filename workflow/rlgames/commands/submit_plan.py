"""Show what `snakemake --profile profiles/slurm` would submit, with which resources (`make submit-plan`). Runs nothing.

Snakemake itself says which jobs are needed and what they ask for, with the profile's defaults and changes. It takes
neither Slurm nor the plugin for it.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from snakemake.api import SnakemakeApi
from snakemake.cli import parse_set_resource_scope, parse_set_resources
from snakemake.exceptions import WorkflowError
from snakemake.resources import Resources
from snakemake.settings.types import ConfigSettings, GroupSettings, OutputSettings, Quietness, ResourceSettings

from rlgames.plan import COMMANDS, Plan
from rlgames.settings import SettingsError

ASKED = {
    "mem_mb": "MB",
    "runtime": "minutes",
    "gpu": "GPUs",
    "slurm_partition": "partition",
    "slurm_account": "account",
}
"""Resources of a job, and the columns in which they stand."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--profile", type=Path, default=Path("profiles/slurm"))
    arguments = parser.parse_args()
    try:
        plan = Plan(yaml.safe_load(arguments.config.read_text(encoding="utf-8")), [arguments.config])
        profile = yaml.safe_load((arguments.profile / "profile.yaml").read_text(encoding="utf-8"))
        remote, here = needed(arguments.config, profile)
    except (SettingsError, WorkflowError, OSError) as error:
        sys.exit(str(error))
    if not remote:
        print("Nothing would be submitted.")
    else:
        rows = pd.DataFrame([request(job) for job in remote])
        table = rows.value_counts(list(rows.columns)).rename("jobs").reset_index().sort_values("what")
        width = table["what"].str.len().max()
        table[f"  {'what':{width}}"] = "  " + table.pop("what").str.ljust(width)
        print(table[["jobs", *(name for name in table.columns if name != "jobs")]].to_string(index=False))
        minutes = pd.to_numeric(rows["minutes"], errors="coerce")  # a job that names none has the partition's
        asked = {column: (minutes * rows[column]).sum() / 60 for column in ("threads", "GPUs")}
        single = [each for job in remote for each in (job.jobs if job.is_group() else [job])]
        seconds = sum(plan.seconds(job.rule.name, job.wildcards) for job in single)
        print(
            f"\n{len(rows)} jobs for Slurm. They ask for {asked['threads']:.1f} CPU-hours and "
            f"{asked['GPUs']:.1f} GPU-hours, and should take some {seconds / 3600:.1f} hours in sum."
        )
    if here:
        print(f"Where Snakemake runs: {', '.join(f'{count} {name}' for name, count in here.items())}.")


def needed(config: Path, profile: dict[str, Any]) -> tuple[list[Any], Counter[str]]:
    """What a dry run with the resources and groups of a profile finds to do: jobs and groups of jobs for Slurm, and the
    names of the rules that run where Snakemake does."""
    scopes, changes = profile.get("set-resource-scopes", {}), profile.get("set-resources", {})
    settings = ResourceSettings(
        cores=sys.maxsize,
        resources=profile.get("resources", {}),
        default_resources=Resources.parse(pairs(profile.get("default-resources", {})), allow_expressions=True),
        overwrite_resources=parse_set_resources(
            [f"{rule}:{pair}" for rule in changes for pair in pairs(changes[rule])]
        ),
        overwrite_resource_scopes=parse_set_resource_scope(pairs(scopes)),
    )
    groups = GroupSettings(
        overwrite_groups=profile.get("groups", {}), group_components=profile.get("group-components", {})
    )
    # Told to be quiet about rules and progress, a dry run ends when it knows what to do.
    quiet = OutputSettings(
        quiet={Quietness.RULES, Quietness.PROGRESS}, log_level_override=logging.ERROR, enable_file_logging=False
    )
    with SnakemakeApi(quiet) as api:
        found = api.workflow(
            settings, config_settings=ConfigSettings(configfiles=[config]), snakefile=Path("Snakefile")
        )
        found.dag().execute_workflow(executor="dryrun", group_settings=groups)
        workflow = found._workflow
    jobs = [job for job in workflow.dag.needrun_jobs() if job.rule.name != "all"]
    # In a dry run every rule counts as local, so that Snakemake's own list has to say which are.
    here = Counter(job.rule.name for job in jobs if job.rule.name in workflow._localrules)
    whole = [workflow.dag.get_job_group(job) or job for job in jobs if job.rule.name not in workflow._localrules]
    return list({id(job): job for job in whole}.values()), here


def pairs(mapping: dict[str, Any]) -> list[str]:
    """A mapping as Snakemake's command line has it."""
    return [f"{key}={value}" for key, value in mapping.items()]


def request(job: Any) -> dict[str, Any]:
    """What a job, or a group of them, asks for."""
    if job.is_group():
        name = " + ".join(
            f"{count} {rule}" for rule, count in sorted(Counter(each.rule.name for each in job.jobs).items())
        )
    elif job.rule.name in COMMANDS.values():
        name = f"{job.rule.name} {job.wildcards.experiment}/{job.wildcards.variant}"
    else:
        name = job.rule.name
    asked = {column: job.resources.get(resource, 0 if column == "GPUs" else "-") for resource, column in ASKED.items()}
    return {"what": name, "threads": job.threads, **asked}


if __name__ == "__main__":
    main()
