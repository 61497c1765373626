# Makes data sets of frames, and trains auto-encoders over them.
# Needs: nothing, or recordings of a trained agent. Makes: datasets/{dataset}/ with recordings, frames and manifest, and in
# runs/{experiment}/{variant}/seed-{seed}/ weights, losses, manifest and encoding: latent variables and errors of frames.


rule dataset:
    input:
        policy=lambda wildcards: PLAN.policy(wildcards.dataset),
    output:
        recordings=PLAN.path("dataset recordings"),
        frames=PLAN.path("frames"),
        manifest=PLAN.path("dataset manifest"),
    log:
        PLAN.path("dataset log"),
    threads: 2
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "dataset", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "dataset", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.dataset_spec(wildcards.dataset)),
        code=PLAN.code("dataset"),
    shell:
        "exec python -m rlgames.commands.dataset --dataset {wildcards.dataset:q} --policy {input.policy:q}"
        " --recordings {output.recordings:q} --frames {output.frames:q} --manifest {output.manifest:q}"
        " --threads {threads} --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"


# As with deep agents, every seed is a job, and state lies beside the run.
rule train_encoder:
    input:
        frames=lambda wildcards: PLAN.frames(wildcards),
    output:
        weights=PLAN.path("weights"),
        losses=PLAN.path("losses"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    wildcard_constraints:
        experiment=PLAN.names("train_encoder"),
        seeds=r"\d+",
    priority: lambda wildcards: needs.priority(PLAN, wildcards)
    threads: PLAN.config.threads
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "train_encoder", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "train_encoder", wildcards, attempt
        ),
        gpu=lambda wildcards: needs.gpus(PLAN, wildcards),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.run_spec(wildcards)),
        modules=lambda wildcards: PLAN.run_modules(wildcards),
        code=lambda wildcards: PLAN.run_code(wildcards),
        state=PLAN.path("state"),
    shell:
        "exec python -m rlgames.commands.train_encoder"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --frames {input.frames:q} --weights {output.weights:q} --losses {output.losses:q} --manifest {output.manifest:q}"
        " --threads {threads} --state {params.state:q}"
        " --modules {params.modules:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"


rule encode:
    input:
        weights=PLAN.path("weights"),
        frames=lambda wildcards: PLAN.frames(wildcards),
        others=lambda wildcards: PLAN.other_frames(wildcards),
    output:
        PLAN.path("encoding"),
    log:
        PLAN.path("encoding log"),
    benchmark:
        PLAN.path("encoding cost")
    wildcard_constraints:
        experiment=PLAN.names("train_encoder"),
        seeds=r"\d+",
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "encode", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "encode", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.encoding_spec(wildcards)),
        modules=lambda wildcards: PLAN.encoding_modules(wildcards),
        code=lambda wildcards: PLAN.encoding_code(wildcards),
    shell:
        "exec python -m rlgames.commands.encode"
        " --experiment {wildcards.experiment:q} --variant {wildcards.variant:q} --seeds {wildcards.seeds}"
        " --weights {input.weights:q} --frames {input.frames:q} --others {input.others:q} --encoding {output:q}"
        " --modules {params.modules:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"
