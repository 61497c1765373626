# Signs a finished run.
# Needs: all that no manifest lists, the manifests among it. Makes: checksums.txt, for make verify and sha256sum --check.


rule checksums:
    input:
        paths.unlisted(PLAN.targets()),
    output:
        PLAN.path("checksums"),
    log:
        PLAN.path("log", job="checksums"),
    localrule: True
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        code=PLAN.code("checksums"),
    shell:
        "exec python -m rlgames.commands.checksums --products @{params.inputs:q}"
        " --output {output:q} --code {params.code} --log {log:q} --parent $PPID"
