"""How much games side by side bend training curves: an episode counts when it ends, and short ones end first."""

from __future__ import annotations

import numpy as np
import pandas as pd


def bias(run: pd.DataFrame, window: int) -> dict[str, float]:
    """Of one training, with the columns episode, steps, return, ending, end_step and games:

    - ended, begun: mean return of the first episodes to end, as many as games, and of the first to begin;
    - until: the step at which the last of those that began first, one in each game, had ended;
    - back: how many steps the last `window` episodes reach back from the step at which the last of them ended.
    """
    games = int(run["games"].iloc[0])
    over = run[run["ending"] != "unfinished"].sort_values("end_step", kind="stable")
    if (over["episode"] <= games).sum() < games or len(over) < window:
        return {}
    begun, last = over[over["episode"] <= games], over.tail(window)
    return {
        "ended": over["return"].head(games).mean(),
        "begun": begun["return"].mean(),
        "until": begun["end_step"].max(),
        "back": last["end_step"].max() - (last["end_step"] - games * last["steps"]).min(),
    }


def words(episodes: pd.DataFrame, window: int) -> str:
    """That in words, over all trainings of a figure: means over seeds, and the curve with the largest. Nothing where no
    games were played side by side. `episodes` has the columns game, curve and seed besides those of `bias`."""
    if "games" not in episodes or episodes["games"].max() == 1:
        return ""
    several = episodes[episodes["games"] > 1]
    found = [
        {"curve": f"{game}/{curve}", **of_run}
        for (game, curve, _), run in several.groupby(["game", "curve", "seed"], sort=False)
        if (of_run := bias(run, window))
    ]
    counts = " or ".join(str(count) for count in sorted(several["games"].unique()))
    told = f"{counts} games side by side: an episode counts when it ends, and short ones end first."
    if not found:
        return f"{told}\n"
    sizes = pd.DataFrame(found).groupby("curve", sort=False).mean()
    worst = sizes.iloc[int((sizes["ended"] - sizes["begun"]).abs().argmax())]
    return (
        f"{told} The first to end have a mean of {worst['ended']:.3g}, the first to begin {worst['begun']:.3g}; "
        f"this biases curves up to step {thousands(sizes['until'].max())}; at their end they reach back "
        f"{thousands(sizes['back'].max())} steps. The points are not affected.\n"
    )


def thousands(steps: float) -> str:
    """A number of steps, to two digits."""
    digits = max(0, int(np.floor(np.log10(max(steps, 1)))) - 1)
    return f"{round(steps, -digits):,.0f}"
