"""How Snakemake starts and ends: the plan, a hold on the results folder, signals handed on to jobs, a failure."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

import psutil
from snakemake.exceptions import WorkflowError

from rlgames.files import ROOT, replacing
from rlgames.messages import UserError, count
from rlgames.operations import compile_cache, isolation, locks, memory_limits
from rlgames.operations.causes import cause
from rlgames.plan import failure, needs, paths, submission, targets, words
from rlgames.plan.ledger import Job, Ledger
from rlgames.plan.plan import Plan
from rlgames.plan.words import say
from rlgames.settings.learner import TENSORFLOW_MB
from rlgames.settings.loading import SettingsError

held: list[TextIO] = []
"""Locks, until this process ends."""

stopped: list[str] = []
"""Signals that ended the jobs."""


def planned(workflow: Any, config: dict[str, Any]) -> Plan:
    """The plan of Snakemake's `workflow`; raises `SettingsError` if it cannot be run, or is not what was submitted."""
    use_utf_8()
    use_this_python(workflow.current_basedir)
    compile_cache.demand_fresh_bytecode()
    check_environment()
    plan = Plan(config, workflow.configfiles)
    for word in sys.argv[1:]:  # Snakemake itself would show a traceback around the hint
        targets.check_names(plan, word)
    submission.guard(plan, workflow)
    if (screen := terminal(workflow)) is not None:
        screen.plan, screen.cluster = plan, workflow.resource_settings.nodes is not None
    return plan


def own_rules(workflow: Any) -> list[Any]:
    """The rules of this project, without those of a workflow that uses it as a module."""
    return [rule for rule in workflow.rules if Path(rule.snakefile).resolve().is_relative_to(ROOT.resolve())]


def use_utf_8() -> None:
    """Start Snakemake anew where the locale takes only ASCII: it could hand no other text to its jobs."""
    os.environ["PYTHONUTF8"] = "1"
    if sys.getfilesystemencoding() != "utf-8" and Path(sys.argv[0]).name in ("snakemake", "__main__.py"):
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 (the same words again)


def use_this_python(project: Any) -> None:
    """Let jobs run the Python that runs Snakemake, activated or not, and the library that lies beside the Snakefile,
    apart from the user's environment. A Snakefile that Snakemake took from a repository, as a module, has no folder:
    the library is then the installed one."""
    if isinstance(project, os.PathLike) and Path(project).resolve().parent != ROOT.resolve():
        raise SettingsError(
            f"This environment would run the library in {ROOT}, not that of this project. Use the project's own "
            "environment: type make, or source .venv/bin/activate"
        )
    folder = str(Path(sys.executable).parent)
    if os.environ.get("PATH", "").split(os.pathsep)[0] != folder:
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", "")])
    try:
        isolation.isolate()
    except UserError as error:
        raise SettingsError(str(error)) from None


def check_environment() -> None:
    """Raise `UserError` for a variable of the environment that jobs could not make sense of."""
    from rlgames.operations.trainings import save_seconds  # loads NumPy

    save_seconds()


def begin(plan: Plan, workflow: Any) -> None:
    """Keep every other Snakemake out of the results, hand signals on to jobs, and say what is about to run.

    On a cluster, where its children submit jobs, Snakemake keeps its signals. Raises `WorkflowError` as `hold` does.
    """
    if workflow.local_exec:
        check_memory(plan, workflow)
    hold(plan.config.results)
    write_arguments(plan, workflow)
    submission.refusal(plan).unlink(missing_ok=True)
    say(from_the_future(plan, workflow))
    if workflow.local_exec:
        # Snakemake's limit of 100 jobs a second leaves a timer, for ever, after each job that ends while others wait:
        # after a hundred short ones they took a sixth of a core. A cluster's scheduler may need the limit.
        workflow.scheduler.job_rate_limiter = None
        hand_on_signals()
    known = ledger(plan, workflow)
    disk = sum(needs.disk(plan, job.rule.name, job.wildcards) for job in workflow.dag.needrun_jobs())
    say(words.announcement(plan, known, disk, workflow.resource_settings.cores))
    if (screen := terminal(workflow)) is not None:
        screen.follow(known, f"rlgames: {plan.config.results}")


def check_memory(plan: Plan, workflow: Any) -> None:
    """Raise `WorkflowError` if a job is about to run that this machine, or the container, has no memory for."""
    free, whose = min(memory_limits.shared())
    large = []
    for job in workflow.dag.needrun_jobs():
        needed = needs.memory(plan, job.rule.name, job.wildcards)
        if needed > TENSORFLOW_MB and needed * 1e6 > free:  # ordinary jobs are counted with more than they take
            name = " ".join([job.rule.name, *job.wildcards])
            large.append(f"{name} needs about {needed / 1000:.1f} GB of memory")
    if large:
        more = f"\n... and {len(large) - 5} more" if len(large) > 5 else ""
        raise WorkflowError(
            "\n".join(large[:5]) + f"{more}\nOnly {max(free, 0) / 1e9:.1f} GB are free {whose}. Lower a setting that "
            "needs memory (the agent's capacity, batch_size or games; tiles, tilings or size of a coding; block_size; "
            "the size of a data set; evaluation.episodes), end other programs, or use a larger machine."
        )


def hold(results: str) -> None:
    """Keep every other Snakemake out of the results folder, in whatever directory it runs, until this one ends.

    Raises `WorkflowError` if another is at work there, or a folder of results cannot be written.
    """
    place = Path(paths.path(results, "lock"))
    try:
        lock = locks.take(place)
        for folder, _, _ in os.walk(results):
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), folder)
    except FileExistsError as error:
        raise WorkflowError(f"{error.filename}: {error.strerror}, and run the same command again.") from None
    except OSError as error:
        raise WorkflowError(
            f"Nothing can be written to {error.filename or place} ({error.strerror}). Make it yours (sudo chown -R "
            f"$USER {shlex.quote(results)}), free some space if its disk is full, or set results in the config to "
            "another folder."
        ) from None
    if lock is None:
        raise WorkflowError(
            f"Another Snakemake ({locks.holder(place) or 'which is ending'}) makes {results}. Wait for it, or stop it: "
            "its trainings save first. make status (with the same CONFIG) says how far it is."
        )
    held.append(lock)


def write_arguments(plan: Plan, workflow: Any) -> None:
    """Write the files that jobs which are about to run read their long arguments from, and remove all others.

    Raises `WorkflowError` with the remedy if they cannot be written.
    """
    wanted = {text for job in workflow.dag.needrun_jobs() for text in map(str, job.params) if text in plan.arguments}
    try:
        for name in wanted:
            path, text = Path(name), f"{plan.arguments[name]}\n".encode()
            if not (path.is_file() and path.read_bytes() == text):
                with replacing(path) as temporary:
                    temporary.write_bytes(text)
        old = Path(plan.path("argument")).parent.glob("*") if workflow.local_exec else ()  # a queue may still hold jobs
        for path in old:
            if str(path) not in wanted and path.is_file():
                path.unlink()
    except OSError as error:
        raise WorkflowError(cause(error, trainings=False) or str(error)) from None


def from_the_future(plan: Plan, workflow: Any) -> str:
    """Set the time of products that are to be read, and seem to be made later than now, to now; and say so.

    After the clock was set back, Snakemake would remove whatever is made of them, since it is "older" than they are.
    """
    inputs = {Path(path) for job in workflow.dag.needrun_jobs() for path in job.input}
    ours = [path for path in inputs if path.is_relative_to(plan.config.results) and path.is_file()]
    for path in (late := [path for path in ours if path.stat().st_mtime > time.time()]):
        os.utime(path)
    said = f"rlgames: the clock was set back, and so is now the time of {count(len(late), 'product')} from the future."
    return said if late else ""


def terminal(workflow: Any) -> Any:
    """What shows this run (`snakemake_logger_plugin_rlgames`); None where another logger, or all or nothing that
    Snakemake has to say, was asked for."""
    found = next((each for each in workflow.logger_manager.get_log_handlers() if hasattr(each, "follow")), None)
    return None if found is None or found.is_quiet or workflow.output_settings.verbose else found


def ledger(plan: Plan, workflow: Any) -> Ledger:
    """The jobs that are about to run, and those of the same targets that were done before."""
    from rlgames.plan.status import left_to_do  # loads NumPy

    jobs, earlier = {}, []
    for job in workflow.dag.jobs:
        if job.rule.name == "all":
            continue
        known = Job(job.rule.name, dict(job.wildcards_dict), log=Path(str(job.log[0])) if job.log else None)
        if not workflow.dag.needrun(job):
            earlier.append(known)
            continue
        known.expected, known.threads = needs.seconds(plan, job.rule.name, job.wildcards), job.threads
        if "state" in job.params.keys():  # noqa: SIM118 (Snakemake's)
            known.state = Path(job.params.state)
            known.expected *= left_to_do(plan, dict(known.wildcards))
        jobs[workflow.dag.jobid(job)] = known
    cores = workflow.resource_settings.cores or workflow.resource_settings.nodes or 1
    return Ledger(jobs, earlier, cores, time.time(), queued=workflow.resource_settings.nodes is not None)


def end(plan: Plan, workflow: Any, log: list[str] | None = None) -> None:
    """Say what a reader of the results must know; and if jobs failed (`log` is Snakemake's own then), what to do."""
    screen = terminal(workflow)
    printed = [] if screen is None else screen.end()
    say(*map(str, words.notices(plan)))
    if log is None:
        return
    refused = submission.refusal(plan)
    refusal = [refused.read_text(errors="replace").rstrip()] if refused.is_file() else []
    failed = failure.described(plan, list(workflow.scheduler.failed), bool(stopped), printed)
    say(*refusal, *failed, failure.remedy(log, workflow.configfiles))


def hand_on_signals() -> None:
    """Let SIGTERM, Ctrl-C or a terminal that goes away end this Snakemake and its jobs within seconds.

    By itself, Snakemake waits at SIGTERM until the running jobs are done, hours perhaps, and so at a SIGINT that its
    jobs do not get. Here all of them get SIGTERM: trainings save first. A second Ctrl-C is Snakemake's own.
    """
    wait_for_jobs = signal.getsignal(signal.SIGTERM)  # Snakemake's: start no more, and end when none is left
    if not callable(wait_for_jobs):
        return

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # Not in the interrupted thread, which may hold the lock that Snakemake's handler takes, or be printing.
        threading.Thread(target=end_jobs, args=(number, frame), daemon=True).start()

    def end_jobs(number: int, frame: FrameType | None) -> None:
        wait_for_jobs(number, frame)
        name = signal.Signals(number).name
        stopped.append(name)
        say(f"rlgames: stopped by {name}; trainings save first, which takes seconds. The same command resumes.")
        told: set[psutil.Process] = set()
        while True:  # a job may just be starting
            for job in set(psutil.Process().children()) - told:
                with suppress(psutil.NoSuchProcess):
                    job.send_signal(signal.SIGTERM)
                told.add(job)
            time.sleep(0.2)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, stop)
