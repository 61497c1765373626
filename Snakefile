# From declaration to figure. Results, below the folder `results` of the config (all paths: workflow/rlgames/plan/paths.py):
#   runs/{experiment}/{variant}/seed-{seeds}/   a training run: weights, episodes, manifest
#   runs/.../seed-{seed}/evaluation/            scores and recordings of an agent that learned step by step
#   datasets/{dataset}/                         frames of a game, and the recordings that they come from
#   index.html                                  the page of the results
#   figures/{figure}.png .pdf .csv              a figure and the numbers in it
#   videos/{experiment}/{variant}.mp4 .html     an episode, played again; of evaluations .../best, median, random
#   tables/{table}.csv                          final scores, and what every training cost
#   state/, config.yaml                         what a killed training resumes from; the resolved config
#   checksums.txt                               of all products that no manifest lists, as of the end of a run

import sys

# A file in this folder must not take the place of a module.
sys.path[:] = [each for each in sys.path if each != str(workflow.current_basedir)]

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from rlgames.messages import UserError
from rlgames.plan import needs, paths, several, startup, words

min_version("9.27")

if not workflow.configfiles:

    configfile: "config/config.yaml"


try:
    PLAN = startup.planned(workflow, config)
except UserError as error:
    raise WorkflowError(str(error)) from None


report: "workflow/report/workflow.rst"


wildcard_constraints:
    **paths.CONSTRAINTS,


rule all:  # read first: what everything is made for
    default_target: True
    input:
        PLAN.targets(),
        PLAN.path("checksums"),


include: "workflow/rules/config.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/encoders.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/videos.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/page.smk"
include: "workflow/rules/checksums.smk"


for each in startup.own_rules(workflow):  # Snakemake's linter takes no global `conda:`
    each.conda_env = f"{workflow.current_basedir}/envs/environment.yaml"


onstart:
    startup.begin(PLAN, workflow)


onsuccess:
    startup.end(PLAN, workflow)


onerror:
    startup.end(PLAN, workflow, log)
