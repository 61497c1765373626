"""A real Slurm on this machine for the tests of this folder: one node, all its state in a temporary folder.

Debian's slurmctld, slurmd, slurm-client and munge have to be installed. slurm.conf must stand in its default place,
since the plugin clears the variable that names another one: a file there that is not from these tests is left alone.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

CONF = Path("/etc/slurm/slurm.conf")
MARKER = "# From the tests of rlgames, which remove it when they end. Written by process "
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol")
CORES = 2
"""Of the node, whatever the machine has."""

CONFIGURATION = """\
{marker}{process}
ClusterName=rlgames
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MinJobAge=3600
ReturnToService=2
KillWait=5
SchedulerParameters=sched_interval=5
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory} State=UNKNOWN
PartitionName=low-priority Nodes={host} Default=YES PriorityTier=1 PreemptMode=REQUEUE
PartitionName=urgent Nodes={host} PriorityTier=10 PreemptMode=OFF
"""


class Slurm:
    """munged, slurmctld and slurmd, and what the tests do to their jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.daemons: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start all three; raises `AssertionError`, with the ends of their logs, if the node does not come up."""
        os.umask(0o022)
        for name in ("state", "spool"):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
        text = CONFIGURATION.format(
            marker=MARKER,
            process=os.getpid(),
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            controller_port=free_port(),
            node_port=free_port(),
            cores=CORES,
            memory=memory * 9 // 10,
        )
        CONF.parent.mkdir(exist_ok=True)
        CONF.write_text(text)
        munge = [f"--{name}={self.folder}/munge.{name.split('-')[0]}" for name in ("socket", "pid-file", "log-file")]
        self.run(
            "munged", "--foreground", "--force", f"--key-file={key}", f"--seed-file={self.folder}/munge.seed", *munge
        )
        wait(lambda: (self.folder / "munge.socket").exists(), "munged to listen", self.logs)
        self.run("slurmctld", "-D", "-c")
        self.run("slurmd", "-D", "-c")
        wait(lambda: "idle" in said("sinfo", "--noheader", "--format=%T"), "the node to be idle", self.logs)

    def run(self, *command: str) -> None:
        with (self.folder / f"{command[0]}.out").open("wb") as out:
            self.daemons.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))

    def stop(self) -> None:
        """End every job and all daemons, and take slurm.conf away."""
        try:
            if len(self.daemons) == 3:
                said("scancel", "--signal=KILL", f"--user={getpass.getuser()}")
                said("scancel", f"--user={getpass.getuser()}")
                wait(lambda: not said("squeue", "--noheader"), "all jobs to end", self.logs)
        finally:
            for daemon in reversed(self.daemons):
                daemon.terminate()
                try:
                    daemon.wait(timeout=20)
                except subprocess.TimeoutExpired:
                    daemon.kill()
                    daemon.wait()
            if CONF.exists() and CONF.read_text().startswith(MARKER):
                CONF.unlink()

    def logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-2000:]}" for path in sorted(self.folder.glob("*.out")))

    def jobs(self, state: str) -> list[str]:
        """Numbers of the jobs that are in a state."""
        return said("squeue", "--noheader", f"--states={state}", "--format=%i").split()

    def shown(self, job: str) -> dict[str, str]:
        """What Slurm says of a job."""
        pairs = said("scontrol", "--oneliner", "show", "job", job).split()
        return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def wait(happened: Callable[[], object], what: str, details: Callable[[], str] = str, seconds: float = 120) -> None:
    """Until something has happened; raises `AssertionError` if it takes too long."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, f"waited {seconds:.0f} seconds for {what}\n{details()}"
        time.sleep(0.2)


def obstacle() -> str | None:
    """Why there can be no Slurm here."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"{', '.join(missing)} not installed (Debian: slurmctld, slurmd, slurm-client and munge)"
    try:
        import snakemake_executor_plugin_slurm  # noqa: F401
    except ImportError:
        return "Snakemake's plugin for Slurm is not installed: make slurm"
    if CONF.exists():
        first = CONF.read_text().partition("\n")[0]
        if not first.startswith(MARKER):
            return f"{CONF} is not from these tests, and they will not replace it"
        if Path("/proc", first.removeprefix(MARKER)).exists():
            return f"{CONF} is in use by other tests, of process {first.removeprefix(MARKER)}"
    if not os.access(CONF if CONF.exists() else CONF.parent if CONF.parent.exists() else CONF.parents[1], os.W_OK):
        return f"{CONF} cannot be written; run the tests as root"
    return None
