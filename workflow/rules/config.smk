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
        config=lambda wildcards: PLAN.config_spec(),  # braces in it are no wildcards
        meaning=PLAN.config_meaning(),
        code=PLAN.code("config"),
    shell:
        "exec python -m rlgames.commands.config --output {output.config:q} --variants {output.variants:q}"
        " --config @/dev/fd/3 --code {params.code} --log {log:q} --parent $PPID 3<<< {params.config:q}"
