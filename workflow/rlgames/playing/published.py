"""Published scores, for comparison with ours."""

from __future__ import annotations

SCORES: dict[str, dict[str, float]] = {
    "pong": {"random": -20.7, "human": 9.3, "DQN": 18.9, "Double DQN": 20.9},
    "breakout": {"random": 1.7, "human": 31.8, "DQN": 401.2, "Double DQN": 418.5},
    "space_invaders": {"random": 148.0, "human": 1652.0, "DQN": 1976.0, "Double DQN": 2525.0},
    "freeway": {"random": 0.0, "human": 29.6, "DQN": 30.3, "Double DQN": 33.3},
    "CartPole-v1": {"solved": 475.0},
    "Acrobot-v1": {"solved": -100.0},
    "LunarLander-v3": {"solved": 200.0},
    "MountainCar-v0": {"solved": -110.0},
}
"""By game. Atari: random play, a human tester and DQN, evaluated with ε = .05 after 50 million steps (Mnih et al.
2015); Double DQN after as many (Wang et al. 2016, scores after up to 30 no-ops). Solved: Gymnasium's thresholds."""

CLEANRL: dict[str, dict[str, float]] = {
    "pong": {"random": -20.7, "human": 9.3, "CleanRL DQN": 20.25},
    "breakout": {"random": 1.7, "human": 31.8, "CleanRL DQN": 366.9},
    "space_invaders": {"random": 148.0, "human": 1652.0},
}
"""The same, with CleanRL's `dqn_atari.py` for DQN: training returns after 10 million steps, 3 seeds, Pong 20.25 ± .41
and Breakout 366.9 ± 39.9 (Huang et al. 2022, its documentation)."""

CLEANRL_PROTOCOL = (
    "Dashed: random play and a human tester (Mnih et al. 2015), and training returns of CleanRL's DQN after\n"
    "10 million steps, 3 seeds (Huang et al. 2022): Pong 20.25 ± .41, Breakout 366.9 ± 39.9."
)

ATARI_PROTOCOL = (
    "Dashed: random play, a human tester and DQN, evaluated with ε = .05 after 50 million steps (Mnih et al. 2015),\n"
    "and Double DQN after as many (Wang et al. 2016, table of scores after up to 30 no-ops)."
)
GYMNASIUM_PROTOCOL = "Dashed: the mean return from which Gymnasium calls the environment solved."


def levels_of(game: str, source: str = "papers") -> dict[str, float]:
    """Published scores of a game by name, of a source: papers, cleanrl, or none."""
    if source == "none":
        return {}
    return (CLEANRL if source == "cleanrl" and game in CLEANRL else SCORES).get(game, {})


def protocol(games: list[str], source: str = "papers") -> str:
    """How the scores of these games were taken, in words; nothing if there are none."""
    if source == "none":
        return ""
    if source == "cleanrl" and set(games) & set(CLEANRL):
        return CLEANRL_PROTOCOL
    levels = [SCORES[game] for game in games if game in SCORES]
    texts = [GYMNASIUM_PROTOCOL if "solved" in level else ATARI_PROTOCOL for level in levels]
    return "\n".join(dict.fromkeys(texts))


def milestones(game: str) -> tuple[float, ...]:
    """Returns whose first reaching is worth a row in a table: in Pong, where 21 is the most, as good as the machine,
    better than a human tester, nearly perfect; elsewhere a human tester's score, or the game solved."""
    if game == "pong":
        return (0, 10, 18)
    scores = SCORES.get(game, {})
    return tuple(scores[name] for name in ("human", "solved") if name in scores)
