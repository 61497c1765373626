# The workflow is in the file below, where Snakemake's workflow catalogue and `snakedeploy` look for it.
import sys

# A file in this folder must not take the place of a module.
sys.path[:] = [each for each in sys.path if each != str(workflow.current_basedir)]


include: "workflow/Snakefile"


workflow.default_target = "all"  # a file that is included sets none
