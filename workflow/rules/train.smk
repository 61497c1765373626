# Trains agents, and evaluates those on Atari.
# Needs: nothing, or the weights that an agent starts from, or those of its encoder. Makes:
# runs/{experiment}/{variant}/seed-{seeds}/ with weights, episodes, recordings and manifest, and in evaluation/ episodes,
# recordings and manifest.


# Linear agents over tiles learn in milliseconds, so that one job trains a block of seeds.
rule train_linear:
    output:
        weights=PLAN.path("weights"),
        episodes=PLAN.path("episodes"),
        recordings=PLAN.path("recordings"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    wildcard_constraints:
        seeds=r"\d+-\d+",
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: PLAN.memory(
            "train_linear", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: PLAN.minutes(
            "train_linear", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.run_spec(wildcards),
        training=lambda wildcards: PLAN.training_module(wildcards),
        agent=lambda wildcards: PLAN.agent_module(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
    shell:
        "exec python -m rlgames.commands.train_linear"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --weights {output.weights:q} --episodes {output.episodes:q}"
        " --recordings {output.recordings:q} --manifest {output.manifest:q}"
        " --training {params.training} --agent {params.agent}"
        " --spec {params.spec:q} --code {params.code} --log {log:q}"


# Agents on Atari learn in minutes to hours, so that every seed is a job. State lies beside the run, and outlives a kill.
# The longest jobs go first, and short ones fill the cores in the end. It also keeps Snakemake quiet: every job that ends
# while others wait adds a timer that looks for work each second; after a hundred linear runs that took a sixth of a core.
rule train_atari:
    input:
        initial_weights=lambda wildcards: PLAN.initial_weights(wildcards),
        encoder=lambda wildcards: PLAN.encoder(wildcards),
    output:
        weights=PLAN.path("weights"),
        episodes=PLAN.path("episodes"),
        recordings=PLAN.path("recordings"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    wildcard_constraints:
        experiment=PLAN.other_names("epochs"),
        seeds=r"\d+",
    priority: 1
    conda:
        "../../envs/environment.yaml"
    threads: lambda wildcards: PLAN.threads(wildcards)
    resources:
        mem_mb=lambda wildcards, attempt: PLAN.memory("train_atari", wildcards, attempt),
        runtime=lambda wildcards, attempt: PLAN.minutes(
            "train_atari", wildcards, attempt
        ),
        gpu=lambda wildcards: PLAN.gpus(wildcards),
    params:
        spec=lambda wildcards: PLAN.run_spec(wildcards),
        training=lambda wildcards: PLAN.training_module(wildcards),
        agent=lambda wildcards: PLAN.agent_module(wildcards),
        features=lambda wildcards: PLAN.feature_module(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
        state=PLAN.path("state"),
    shell:
        "exec python -m rlgames.commands.train_atari"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seed {wildcards.seeds}"
        " --weights {output.weights:q} --episodes {output.episodes:q}"
        " --recordings {output.recordings:q} --manifest {output.manifest:q}"
        " --training {params.training} --agent {params.agent} --features {params.features}"
        " --initial-weights {input.initial_weights:q} --encoder {input.encoder:q}"
        " --threads {threads} --state {params.state:q} --parent $PPID"
        " --spec {params.spec:q} --code {params.code} --log {log:q}"


rule evaluate:
    input:
        weights=PLAN.path("weights"),
        encoder=lambda wildcards: PLAN.encoder(wildcards),
    output:
        episodes=PLAN.path("evaluation episodes"),
        recordings=PLAN.path("evaluation recordings"),
        manifest=PLAN.path("evaluation manifest"),
    log:
        PLAN.path("evaluation log"),
    wildcard_constraints:
        seeds=r"\d+",
    priority: 1
    conda:
        "../../envs/environment.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: PLAN.memory("evaluate", wildcards, attempt),
        runtime=lambda wildcards, attempt: PLAN.minutes("evaluate", wildcards, attempt),
    params:
        spec=lambda wildcards: PLAN.evaluation_spec(wildcards),
        player=lambda wildcards: PLAN.player_module(wildcards),
        features=lambda wildcards: PLAN.feature_module(wildcards),
        code=lambda wildcards: PLAN.evaluation_code(wildcards),
    shell:
        "exec python -m rlgames.commands.evaluate"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seed {wildcards.seeds}"
        " --weights {input.weights:q} --episodes {output.episodes:q} --recordings {output.recordings:q}"
        " --manifest {output.manifest:q}"
        " --player {params.player} --features {params.features} --encoder {input.encoder:q}"
        " --spec {params.spec:q} --code {params.code} --log {log:q}"
