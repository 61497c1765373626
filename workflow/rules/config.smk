# Writes the resolved config beside the results.
# Needs: nothing. Makes: config.yaml.


rule config:
    output:
        PLAN.path("config"),
    log:
        PLAN.path("log", job="config"),
    localrule: True
    params:
        config=lambda wildcards: PLAN.config_spec(),  # braces in it are no wildcards
        meaning=PLAN.config_meaning(),
        code=PLAN.code("config"),
    shell:
        "exec python -m rlgames.commands.config --output {output:q}"
        " --config @<(printf '%s\\n' {params.config:q}) --code {params.code} --log {log:q} --parent $PPID"
