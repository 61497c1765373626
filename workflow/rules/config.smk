# Writes the resolved config beside the results.
# Needs: nothing. Makes: config.yaml.


rule config:
    output:
        PLAN.path("config"),
    log:
        PLAN.path("log", job="config"),
    conda:
        "../../envs/environment.yaml"
    params:
        spec=PLAN.config_spec(),
        code=PLAN.code("config"),
    shell:
        "exec python -m rlgames.commands.config --output {output:q}"
        " --spec {params.spec:q} --code {params.code} --log {log:q}"
