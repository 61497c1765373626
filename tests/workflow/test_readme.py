"""What the README promises, done as it says."""

import re
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from conftest import ROOT, Sandbox

README_FILE = ROOT / "README.md"
README = README_FILE.read_text()
USE = (ROOT / "docs/use.md").read_text()
GALLERY = (ROOT / "docs/gallery.md").read_text()


def test_example_works_when_pasted(sandbox: Sandbox) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    (name,) = re.findall(r"Save this as `(.*?)`", README)
    (figure,) = re.findall(r"The figure is `(.*?)`", README)
    assert f"make figures CONFIG={name}" in README
    (sandbox.folder / name).write_text(example)
    sandbox.snakemake("--cores", "2", "--configfile", name)
    assert (sandbox.folder / figure).stat().st_size > 10_000
    assert (sandbox.folder / figure).with_suffix(".csv").exists()


def test_verbs_exist() -> None:
    def verbs(of: str) -> set[str]:
        helped = subprocess.run(["make", of], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return set(re.findall(r"^make ([a-z-]+)", helped, flags=re.MULTILINE))

    users, developers = verbs("help"), verbs("help-dev")
    assert {"figures", "smoke", "play", "test", "report", "explain", "help", "help-dev", "verify"} <= users
    assert {"lint", "lock", "bench", "site"} <= developers
    named = set(re.findall(r"`make ([a-z-]+)", README))
    assert named <= users
    assert set(re.findall(r"`make ([a-z-]+)", USE)) <= users | developers


def test_first_contact_is_short() -> None:
    first = README.split("## Add an experiment")[0]
    words = re.sub(r"\]\([^)]*\)|[|#*`]", " ", first).split()
    assert len(words) <= 400
    assert first.count("![") == 3


def test_make_takes_a_config_and_refuses_one_that_is_missing() -> None:
    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)

    assert "snakemake --configfile config/smoke.yaml" in " ".join(
        make("figures", "CONFIG=config/smoke.yaml").stdout.split()
    )
    assert "--report results/smoke/report.html" in make("report", "CONFIG=config/smoke.yaml").stdout
    assert "--report results/lesson/report.html" in make("report").stdout
    missing = make("figures", "CONFIG=config/nope.yaml")
    assert missing.returncode
    assert "There is no config config/nope.yaml. Choose from: " in missing.stderr


@pytest.mark.parametrize(
    "page",
    [*ROOT.glob("*.md"), ROOT / "config/README.md", ROOT / "results/README.md", *sorted(ROOT.glob("docs/*.md"))],
    ids=lambda page: page.stem,
)
def test_links_lead_to_something(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        path = page.parent / name if name else page
        assert path.exists(), target
        headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE) if anchor else []
        assert anchor in ["", *(re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings)], (
            target
        )


def test_paths_exist() -> None:
    tree = USE.split("## Where things are")[1].split("## Results")[0]
    for name in re.findall(r"^    ([\w/.]+)", tree, flags=re.MULTILINE):
        assert (ROOT / name).exists(), name


def test_faults_name_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs/recovery.md").read_text()))
    assert len(named) > 10
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert named <= set(re.findall(r"def (test_\w+)", sources))


def test_gallery_images_are_small() -> None:
    images = [path for path in (ROOT / "docs/gallery").iterdir() if path.suffix in {".png", ".gif"}]
    assert images
    assert all(image.stat().st_size < 400_000 for image in images)


def test_gallery_quotes_its_table() -> None:
    scores = pd.read_csv(ROOT / "docs/gallery/final-scores.csv")
    numbers = {
        experiment: {f"{row.steps:.1f} | {row.steps_low:.1f} to {row.steps_high:.1f}" for row in rows.itertuples()}
        for experiment, rows in scores.groupby("experiment")
    }
    rows = re.findall(r"^\| ([a-z-]+) \| [^|]+ \| (\d[^|]+ \| [^|]+) \| \d+ ± \d \|$", GALLERY, flags=re.MULTILINE)
    assert len(rows) == 9
    for experiment, quoted in rows:
        assert quoted in numbers[experiment]


def test_gallery_shows_pictures_that_exist() -> None:
    shown = re.findall(r"!\[[^]]+\]\((gallery/[^)]+)\)", GALLERY)
    assert len(shown) > 5
    assert all((ROOT / "docs" / path).exists() for path in shown)
