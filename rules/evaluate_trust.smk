"""Part of stage 08: how far a stained slide may be off."""


rule calibrate_uncertainty:
    """Calibrate how far a stained slide may be off, on slides that were not trained on.

    The spread over mirror images and folds is scaled to an error that holds on most slides (split
    conformal prediction over slides). Writes the checks of every held-out slide (CSV, Markdown),
    its uncertainty as an image (uint8, grey levels, 0 outside the mask) and a picture in which the
    most doubtful tenth of the stained slide is hatched.
    """
    input:
        infer=of_models("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        csv="<results>/08_evaluate/{stain}/uncertainty.csv",
        images=directory("<results>/08_evaluate/{stain}/uncertainty"),
        markdown=report(
            "<results>/08_evaluate/{stain}/uncertainty.md",
            category="Evaluation",
            caption="report/uncertainty.rst",
            labels={"stain": "{stain}", "table": "uncertainty"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/uncertainty.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/uncertainty.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=settings_file("evaluate"),
        mask=settings_file("mask"),
        normalize=settings_file("normalize"),
        results=results_folder,
        models=models_of_stain,
        folds=FOLDS,
        depends_on=reaching("evaluate", "trust"),
        outline=reaching("mask", "mask"),
        levels=reaching("normalize", "mask"),
    shell:
        "python -m virtual_staining evaluate trust --results {params.results:q}"
        " --stain {wildcards.stain} --models {params.models} --folds {params.folds}"
        " --settings {params.settings:q} --mask {params.mask:q}"
        " --normalize {params.normalize:q} > {log:q} 2>&1"
