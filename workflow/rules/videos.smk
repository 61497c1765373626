# Plays recorded episodes again, for a video.
# Needs: recordings of a run. Makes: videos/{experiment}/{variant}.mp4 and .html.


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
    conda:
        "../../envs/environment.yaml"
    params:
        seed=lambda wildcards: PLAN.video_seed(wildcards),
        code=lambda wildcards: PLAN.video_code(wildcards),
        caption=lambda wildcards: PLAN.video_caption(wildcards),
    shell:
        "exec python -m rlgames.commands.video --recordings {input.recordings:q} --seed {params.seed}"
        " --mp4 {output.mp4:q} --html {output.html:q} --code {params.code} --log {log:q}"
