# Draws figures.
# Needs: episodes, recordings or weights of the runs that a figure names. Makes: figures/{figure}.png, .pdf and .csv.


rule figure:
    input:
        unpack(lambda wildcards: PLAN.figure_inputs(wildcards.figure)),
    output:
        png=report(
            PLAN.path("figure", format="png"),
            category="Figures",
            labels={"figure": "{figure}"},
            caption="../report/figure.rst",
        ),
        pdf=PLAN.path("figure", format="pdf"),
        csv=report(
            PLAN.path("figure", format="csv"),
            category="Numbers in the figures",
            labels={"figure": "{figure}"},
            caption="../report/figure.rst",
        ),
    log:
        PLAN.path("figure log"),
    benchmark:
        PLAN.path("figure cost")
    priority: needs.FIRST
    params:
        inputs=lambda wildcards, input: PLAN.listed(input),
        spec=lambda wildcards: PLAN.argument(PLAN.figure_spec(wildcards.figure)),
        modules=lambda wildcards: PLAN.figure_modules(wildcards.figure),
        code=lambda wildcards: PLAN.figure_code(wildcards.figure),
        caption=lambda wildcards: words.caption(PLAN, wildcards.figure),
    shell:
        "exec python -m rlgames.commands.figure --inputs @{params.inputs:q}"
        " --png {output.png:q} --pdf {output.pdf:q} --csv {output.csv:q}"
        " --spec @{params.spec:q} --modules {params.modules:q} --code {params.code} --log {log:q} --parent $PPID"
