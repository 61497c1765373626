# Gathers tables over all runs.
# Needs: episodes and manifests of every run. Makes: tables/final-scores.csv, tables/cost.csv.


rule final_scores:
    input:
        episodes=PLAN.run_products("episodes"),
    output:
        report(
            PLAN.path("table", table="final-scores"),
            category="Tables",
            labels={"table": "final scores"},
            caption="../report/final-scores.rst",
        ),
    log:
        PLAN.path("log", job="final-scores"),
    conda:
        "../../envs/environment.yaml"
    params:
        runs=PLAN.order(),
        code=PLAN.code("final_scores"),
    shell:
        "exec python -m rlgames.commands.final_scores --episodes {input.episodes:q} --output {output:q}"
        " --code {params.code} --log {log:q}"


rule cost:
    input:
        manifests=PLAN.run_products("manifest"),
    output:
        report(
            PLAN.path("table", table="cost"),
            category="Tables",
            labels={"table": "cost"},
            caption="../report/cost.rst",
        ),
    log:
        PLAN.path("log", job="cost"),
    conda:
        "../../envs/environment.yaml"
    params:
        runs=PLAN.order(),
        lock=PLAN.lock(),
        code=PLAN.code("cost"),
    shell:
        "exec python -m rlgames.commands.cost --manifests {input.manifests:q} --output {output:q}"
        " --lock {params.lock:q}"
        " --code {params.code} --log {log:q}"
