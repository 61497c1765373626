# Plays recorded episodes again, for a video.
# Needs: recordings of a run, or of its evaluation; the weights of its encoder, if the agent sees points, or its own, if its
# network shows more than was recorded. Makes:
# videos/{experiment}/{variant}.mp4 and .html, and of evaluations videos/{experiment}/{variant}/best, median and random,
# with .gif and .png for pages that play no video.


rule video:
    input:
        recordings=lambda wildcards: PLAN.video_input(wildcards),
    output:
        mp4=PLAN.path("video", format="mp4"),
        html=report(
            PLAN.path("video", format="html"),
            category="Videos",
            labels={"experiment": "{experiment}", "variant": "{variant}"},
            caption="../report/figure.rst",
        ),
    log:
        PLAN.path("video log"),
    benchmark:
        PLAN.path("video cost")
    priority: needs.FIRST
    params:
        seed=lambda wildcards: PLAN.video_seed(wildcards),
        module=lambda wildcards: PLAN.video_module(wildcards),
        code=lambda wildcards: PLAN.video_code(wildcards),
        caption=lambda wildcards: words.video_caption(PLAN, wildcards),
    shell:
        "exec python -m rlgames.commands.video --recordings {input.recordings:q} --seed {params.seed}"
        " --module {params.module}"
        " --mp4 {output.mp4:q} --html {output.html:q} --code {params.code} --log {log:q} --parent $PPID"


rule gameplay:
    input:
        recordings=lambda wildcards: PLAN.video_input(wildcards),
        encoder=lambda wildcards: PLAN.gameplay_encoder(wildcards),
        weights=lambda wildcards: PLAN.gameplay_weights(wildcards),
    output:
        mp4=PLAN.path("gameplay", format="mp4"),
        html=report(
            PLAN.path("gameplay", format="html"),
            category="Videos",
            labels={
                "experiment": "{experiment}",
                "variant": "{variant}",
                "episode": "{which}",
            },
            caption="../report/figure.rst",
        ),
        gif=PLAN.path("gameplay", format="gif"),
        png=PLAN.path("gameplay", format="png"),
    log:
        PLAN.path("gameplay log"),
    benchmark:
        PLAN.path("gameplay cost")
    priority: needs.FIRST
    resources:
        mem_mb=lambda wildcards, attempt: needs.megabytes(
            PLAN, "gameplay", wildcards, attempt
        ),
        runtime=lambda wildcards, attempt: needs.minutes(
            PLAN, "gameplay", wildcards, attempt
        ),
    params:
        spec=lambda wildcards: PLAN.argument(PLAN.evaluation_spec(wildcards)),
        modules=lambda wildcards: PLAN.gameplay_modules(wildcards),
        code=lambda wildcards: PLAN.gameplay_code(wildcards),
        caption=lambda wildcards: words.video_caption(PLAN, wildcards),
    shell:
        "exec python -m rlgames.commands.gameplay --recordings {input.recordings:q} --which {wildcards.which}"
        " --modules {params.modules:q} --encoder {input.encoder:q} --weights {input.weights:q}"
        " --mp4 {output.mp4:q} --html {output.html:q} --gif {output.gif:q} --png {output.png:q}"
        " --spec @{params.spec:q} --code {params.code} --log {log:q} --parent $PPID"
