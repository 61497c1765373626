"""How a job begins and ends: it checks its code, ends with the process that started it, and says why it failed."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rlgames.messages import Logged, Shown, UserError, log
from rlgames.operations import compile_cache, isolation, locks
from rlgames.operations.causes import cause, first_line
from rlgames.operations.progress import note_end
from rlgames.operations.saves import next_start
from rlgames.provenance import code_hash
from rlgames.surroundings import note_surroundings

STOPPED = 128 + signal.SIGINT
"""The exit status of what Ctrl-C has ended, as shells have it."""


def begin(arguments: argparse.Namespace, *modules: str) -> None:
    """Prepare messages, Ctrl-C, an end with the process that started this one, and the cache of compiled functions.

    `modules` are the roots of the code behind the job, besides those that its arguments name. Raises `UserError` for
    code that is not what was planned, and for modules from elsewhere.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    die_with_parent(arguments.parent)
    arguments.log.parent.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [logging.StreamHandler(), logging.FileHandler(arguments.log, mode="a")]
    for handler, formatter in zip(handlers, (Shown(arguments.log), Logged()), strict=True):
        handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=handlers)
    isolation.demand_own_modules()
    isolation.isolate()
    named = vars(arguments).get("modules", {}).values()
    if (found := code_hash(*modules, *named)) != arguments.code:
        change = f"{arguments.code} is now {found}"
        raise UserError(f"The code changed after this job was planned ({change}). Run the same command again.")
    compile_cache.use(found)
    if "manifest" in arguments:
        note_surroundings()  # as they are now: they may change before the job ends


def die_with_parent(parent: int) -> None:
    """End this process when the one that started it ends, even by SIGKILL, so that none trains on unseen (Linux).

    Everywhere else nothing happens: there the lock keeps a second trainer out until the first is done.
    """
    if sys.platform != "linux":
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was watched
        sys.exit("The process that started this one has ended.")


def run(main: Callable[[], None]) -> None:
    """Run a command; an error whose message says what to do ends it without a traceback."""
    try:
        main()
        sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UserError as error:
        log.error(error)
        sys.exit(1)
    except Exception as error:
        if known := explanation(None, error):
            log.error(known)
        else:
            log.exception("This is a bug in rlgames, or in a library:")  # in the log as well
        sys.exit(1)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Say why a training with saves in `folder` failed and what to do, in its log as well, and end the process.

    `make status` is told, too, unless another process has the run. An error of which nothing is known is raised again.
    """
    try:
        yield
    except Exception as error:
        known = explanation(folder, error)
        if locks.holder(folder / "lock") in (None, locks.this_process()):
            note_end(folder, known or first_line(error))
        if not known:
            raise
        log.error(known)
        sys.exit(1)


def explanation(folder: Path | None, error: Exception) -> str:
    """Why a job failed and what to do; empty where nothing is known. `folder` has the saves of a training."""
    again = "Then run the same command again." if folder is None else next_start(folder)
    if isinstance(error, UserError):
        return str(error)
    known = cause(error, trainings=folder is not None)
    return f"{known} {again}" if known else ""
