# Trains agents, and evaluates those that learn step by step.
# Needs: nothing, or the weights that an agent starts from, or those of its encoder, or the frames of a data set. Makes:
# runs/{experiment}/{variant}/seed-{seeds}/ with weights, episodes, recordings and manifest, and in evaluation/ episodes,
# recordings and manifest; of agents that predict, weights, predictions and manifest.


# Linear agents over tiles learn in milliseconds, so one job trains a block of seeds. They go first, and figures before anything
# else: on two cores nobody should wait an hour for a first picture.
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
    priority: lambda wildcards: needs.priority(PLAN, wildcards)
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "train_linear", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "train_linear", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.run_spec(wildcards)),
        modules=lambda wildcards: PLAN.run_modules(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
    shell:
        "exec python -m rlgames.commands.train_linear"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --weights {output.weights:q} --episodes {output.episodes:q}"
        " --recordings {output.recordings:q} --manifest {output.manifest:q}"
        " --modules {params.modules:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"


# Agents that learn step by step take minutes to hours, so every seed is a job. Their state lies beside the run, and outlives a kill.
# The longest jobs come first, so that data sets and auto-encoders fill the cores at the end.
rule train_agent:
    input:
        first_weights=lambda wildcards: PLAN.first_weights(wildcards),
        encoder=lambda wildcards: PLAN.encoder(wildcards),
    output:
        weights=PLAN.path("weights"),
        episodes=PLAN.path("episodes"),
        recordings=PLAN.path("recordings"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    wildcard_constraints:
        experiment=PLAN.other_names("train_encoder", "predict"),
        seeds=r"\d+",
    priority: lambda wildcards: needs.priority(PLAN, wildcards)
    threads: lambda wildcards: needs.threads(PLAN, wildcards)
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "train_agent", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "train_agent", wildcards, attempt
        ),
        gpu=lambda wildcards: needs.gpus(PLAN, wildcards),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.run_spec(wildcards)),
        modules=lambda wildcards: PLAN.run_modules(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
        state=PLAN.path("state"),
    shell:
        "exec python -m rlgames.commands.train_agent"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --weights {output.weights:q} --episodes {output.episodes:q}"
        " --recordings {output.recordings:q} --manifest {output.manifest:q}"
        " --modules {params.modules:q}"
        " --first-weights {input.first_weights:q} --encoder {input.encoder:q}"
        " --threads {threads} --state {params.state:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"


rule predict:
    input:
        frames=lambda wildcards: PLAN.frames(wildcards),
        encoder=lambda wildcards: PLAN.encoder(wildcards),
    output:
        weights=PLAN.path("weights"),
        predictions=PLAN.path("predictions"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    wildcard_constraints:
        experiment=PLAN.names("predict"),
        seeds=r"\d+",
    priority: lambda wildcards: needs.priority(PLAN, wildcards)
    threads: lambda wildcards: needs.threads(PLAN, wildcards)
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "predict", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "predict", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.run_spec(wildcards)),
        environment=lambda wildcards: PLAN.frames_environment(wildcards),
        modules=lambda wildcards: PLAN.run_modules(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
        state=PLAN.path("state"),
    shell:
        "exec python -m rlgames.commands.predict"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --frames {input.frames:q} --encoder {input.encoder:q} --environment {params.environment:q}"
        " --weights {output.weights:q} --predictions {output.predictions:q} --manifest {output.manifest:q}"
        " --threads {threads} --state {params.state:q}"
        " --modules {params.modules:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"


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
    priority: lambda wildcards: needs.priority(PLAN, wildcards) + 1
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "evaluate", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "evaluate", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.evaluation_spec(wildcards)),
        modules=lambda wildcards: PLAN.evaluation_modules(wildcards),
        code=lambda wildcards: PLAN.evaluation_code(wildcards),
    shell:
        "exec python -m rlgames.commands.evaluate"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --weights {input.weights:q} --episodes {output.episodes:q} --recordings {output.recordings:q}"
        " --manifest {output.manifest:q}"
        " --modules {params.modules:q} --encoder {input.encoder:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"
