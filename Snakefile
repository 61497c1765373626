# Reinforcement learning on games, from declaration to figure. Results, below the folder `results` of the config:
#   runs/{experiment}/{variant}/seed-{seeds}/   a training run: weights, episodes, manifest
#   runs/.../seed-{seed}/evaluation/            scores and recordings of an agent trained on Atari
#   datasets/{dataset}/                         frames of a game, and the recordings that they come from
#   figures/{figure}.png .pdf .csv              a figure and the numbers in it
#   videos/{experiment}/{variant}.mp4 .html     an episode, played again; on Atari .../best, median, random
#   tables/{table}.csv                          final scores, and what every training cost
#   state/, config.yaml                         what a killed training goes on from; the resolved config
# The whole grammar is in workflow/rlgames/paths.py, every key of a config in config/README.md.

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from rlgames import guard, paths
from rlgames.plan import planned, say
from rlgames.settings import SettingsError

min_version("9.27")

if not workflow.configfiles:

    configfile: "config/config.yaml"


try:
    PLAN = planned(workflow, config)
except SettingsError as error:
    raise WorkflowError(str(error)) from None


wildcard_constraints:
    **paths.CONSTRAINTS,


rule all:  # read first: what everything is made for
    default_target: True
    input:
        PLAN.targets(),


include: "workflow/rules/config.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/encoders.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/tables.smk"


onstart:
    guard.begin(PLAN, workflow)


onsuccess:
    say(PLAN.notices())


onerror:
    say(PLAN.notices(), guard.failure(PLAN, log))
