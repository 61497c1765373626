"""A copy of the project that tests may run and edit, and a compile cache that the whole session shares."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
import yaml

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "workflow" / "rlgames").rglob("*.py"))
CODE = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:16]
os.environ["NUMBA_CACHE_DIR"] = str(ROOT / ".cache" / "tests" / CODE)  # numba does not see an edit of a callee
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore Ctrl-C, for good

hypothesis.settings.register_profile("compiled", deadline=None, derandomize=True)  # a first call compiles
hypothesis.settings.load_profile("compiled")

# Written into every Python process of a sandbox: at its end it notes what it ran and which modules it had loaded.
TRACER = """
import atexit, json, os, sys, uuid
def note():
    folder = os.environ.get("TRACE_MODULES")
    if folder:
        with open(os.path.join(folder, uuid.uuid4().hex), "w") as file:
            json.dump({"argv": sys.orig_argv, "modules": sorted(sys.modules)}, file)
atexit.register(note)
"""

# One process that has imported Snakemake, which is most of a dry run, and forks for each: it reads words and variables
# of the environment as JSON, a line each time, and answers with the exit status and all that was printed.
DRY_RUNS = """
import json, os, sys, tempfile, traceback
import pandas, snakemake.api, snakemake.cli, snakemake.workflow
for line in sys.stdin:
    words, environment = json.loads(line)
    with tempfile.TemporaryFile() as output:
        if not (child := os.fork()):
            status = 1
            try:
                os.environ.update(environment)
                sys.argv = ["snakemake", *words]
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
                snakemake.cli.main(words)
            except SystemExit as end:
                status = end.code
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        print(json.dumps([status, output.read().decode()]), flush=True)
"""


@contextmanager
def file_system(folder: Path, size: str) -> Iterator[Path]:
    """A folder that is a disk of this size ("2m"), in memory; where none can be mounted, the test is skipped."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root, and a container that allows it")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Sandbox:
    """A copy of the project in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.dry_runs: subprocess.Popen[str] | None = None
        for name in ("Snakefile", "workflow", "config", "profiles", "envs", "pyproject.toml"):
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
            else:
                shutil.copy2(source, folder / name)
        (folder / "workflow" / "sitecustomize.py").write_text(TRACER)
        of_make = {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}  # what to type is said in the words of what was typed
        self.environment = {name: value for name, value in os.environ.items() if name not in of_make} | {
            "PYTHONPATH": str(folder / "workflow"),  # all of it that reaches jobs
            "NUMBA_CACHE_DIR": str(folder / "numba"),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", *arguments]

    def python(self, *arguments: str, fails: bool = False) -> str:
        """Run Python and return all that it printed; it has to succeed, or, if `fails`, to fail."""
        return self.run([sys.executable, *arguments], fails=fails)

    def snakemake(self, *arguments: str, fails: bool = False, **environment: str) -> str:
        """The same for Snakemake, with variables of the environment. Dry runs share a process that has imported it."""
        replaced = {"PYTHONPATH", "TRACE_MODULES"} & environment.keys()  # read before the process begins its work
        if "--dry-run" not in arguments or replaced:
            return self.run(self.command(*arguments), fails=fails, **environment)
        status, text = self.dry_run(list(arguments), environment)
        assert (status != 0) == fails, text
        return text

    def run(self, command: list[str], *, fails: bool = False, **environment: str) -> str:
        """Run a command in the sandbox and return all that it printed."""
        run = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        assert (run.returncode != 0) == fails, run.stdout
        return run.stdout

    def dry_run(self, arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
        """Exit status and output of a dry run."""
        if self.dry_runs is None:
            self.dry_runs = subprocess.Popen(
                [sys.executable, "-c", DRY_RUNS], cwd=self.folder, env=self.environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        stdin, stdout = self.dry_runs.stdin, self.dry_runs.stdout
        assert stdin
        assert stdout
        print(json.dumps([arguments, environment]), file=stdin, flush=True)
        status, text = json.loads(stdout.readline())
        return status, text

    def close(self) -> None:
        """End the process of dry runs."""
        if self.dry_runs is not None:
            self.dry_runs.communicate()

    def code_hashes(self, roots: dict[str, list[str]]) -> dict[str, str]:
        """The hash of the code behind each list of modules, as this copy of the project has it."""
        code = (
            "import json, sys; from rlgames.provenance import code_hash; "
            "print(json.dumps({name: code_hash(*modules) for name, modules in json.loads(sys.argv[1]).items()}))"
        )
        return dict(json.loads(self.python("-c", code, json.dumps(roots))))

    def build(self, config: dict[str, Any], *arguments: str, cores: int = 2, **options: Any) -> str:
        """Run Snakemake on a config of the test's own."""
        file = self.folder / "config" / f"{Path(config['results']).name}.yaml"
        file.write_text(yaml.safe_dump(config))
        return self.snakemake(*arguments, "--cores", str(cores), "--configfile", str(file), **options)

    def planned(self, config: dict[str, Any], *arguments: str) -> set[str]:
        """What a dry run would make: the first output of each job, below the results folder."""
        text = self.build(config, "--dry-run", "--verbose", *arguments)  # all that Snakemake has to say
        outputs = [line.split(":", 1)[1] for line in text.splitlines() if line.startswith("    output:")]
        return {
            output.split(",  ")[0].split(", results")[0].strip().removeprefix(config["results"] + "/")
            for output in outputs
        }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for pages as a reader sees them."""
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("RLGAMES_NEEDS_BROWSER"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, file: Path, **options: Any) -> Iterator[Page]:
    """A page, opened from its file; whatever goes wrong in it fails the test, and so does a request to a server."""
    page, faults = browser.new_page(**options), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: None if request.url.startswith("file:") else faults.append(request.url))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert not faults


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One copy for the session, so that functions are compiled once; a test that edits it uses `edit`."""
    sandbox = Sandbox(tmp_path_factory.mktemp("project"))
    yield sandbox
    sandbox.close()


@pytest.fixture
def edit(sandbox: Sandbox) -> Iterator[Any]:
    """A function that replaces text in a file of the sandbox until the end of the test."""
    originals: dict[Path, str] = {}

    def replace(name: str, old: str, new: str) -> None:
        path = sandbox.folder / name
        text = path.read_text()
        originals.setdefault(path, text)
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    yield replace
    for path, text in originals.items():
        path.write_text(text)


def tiny_config(results: str) -> dict[str, Any]:
    """Two experiments with linear agents on Mountain Car, of three episodes each, two figures and a video."""
    car = {"name": "mountain-car", "max_steps": 3000}
    additive = {"name": "sarsa", "coding": {"name": "additive"}}
    tiled = {"name": "sarsa", "coding": {"name": "tiled"}, "step_size": 0.0625, "epsilon": 0.1}
    curves = {"kind": "learning-curves", "title": "Steps", "caption": "Two codings."}
    return {
        "results": results,
        "block_size": 2,
        "experiments": {
            "additive": {
                "environment": car,
                "agent": additive,
                "episodes": 3,
                "seeds": 4,
                "sweep": [{"step_size": 0.0125}, {"step_size": 0.0625}],
            },
            "tiled": {"environment": car, "agent": tiled, "episodes": 3, "seeds": 3},
        },
        "figures": {
            "both": {**curves, "experiments": ["additive", "tiled"]},
            "one": {**curves, "experiments": ["tiled"], "quantities": ["return"]},
        },
        "videos": {"tiled": {"seed": 2, "caption": "The last episode."}},
    }


def wrong(plan: Any) -> list[str]:
    """What `make verify` finds, in this process."""
    from rlgames.commands.verify import check
    from rlgames.plan import audit

    played = [line for part in audit.recordings(plan) for line in check(part)[1]]
    return [*audit.checksums(plan), *played, *audit.tables(plan)]


def sign_anew(plan: Any, *folders: Path) -> None:
    """As a forger would: manifests list what lies there, and checksums.txt the manifests."""
    from rlgames.plan import paths
    from rlgames.provenance import checksums, write_checksums

    for folder in folders:
        facts = json.loads((folder / "manifest.json").read_text())
        facts["products"] = {
            name: checksums(path)[name]
            for name in facts["products"]
            for path in (folder / name, folder.parent / name)
            if path.exists() and not (name == "weights.npz" and path.parent == folder and folder.name == "evaluation")
        }
        (folder / "manifest.json").write_text(json.dumps(facts))
    root, file = Path(plan.config.results), Path(plan.path("checksums"))
    write_checksums(map(Path, paths.unlisted(plan.targets())), root, file)


def traces(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.iterdir()]


def loaded_by(folder: Path, command: str) -> Iterator[tuple[set[str], set[str], list[str]]]:
    """Of every trace that a command left: the modules of this package that it loaded, those that its code hash covers,
    and all modules that it loaded."""
    from rlgames.provenance import OUTSIDE, closure

    module = f"rlgames.commands.{command}"
    found = [trace for trace in traces(folder) if module in trace["argv"]]
    assert found, "the command has left no trace"
    for trace in found:
        words = trace["argv"]
        arguments = dict(pairwise(words))
        roots = {module, *json.loads(arguments.get("--modules", "{}")).values()}
        roots |= {arguments["--module"]} if "--module" in arguments else set()
        ours = {name for name in trace["modules"] if name.startswith("rlgames.") and not name.startswith(OUTSIDE)}
        yield ours | {module}, set(closure(roots)), trace["modules"]
