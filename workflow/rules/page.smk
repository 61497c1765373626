# Writes the page of the results.
# Needs: figures, videos, tables and manifests. Makes: index.html, the first thing to open.


rule page:
    input:
        PLAN.shown(),
    output:
        PLAN.path("page"),
    log:
        PLAN.path("log", job="page"),
    localrule: True
    params:
        config=PLAN.argument(PLAN.config_spec()),
        meaning=PLAN.config_meaning(),
        look=PLAN.page_look(),
        code=PLAN.code("page"),
    shell:
        "exec python -m rlgames.commands.page --output {output:q}"
        " --config @{params.config:q} --code {params.code} --log {log:q} --parent $PPID"
