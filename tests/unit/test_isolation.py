"""Jobs are kept apart from the user's environment: variables, files of settings, modules that lie about; and from a
Snakemake that was killed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from conftest import ROOT
from rlgames.files import PACKAGE
from rlgames.messages import UserError
from rlgames.operations import isolation
from rlgames.provenance import code_hash

HOSTILE = {
    "PYTHONHOME": "/nowhere", "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error", "PYTHONHASHSEED": "17",
    "PYTHONUTF8": "0", "KERAS_BACKEND": "torch", "TF_USE_LEGACY_KERAS": "1", "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "TF_SET_ONEDNN_FPMATH_MODE": "BF16", "ONEDNN_DEFAULT_FPMATH_MODE": "BF16", "DNNL_MAX_CPU_ISA": "SSE41",
    "NVIDIA_TF32_OVERRIDE": "1", "NUMBA_DISABLE_JIT": "1", "NUMBA_CPU_NAME": "generic",
    "NPY_DISABLE_CPU_FEATURES": "AVX2",
    "OPENBLAS_CORETYPE": "Nehalem", "MKL_CBWR": "COMPATIBLE", "MPLBACKEND": "nonsense", "ALE_ROMS_DIR": "/nowhere",
    "BASH_ENV": "/nowhere",
}  # fmt: skip
WANTED = {
    "ONEDNN_MAX_CPU_ISA": "AVX2", "NUMBA_CACHE_DIR": "/cache", "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "2",
    "TMPDIR": "/tmp", "RLGAMES_SAVE_SECONDS": "5",  # noqa: S108
}  # fmt: skip


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, home, and variables of a user who works with all of these libraries."""
    (tmp_path / "keras.json").write_text('{"floatx": "float99", "backend": "jax", "image_data_format": "no"}')
    (tmp_path / "rc").write_text("backend: nonsense\nlines.linewidth: 99\n")
    settings = HOSTILE | WANTED | {"KERAS_HOME": str(tmp_path), "MATPLOTLIBRC": str(tmp_path / "rc")}
    monkeypatch.setattr(os, "environ", os.environ.copy() | settings)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("hostile")
def test_settings_of_libraries_reach_no_job_and_what_users_need_does() -> None:
    isolation.isolate()
    for name in HOSTILE:
        assert os.environ.get(name) == isolation.FIXED.get(name), name
    assert WANTED.items() <= os.environ.items()


KERAS = """
import os, runpy, sys, unittest.mock
os.environ.update({"KERAS_HOME": sys.argv[1], "KERAS_BACKEND": "torch"})
from rlgames.operations.isolation import isolate
isolate()
for name in ("", ".src", ".src.api_export", ".src.backend", ".src.backend.common"):  # TensorFlow would take seconds
    sys.modules[f"keras{name}"] = unittest.mock.MagicMock()
sys.modules["keras.src.api_export"].keras_export = lambda *names, **more: lambda function: function
import sysconfig
found = runpy.run_path(sysconfig.get_path("purelib") + "/keras/src/backend/config.py")
print(found["_BACKEND"], found["floatx"](), found["image_data_format"]())
"""


def test_keras_starts_with_its_defaults(hostile: Path) -> None:
    """By Keras's own code that reads the settings; the file is one that it refuses to start with."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    command = [sys.executable, "-c", KERAS, str(hostile)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["tensorflow", "float32", "channels_last"], run.stderr


@pytest.mark.usefixtures("hostile")
def test_matplotlib_starts_with_its_defaults() -> None:
    isolation.isolate()
    code = "import matplotlib; print(matplotlib.get_backend(), matplotlib.rcParams['lines.linewidth'])"
    run = subprocess.run([sys.executable, "-c", code], env=dict(os.environ), capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["agg", "1.5"]


def test_numba_settings_in_the_working_directory_are_refused(hostile: Path) -> None:
    (hostile / ".numba_config.yaml").write_text("disable_jit: 1\n")
    with pytest.raises(UserError, match=r"\.numba_config\.yaml changes how agents are compiled.*move it"):
        isolation.isolate()


@pytest.mark.parametrize("name", ["random.py", "numpy/__init__.py", "rlgames/__init__.py"])
def test_modules_in_the_working_directory_or_pythonpath_are_not_loaded(tmp_path: Path, name: str) -> None:
    """In the environment that jobs get, they are not seen; elsewhere, a job says why it does not begin."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("raise SystemExit('loaded')\n")
    command = ["-c", "import random, numpy, rlgames; print(numpy.__version__, rlgames.__file__)"]
    isolated = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | isolation.FIXED
    run = subprocess.run(
        [sys.executable, *command], env=isolated, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert run.stdout.endswith(f" {PACKAGE}/__init__.py\n"), run.stderr

    if name.startswith("rlgames"):  # which is loaded already
        return
    shadow = name.partition("/")[0].removesuffix(".py")
    code = (
        "import sys; from rlgames.operations import isolation; sys.path.insert(0, sys.argv[1]);"
        "isolation.demand_own_modules()"
    )
    run = subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert f"UserError: The module {shadow} in {tmp_path} would take the place" in run.stderr
    (tmp_path / name).rename(tmp_path / "mine.py")
    subprocess.run([sys.executable, "-P", "-c", code, str(tmp_path)], check=True)


RULES = "\n\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))


def test_every_rule_hands_its_job_the_process_with_which_to_end() -> None:
    shells = re.findall(r"    shell:\n(.*?)(?:\n\n|\Z)", RULES, flags=re.DOTALL)
    assert len(shells) == len(re.findall(r"^rule ", RULES, flags=re.MULTILINE)) > 10
    assert all(shell.rstrip().endswith(' --parent $PPID"') for shell in shells)


PARENT = "import subprocess, sys; subprocess.run(['bash', '-c', sys.argv[1]])"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_job_that_is_no_training_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    """As Snakemake starts it. The job waits for a reader of its log, a pipe; its parent is killed."""
    os.mkfifo(tmp_path / "log")
    shell = (
        f"exec {sys.executable} -m rlgames.commands.cost --manifests @<(printf '%s\\n' m) --pictures --output o"
        f" --lock l --code {code_hash('rlgames.commands.cost')} --log {tmp_path}/log --parent $PPID"
    )
    parent = subprocess.Popen([sys.executable, "-c", PARENT, shell], cwd=tmp_path)
    deadline = time.monotonic() + 60

    def job() -> psutil.Process | None:
        found = [each for each in psutil.Process(parent.pid).children() if "--parent" in each.cmdline()]
        return found[0] if found and "python" in found[0].name() else None

    while not (started := job()) or started.num_threads() < 1 or "wait_for_partner" not in waits(started.pid):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    started.wait(timeout=10)
    assert not started.is_running()


def waits(process: int) -> str:
    """What a process waits for in the kernel; where that is hidden, the job is given a second."""
    place = Path(f"/proc/{process}/wchan")
    text = place.read_text() if place.exists() else "0"
    if text in ("0", ""):
        time.sleep(1)
        return "wait_for_partner"
    return text


def test_snakemake_gives_jobs_an_environment_of_their_own(hostile: Path) -> None:
    """What `startup.planned` does, in a process that was started with another library of modules."""
    code = (
        "import json, os, sys; from rlgames.plan import startup; from rlgames.files import ROOT;"
        "startup.use_this_python(str(ROOT)); print(json.dumps([dict(os.environ), sys.path]))"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    (hostile / "other").mkdir()
    environment["PYTHONPATH"] = os.pathsep.join([str(PACKAGE.parent), str(hostile), "other"])
    run = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    variables, folders = json.loads(run.stdout)
    assert isolation.FIXED.items() <= variables.items()
    assert not any(folder.startswith(str(hostile)) for folder in folders)
    assert variables["PATH"].startswith(str(Path(sys.executable).parent))
