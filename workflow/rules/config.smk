# Writes the resolved config beside the results, and every variant with all its settings as a table.
# Needs: nothing. Makes: config.yaml, tables/variants.csv.


rule config:
    output:
        config=PLAN.path("config"),
        variants=PLAN.path("table", table="variants"),
    log:
        PLAN.path("log", job="config"),
    localrule: True
    params:
        config=PLAN.argument(PLAN.config_spec()),
        meaning=PLAN.config_meaning(),
        code=PLAN.code("config"),
    shell:
        "exec python -m rlgames.commands.config --output {output.config:q} --variants {output.variants:q}"
        " --config @{params.config:q} --code {params.code} --log {log:q} --parent $PPID"
