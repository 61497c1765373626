"""What the README promises, done as it says."""

import re
import subprocess

import pandas as pd
from conftest import ROOT, Sandbox

README = (ROOT / "README.md").read_text()


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
    helped = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = set(re.findall(r"^make ([a-z]+)", helped, flags=re.MULTILINE))
    named = set(re.findall(r"`make ([a-z]+)", README))
    assert named <= verbs
    assert {"figures", "smoke", "test", "lint", "report", "explain", "help", "lock"} <= verbs


def test_links_and_paths_exist() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    tree = README.split("## Where things are")[1].split("Results, below")[0]
    for name in re.findall(r"^    ([\w/.]+)", tree, flags=re.MULTILINE):
        assert (ROOT / name).exists(), name


def test_gallery_images_are_small() -> None:
    images = list((ROOT / "docs").rglob("*.png"))
    assert images
    assert all(image.stat().st_size < 400_000 for image in images)


def test_gallery_quotes_its_table() -> None:
    scores = pd.read_csv(ROOT / "docs/gallery/final-scores.csv")
    expected = [
        f"| {row.steps:.1f} | {row.steps_low:.1f} to {row.steps_high:.1f} |"
        for row in scores.itertuples()
    ]  # fmt: skip
    rows = [line for line in (ROOT / "docs/gallery.md").read_text().splitlines() if re.match(r"\| (step|til)", line)]
    assert len(rows) == len(expected)
    for row, numbers in zip(rows, expected, strict=True):
        assert numbers in row
