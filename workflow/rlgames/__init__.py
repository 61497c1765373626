"""Reinforcement learning on games, from tiles to pixels. This library knows nothing of Snakemake."""
