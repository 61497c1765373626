# Trains agents.
# Needs: nothing. Makes: runs/{experiment}/{variant}/seed-{seeds}/ with weights, episodes, recordings
# and manifest.


# Linear agents learn in milliseconds, so that one job trains a block of seeds.
rule train_linear:
    output:
        weights=PLAN.path("weights"),
        episodes=PLAN.path("episodes"),
        recordings=PLAN.path("recordings"),
        manifest=PLAN.path("manifest"),
    log:
        PLAN.path("run log"),
    conda:
        "../../envs/environment.yaml"
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
