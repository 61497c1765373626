"""What of the user's surroundings reaches a job: nothing that would change its numbers or break it."""

from __future__ import annotations

import os
import pkgutil
import sys
import sysconfig
from importlib.machinery import PathFinder
from pathlib import Path

from rlgames.files import PACKAGE
from rlgames.messages import UserError

DROPPED = (
    *("PYTHON", "KERAS_", "TF_", "XLA_", "ONEDNN_", "DNNL_", "NVIDIA_TF32_", "NUMBA_", "NPY_", "OPENCV_", "ALE_"),
    *("MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "OMP_", "GOMP_", "KMP_", "MATPLOTLIBRC", "MPLBACKEND", "BASH_ENV"),
)
"""How the names of variables begin that Python, the shell and the libraries take settings from."""

KEPT = (
    *("ONEDNN_MAX_CPU_ISA", "NUMBA_CACHE_DIR", "TF_CPP_MIN_LOG_LEVEL", "TF_GPU_ALLOCATOR"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
)
"""Of these, what manifests tell of, or what changes no number. Besides, Snakemake sets numbers of threads by itself."""

FIXED = {
    "PYTHONPATH": str(PACKAGE.parent),  # of the library beside the Snakefile, wherever another one is installed
    "PYTHONSAFEPATH": "1",  # no file in the working directory may take the place of a module
    "PYTHONNOUSERSITE": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": os.devnull,  # in which there is no keras.json
    "MATPLOTLIBRC": os.devnull,
    "MPLBACKEND": "agg",
}
NUMBA_SETTINGS = Path(".numba_config.yaml")


def isolate() -> None:
    """Take from the environment what this process, if it has not read it yet, and all that it starts must not see.

    Raises `UserError` for a file of settings that numba cannot be kept from reading.
    """
    foreign = {Path(entry).absolute() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)} - {
        PACKAGE.parent
    }
    # An empty entry stands for the working directory, as `absolute` reads it.
    sys.path[:] = [entry for entry in sys.path if Path(entry).absolute() not in foreign]
    for name in list(os.environ):
        if name.startswith(DROPPED) and name not in KEPT and not name.endswith("_NUM_THREADS"):
            del os.environ[name]
    os.environ.update(FIXED)
    if NUMBA_SETTINGS.is_file():
        raise UserError(
            f"{NUMBA_SETTINGS.absolute()} changes how agents are compiled, and so their results: move it elsewhere, or "
            "work in another folder."
        )


def demand_own_modules() -> None:
    """Raise `UserError` if a file in PYTHONPATH, the working directory or a user's own site-packages takes the place
    of a module of Python or of the environment."""
    environment = list(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))
    python = Path(sysconfig.get_path("stdlib"))
    for entry in sys.path:
        folder = Path(entry).resolve()
        if entry in environment:  # later entries cannot take the place of its modules
            return
        if folder == PACKAGE.parent.resolve() or folder in (python.resolve(), python.resolve() / "lib-dynload"):
            continue
        for module in pkgutil.iter_modules([str(folder)]):
            if module.name in sys.stdlib_module_names or PathFinder.find_spec(module.name, environment):
                raise UserError(
                    f"The module {module.name} in {folder} would take the place of the one that belongs here. Unset "
                    "PYTHONPATH, or start with make or snakemake, which run jobs apart from such files."
                )
