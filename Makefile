# `make help` lists the verbs, `make help-dev` those for developers. Anything after Snakemake's own options works too: make figures FLAGS=--keep-going
.DEFAULT_GOAL := figures
.PHONY: figures smoke report explain play export notebook again checked rehearse verify status bench bench-deep bench-gpu bench-learning soak clean-state prune slurm test test-cluster lint format docs site lock gallery clean help help-dev

PYTHON ?= python3
FLAVOUR ?= cpu
CORES ?= all
CONFIG ?= config/config.yaml
TARGET ?=
FLAGS ?=
# Not from the user's shell, where VENV may well be another project's environment.
VENV = .venv

$(if $(word 2,$(CONFIG)),$(error CONFIG="$(CONFIG)" must be one file, and its path must have no space. For two files, of which the second changes the first, type: snakemake --cores all --configfile one.yaml two.yaml))
$(if $(and $(filter cpu gpu,$(FLAVOUR)),$(if $(word 2,$(FLAVOUR)),,one)),,$(error There is no FLAVOUR=$(FLAVOUR): it is cpu or gpu))
$(if $(wildcard $(CONFIG)),,$(error There is no config $(CONFIG). Choose from: $(wildcard config/*.yaml)))

export PYTHONUTF8 := 1
export RLGAMES_GOALS = $(MAKECMDGOALS)
# That of the shell, also in a make within make.
export RLGAMES_PATH := $(or $(RLGAMES_PATH),$(PATH))
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# Variables of a user's shell that would bring in other modules or another profile. Jobs are isolated further: operations/isolation.py.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP PYTHONOPTIMIZE PYTHONWARNINGS SNAKEMAKE_PROFILE
# $(call on,YES) is empty where the switch YES is off.
ON = 1 y Y yes Yes YES true True TRUE
OFF = 0 n N no No NO false False FALSE
on = $(if $(or $(word 2,$($(1))),$(filter-out $(ON) $(OFF),$($(1)))),$(error $(1)="$($(1))" is neither yes nor no: type $(1)=1 or $(1)=0, or leave it out))$(filter $(ON),$($(1)))
ASKING = $(if $(call on,YES),--yes) $(if $(call on,DRY),--dry-run)
COMMANDS = python -I -X utf8 -m rlgames.commands
CONFIGFILE = $(if $(filter config/config.yaml,$(CONFIG)),,--configfile $(CONFIG))
RESULTS = $(or $(shell $(VENV)/bin/python -I -X utf8 -m rlgames.commands.status --results $(CONFIG)),$(error $(CONFIG) cannot be run, for the reason above; if there is no $(VENV) yet, type make first))
LOCKED = $(VENV)/rlgames-lock.txt
DEV_LOCKED = $(VENV)/rlgames-dev-lock.txt
OURS = $(or $(filter .venv,$(VENV)),$(wildcard $(LOCKED)))
SUPPORTED = import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
SLURM_LOCKED = $(VENV)/rlgames-slurm-lock.txt
PIP = $(VENV)/bin/pip install --quiet --disable-pip-version-check
INSTALL = $(VENV)/bin/python -I envs/install.py $(VENV)/bin/pip
GALLERY = docs/gallery$(if $(CONFIGFILE),/$(basename $(notdir $(CONFIG))))
SHOWN = $(addprefix figures/,$(addsuffix .png,first-steps step-sizes tilings two-environments cost-to-go n-step-sweep \
  trace-decay-sweep traces-sweep cartpole policy-gradients cartpole-deep pong value-estimates observations \
  encoder-losses latent-sizes latent-space reconstructions encoder-errors keypoints pong-linear predictions lunar-lander minatar acrobot games human-normalised \
  differences steps minutes smoke short returns pong-minutes)) \
  $(addprefix tables/,cost.csv final-scores.csv evaluation-scores.csv steps-to-return.csv datasets.csv \
  encoder-scores.csv prediction-scores.csv several-games.csv) \
  $(addprefix videos/pong/agent.name=,dqn/best.gif dqn/median.png double-dqn/best.gif double-dqn/median.png \
    c51,v_min=-1.2,v_max=1.2/best.gif hl-gauss,v_min=-1.2,v_max=1.2/median.png) \
  $(addprefix videos/pong-linear/,keypoints/best.gif keypoints/median.png tiled-positions/best.gif tiled-positions/median.png) \
  $(addprefix videos/games/,game=breakout/best.gif game=space_invaders/best.gif game=freeway,pixel_centre=142,epsilon_repeat=2.0/best.gif) \
  $(addprefix videos/,cartpole/agent.name=dqn/median.png lunar-lander/agent.name=dqn/best.gif lunar-lander/default/best.gif acrobot/default/best.gif pong/actor-critic/best.gif pong/network=impala/best.gif pong/network=mbconv/median.png linear/default/best.gif \
  minatar/id=MinAtar-Breakout-v1/best.gif)
SNAKEMAKE = snakemake $(TARGET) $(CONFIGFILE) $(FLAGS)

figures: $(LOCKED) checked ## make every figure, video and table, or TARGET=path; CORES=n, CONFIG=file (the default target)
	@$(SNAKEMAKE) --cores $(CORES)
	@$(COMMANDS).status --brief $(CONFIG)

checked: $(LOCKED)
	@$(COMMANDS).status --results $(CONFIG) --target $(TARGET) > /dev/null

smoke: ## the same from a tiny config, config/smoke.yaml, in minutes
	@$(MAKE) --no-print-directory figures CONFIG=config/smoke.yaml

report: figures ## Snakemake's report: figures, captions and numbers in one HTML file
	@snakemake $(CONFIGFILE) --report $(RESULTS)/report.html
	@echo "The report is $(RESULTS)/report.html."

explain: $(LOCKED) checked ## list what would be made, or made again for TARGET=path, and why; runs nothing
	@$(SNAKEMAKE) --dry-run

again: $(LOCKED) ## make TARGET=path again from nothing, in a folder beside the results, and compare the two bit by bit
	@$(COMMANDS).again $(CONFIG) $(TARGET) --cores $(CORES) $(FLAGS)

rehearse: $(LOCKED) ## start every deep Q-learning run of CONFIG with its whole replay buffer: does it fit, and how fast is it?
	@$(COMMANDS).rehearse $(CONFIG)

verify: $(LOCKED) ## compare all checksums, replay every recorded episode, and remake the tables; QUICK=1: checksums only
	@$(COMMANDS).verify $(CONFIG) $(if $(call on,QUICK),--quick)

status: $(LOCKED) ## say what is done, running, resumable or left behind by a kill, and which runs need a second look
	@$(COMMANDS).status $(CONFIG)

play: $(LOCKED) ## watch the agent of RUN=folder (SEED=n of a block), or random play of GAME=pong, in a window or as a video; HUMAN=1: play it yourself
	@$(COMMANDS).play $(if $(RUN),--run='$(RUN)') $(if $(GAME),--game='$(GAME)') $(if $(SEED),--agent-seed='$(SEED)') $(if $(call on,HUMAN),--human)

export: $(LOCKED) ## write the network of the deep agent of RUN=folder as a Keras file
	@$(COMMANDS).export '$(or $(RUN),trained/pong-double-dqn)'

notebook: $(DEV_LOCKED) ## open the lesson's notebook, over the results of make
	@jupyter lab notebooks/lesson.ipynb

slurm: $(SLURM_LOCKED) ## install what `snakemake --profile profiles/slurm` needs (docs/cluster.md)

bench: $(LOCKED) ##- time the compiled agents on one core: against plain NumPy, and by what takes the time on Pong
	@python benchmarks/agents.py
	@python benchmarks/linear.py

bench-deep: $(LOCKED) ##- time the deep agents; PEER=path of a Python with Stable-Baselines3 times that as well
	@python benchmarks/deep.py updates
	@python benchmarks/deep.py rebuild
	@python benchmarks/deep.py frames
	@python benchmarks/deep.py saving
	@python benchmarks/evaluation.py
	@python benchmarks/deep.py trainings $(PEER)
	@python benchmarks/learners.py

bench-gpu: $(LOCKED) ##- time the deep agents on a GPU, and how many minutes Pong takes there; needs FLAVOUR=gpu
	@python benchmarks/learning.py gpu

bench-learning: $(LOCKED) ##- time until Pong is learned on one core, with the settings of config/fast.yaml (takes hours)
	@python benchmarks/learning.py learning

soak: $(DEV_LOCKED) ##- kill a deep training a hundred times at random moments, and compare the bits
	@PYTHONPATH=tests python tests/workflow/test_exact_resume.py 100

test: $(DEV_LOCKED) ## run the whole test suite
	@pytest

test-cluster: $(DEV_LOCKED) $(SLURM_LOCKED) ##- run the tests on a Slurm of their own; needs slurmctld, slurmd, slurm-client and munge
	@pytest --numprocesses=0 -rs tests/cluster

lint: $(DEV_LOCKED) ##- check formatting, style, types and imports, and run Snakemake's own linter
	ruff format --check
	ruff check
	mypy
	lint-imports
	snakefmt --check Snakefile workflow/Snakefile workflow/rules
	snakemake --lint

format: $(DEV_LOCKED) ##- fix formatting, and what ruff can fix
	ruff format
	ruff check --fix
	snakefmt Snakefile workflow/Snakefile workflow/rules

docs: $(DEV_LOCKED) ##- write what is generated from the code: config/README.md, the JSON schema, the diagram of the packages
	@$(COMMANDS).docs

site: $(DEV_LOCKED) ##- build the docs as a site, into site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "The site is site/index.html."

lock: $(DEV_LOCKED) ##- lock the dependencies of pyproject.toml in envs/; UPGRADE=1: at their newest versions
	@python envs/lock.py $(if $(call on,UPGRADE),--upgrade)

clean-state: $(LOCKED) ## remove the saves that trainings resume from, and temporary files; results stay
	@$(COMMANDS).clean_state $(CONFIG) $(ASKING)

prune: $(LOCKED) ## remove what CONFIG no longer makes (dropped variants, seeds, figures); asks first, unless YES=1; DRY=1: only show it
	@$(COMMANDS).prune $(CONFIG) $(ASKING)

clean: ##- remove the environment and caches; results stay
	$(if $(OURS),,$(error VENV=$(VENV) is no environment that make installed, and stays: leave VENV out to remove .venv))
	rm -rf $(VENV) .cache .*_cache .hypothesis

gallery: figures ##- copy the figures, tables and pictures that the docs show to docs/gallery, or a folder below it for another CONFIG
	@mkdir -p $(GALLERY)
	@for name in $(SHOWN); do \
	  if [ -e $(RESULTS)/$$name ]; then cp $(RESULTS)/$$name $(GALLERY)/$$(echo $$name | sed 's|^[a-z]*/||; s|,[^/]*/|/|; s|/|-|g; s|[a-z]*\.name=||; s|id=||'); fi; \
	done
	@$(if $(CONFIGFILE),,$(COMMANDS).ship $(CONFIG) pong trained)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "make help-dev        list what developers need"

help-dev: ##- show this list
	@awk -F ':.*##- ' '/^[a-z-]+:.*##- / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# The copy of the lock tells every manifest what its run was made with. Contents decide, not times: a checkout installs
# nothing anew, and a change of FLAVOUR does.
stale = $(if $(shell cmp -s $(1) $(2) || echo yes),FORCE)

# The environment is made anew, since pip would leave what another FLAVOUR, or another PYTHON, has put there.
$(LOCKED): $(call stale,envs/$(FLAVOUR).txt,$(LOCKED))
	$(if $(or $(OURS),$(if $(wildcard $(VENV)),,new)),,$(error VENV=$(VENV) is an environment that make has not installed, and stays: leave VENV out))
	@PATH="$$RLGAMES_PATH" $(PYTHON) -c '$(SUPPORTED)' || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13: install one of these, and type make PYTHON=python3.13, say."; exit 1; }
	@echo "Installing the locked environment into $(VENV): 3 GB, a minute or a few ..."
	@PATH="$$RLGAMES_PATH" $(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) envs/$(FLAVOUR).txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@cp envs/$(FLAVOUR).txt $@

$(DEV_LOCKED): $(LOCKED) $(call stale,envs/dev.txt,$(DEV_LOCKED))
	@echo "Installing the test tools ..."
	@$(INSTALL) envs/dev.txt
	@cp envs/dev.txt $@

$(SLURM_LOCKED): $(LOCKED) $(call stale,envs/slurm.txt,$(SLURM_LOCKED))
	@echo "Installing Snakemake's plugin for Slurm ..."
	@$(INSTALL) envs/slurm.txt
	@cp envs/slurm.txt $@

FORCE:
