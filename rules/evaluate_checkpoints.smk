"""Part of stage 08: the weights that each training kept."""


rule evaluate_checkpoints:
    """Compare the weights that a training kept, on its validation slides alone (paper 2.6.3).

    Stains the validation slides with the weights of the last epoch and of the epoch of each loss's
    minimum. Test slides are not looked at, so a choice made from this table is honest on test.
    """
    input:
        best="<results>/06_train/{stain}/{model}/fold-{fold}/best",
        folds=decided("folds.json"),
        needs="<results>/08_evaluate/metrics.json",
    output:
        table="<results>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.csv",
        metrics="<results>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.json",
    log:
        "<logs>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=settings_file("evaluate"),
        infer=settings_file("infer"),
        results=results_folder,
        depends_on=reaching("evaluate", "patches"),
        tiling=reaching("infer"),
        tile_step_px=STUDY.infer.step_px,
    shell:
        "python -m virtual_staining evaluate checkpoints --results {params.results:q}"
        " --stain {wildcards.stain} --model {wildcards.model} --fold {wildcards.fold}"
        " --tile-step-px {params.tile_step_px} --settings {params.settings:q}"
        " --infer {params.infer:q} --threads {threads} > {log:q} 2>&1"


rule tabulate_checkpoints:
    """Tabulate the kept weights of all models, and say which rank best on validation slides."""
    input:
        of_models(
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.csv",
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}-checkpoints.json",
        ),
    output:
        csv="<results>/08_evaluate/{stain}/checkpoints.csv",
        metrics="<results>/08_evaluate/{stain}/checkpoints.json",
        markdown=report(
            "<results>/08_evaluate/{stain}/checkpoints.md",
            category="Evaluation",
            caption="report/checkpoints.rst",
            labels={"stain": "{stain}", "table": "kept weights"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/checkpoints.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        results=results_folder,
        models=models_of_stain,
        folds=FOLDS,
    shell:
        "python -m virtual_staining evaluate choice --results {params.results:q} --stain {wildcards.stain}"
        " --models {params.models} --folds {params.folds} > {log:q} 2>&1"
