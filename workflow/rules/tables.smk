# Gathers tables over all runs.
# Needs: episodes and manifests of every run, evaluations, encodings, and what Snakemake noted of figures and
# videos. Makes: tables/final-scores.csv of linear agents over tiles, tables/evaluation-scores.csv and steps-to-return.csv
# of agents that are evaluated, tables/several-games.csv where they play three Atari games or more, tables/datasets.csv,
# tables/encoder-scores.csv, tables/prediction-scores.csv, and tables/cost.csv.


rule final_scores:
    input:
        episodes=PLAN.run_products("episodes", PLAN.trained_by("train_linear")),
    output:
        report(
            PLAN.path("table", table="final-scores"),
            category="Tables",
            labels={"table": "final scores"},
            caption="../report/final-scores.rst",
        ),
    log:
        PLAN.path("log", job="final-scores"),
    localrule: True
    params:
        episodes=lambda wildcards, input: PLAN.listed(input.episodes),
        runs=PLAN.order(),
        code=PLAN.code("final_scores"),
    shell:
        "exec python -m rlgames.commands.final_scores --episodes @{params.episodes:q} --output {output:q}"
        " --code {params.code} --log {log:q} --parent $PPID"


rule deep_scores:
    input:
        evaluations=PLAN.run_products("evaluation episodes", PLAN.evaluated()),
        episodes=PLAN.run_products("episodes", PLAN.evaluated()),
        manifests=PLAN.run_products("manifest", PLAN.evaluated()),
    output:
        scores=report(
            PLAN.path("table", table="evaluation-scores"),
            category="Tables",
            labels={"table": "evaluation scores"},
            caption="../report/evaluation-scores.rst",
        ),
        steps_to_return=report(
            PLAN.path("table", table="steps-to-return"),
            category="Tables",
            labels={"table": "steps to a return"},
            caption="../report/steps-to-return.rst",
        ),
    log:
        PLAN.path("log", job="deep-scores"),
    localrule: True
    params:
        manifests=lambda wildcards, input: PLAN.listed(input.manifests),
        episodes=lambda wildcards, input: PLAN.listed(input.episodes),
        evaluations=lambda wildcards, input: PLAN.listed(input.evaluations),
        runs=PLAN.order(),
        code=PLAN.code("deep_scores"),
    shell:
        "exec python -m rlgames.commands.deep_scores --evaluations @{params.evaluations:q}"
        " --episodes @{params.episodes:q}"
        " --manifests @{params.manifests:q}"
        " --scores {output.scores:q} --steps-to-return {output.steps_to_return:q}"
        " --code {params.code} --log {log:q} --parent $PPID"


rule several_games:
    input:
        several.evaluations(PLAN),
    output:
        report(
            PLAN.path("table", table="several-games"),
            category="Tables",
            labels={"table": "several games"},
            caption="../report/several-games.rst",
        ),
    log:
        PLAN.path("log", job="several-games"),
    localrule: True
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        spec=PLAN.argument(several.spec(PLAN)),
        code=PLAN.code("several_games"),
    shell:
        "exec python -m rlgames.commands.several_games --evaluations @{params.inputs:q}"
        " --spec @{params.spec:q} --output {output:q} --code {params.code} --log {log:q} --parent $PPID"


rule datasets:
    input:
        PLAN.dataset_products("dataset manifest"),
    output:
        report(
            PLAN.path("table", table="datasets"),
            category="Tables",
            labels={"table": "data sets"},
            caption="../report/datasets.rst",
        ),
    log:
        PLAN.path("log", job="datasets"),
    localrule: True
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        code=PLAN.code("datasets"),
    shell:
        "exec python -m rlgames.commands.datasets --manifests @{params.inputs:q}"
        " --output {output:q} --code {params.code} --log {log:q} --parent $PPID"


rule encoder_scores:
    input:
        PLAN.run_products("encoding", PLAN.trained_by("train_encoder")),
    output:
        report(
            PLAN.path("table", table="encoder-scores"),
            category="Tables",
            labels={"table": "encoder scores"},
            caption="../report/encoder-scores.rst",
        ),
    log:
        PLAN.path("log", job="encoder-scores"),
    localrule: True
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        runs=PLAN.order(),
        code=PLAN.code("encoder_scores"),
    shell:
        "exec python -m rlgames.commands.encoder_scores --encodings @{params.inputs:q}"
        " --output {output:q} --code {params.code} --log {log:q} --parent $PPID"


rule prediction_scores:
    input:
        PLAN.run_products("predictions", PLAN.trained_by("predict")),
    output:
        report(
            PLAN.path("table", table="prediction-scores"),
            category="Tables",
            labels={"table": "prediction scores"},
            caption="../report/prediction-scores.rst",
        ),
    log:
        PLAN.path("log", job="prediction-scores"),
    localrule: True
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        runs=PLAN.order(),
        code=PLAN.code("prediction_scores"),
    shell:
        "exec python -m rlgames.commands.prediction_scores --predictions @{params.inputs:q}"
        " --output {output:q} --code {params.code} --log {log:q} --parent $PPID"


rule cost:
    input:
        datasets=PLAN.dataset_products("dataset manifest"),
        trainings=PLAN.run_products("manifest"),
        evaluations=PLAN.run_products("evaluation manifest", PLAN.evaluated()),
        pictures=PLAN.picture_costs(),
    output:
        report(
            PLAN.path("table", table="cost"),
            category="Tables",
            labels={"table": "cost"},
            caption="../report/cost.rst",
        ),
    log:
        PLAN.path("log", job="cost"),
    localrule: True
    params:
        pictures=lambda wildcards, input: PLAN.listed(input.pictures),
        manifests=lambda wildcards, input: PLAN.listed(
            [*input.datasets, *input.trainings, *input.evaluations]
        ),
        runs=PLAN.order(),
        lock=PLAN.lock(),
        code=PLAN.code("cost"),
    shell:
        "exec python -m rlgames.commands.cost"
        " --manifests @{params.manifests:q}"
        " --pictures @{params.pictures:q} --output {output:q}"
        " --lock {params.lock:q} --code {params.code} --log {log:q} --parent $PPID"
