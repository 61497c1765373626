"""The arithmetic of docs/scale.md, against simulations and numbers worked out by hand."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import scale

from conftest import ROOT

PAGE = (ROOT / "docs" / "scale.md").read_text()
NUMBER = r"\d[\d,.]*\d|\d"


def test_page_holds_the_tables_that_the_script_prints_and_no_other_number() -> None:
    tables = scale.tables()
    for table in tables.split("\n\n"):
        assert table in PAGE
    prose = re.sub(r"\[[\w.]+\]\([^)]*\)|`[^`]*`", "", PAGE.split("\n- J. W. Young")[0])  # names and links
    assert set(re.findall(NUMBER, prose)) <= set(re.findall(NUMBER, tables)) | {"57"}


@pytest.mark.parametrize("failure", [3600.0, 24 * 3600.0, 30 * 24 * 3600.0])
def test_best_interval_is_where_a_search_finds_least_loss(failure: float) -> None:
    save = 0.3
    intervals = np.geomspace(1, 100_000, 200_001)
    found = intervals[np.argmin([scale.loss(save, interval, 300, failure) for interval in intervals])]
    assert scale.daly(save, failure) == pytest.approx(found, rel=0.01)
    assert scale.daly(save, failure) == pytest.approx(math.sqrt(2 * save * failure), rel=0.02)  # Young's


@pytest.mark.parametrize(("interval", "restart"), [(60.0, 350.0), (3600.0, 350.0), (20_000.0, 10.0)])
def test_expected_loss_is_that_of_simulated_failures(interval: float, restart: float) -> None:
    """A stretch of work and its save are done again after each failure; a failure may strike while going on, too."""
    save, failure, rng = 5.0, 10_000.0, np.random.default_rng(0)
    spent, stretches = 0.0, 30_000
    for _ in range(stretches):
        while (until := rng.exponential(failure)) < interval + save:
            spent += until
            while (until := rng.exponential(failure)) < restart:
                spent += until
            spent += restart
        spent += interval + save
    assert scale.loss(save, interval, restart, failure) == pytest.approx(
        spent / (stretches * interval) - 1, rel=0.03, abs=0.002
    )


def test_longest_runs_go_first() -> None:
    assert scale.makespan([1, 2, 3, 3], 2) == 5  # 3 and 2, 3 and 1
    assert scale.makespan([4, 1], 10) == 4
