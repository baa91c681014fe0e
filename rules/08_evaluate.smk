rule check_metrics:
    """Decide, before anything is trained, which metrics are measured and with what (JSON).

    A metric that needs a file, such as LPIPS the weights of its network, stops the run here if the
    file cannot be had, with a message that says what to set.
    """
    output:
        "<results>/08_evaluate/metrics.json",
    log:
        "<logs>/08_evaluate/metrics.log",
    priority: 100
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings_file("evaluate"),
        results=results_folder,
        depends_on=reaching("evaluate", "metrics"),
        # Named here so that giving or taking away the file re-evaluates.
        backbone=os.environ.get("LPIPS_BACKBONE", ""),
        # A new metric is measured on everything that is there.
        metrics=metric_files(),
    shell:
        "python -m virtual_staining evaluate metrics --settings {params.settings:q}"
        " --results {params.results:q} > {log:q} 2>&1"


rule evaluate_patches:
    """Measure the metrics of stained slides against the real ones, patch by patch (paper 2.10).

    Writes one row a patch and region (CSV, the unit at the end of a column's name), one row a slide
    for the faults of whole slides, and what the columns mean (JSON).
    """
    input:
        infer="<results>/07_infer/{stain}/{model}/fold-{fold}",
        folds=decided("folds.json"),
        needs="<results>/08_evaluate/metrics.json",
    output:
        table="<results>/08_evaluate/{stain}/{model}/fold-{fold}.csv",
        metrics="<results>/08_evaluate/{stain}/{model}/fold-{fold}.json",
        slides="<results>/08_evaluate/{stain}/{model}/fold-{fold}-slides.csv",
        faults="<results>/08_evaluate/{stain}/{model}/fold-{fold}-slides.json",
    log:
        "<logs>/08_evaluate/{stain}/{model}/fold-{fold}.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/{model}/fold-{fold}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=settings_file("evaluate"),
        results=results_folder,
        depends_on=reaching("evaluate", "patches"),
        tile_step_px=STUDY.infer.step_px,
    shell:
        "python -m virtual_staining evaluate patches --results {params.results:q}"
        " --stain {wildcards.stain} --model {wildcards.model} --fold {wildcards.fold}"
        " --tile-step-px {params.tile_step_px} --settings {params.settings:q} > {log:q} 2>&1"


rule evaluate_references:
    """Fit stains without a network on a fold's training pairs and measure them like the models.

    The references are the grey CT itself (paper 3.2), one colour for tissue and one for the implant,
    and tables from grey level and joint histogram to colour. A network is worth its training only
    where it beats them.
    """
    input:
        folds=decided("folds.json"),
        needs="<results>/08_evaluate/metrics.json",
    output:
        table="<results>/08_evaluate/{stain}/references/fold-{fold}.csv",
        metrics="<results>/08_evaluate/{stain}/references/fold-{fold}.json",
        slides="<results>/08_evaluate/{stain}/references/fold-{fold}-slides.csv",
        faults="<results>/08_evaluate/{stain}/references/fold-{fold}-slides.json",
    log:
        "<logs>/08_evaluate/{stain}/references/fold-{fold}.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/references/fold-{fold}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=settings_file("evaluate"),
        results=results_folder,
        mask=settings_file("mask"),
        normalize=settings_file("normalize"),
        depends_on=reaching("evaluate", "patches"),
        outline=reaching("mask", "mask"),
        levels=reaching("normalize", "mask"),
        ct_white=STUDY.train.ct_white,
        tile_step_px=STUDY.infer.step_px,
    shell:
        "python -m virtual_staining evaluate references --results {params.results:q}"
        " --stain {wildcards.stain} --fold {wildcards.fold} --ct-white {params.ct_white}"
        " --tile-step-px {params.tile_step_px} --settings {params.settings:q}"
        " --mask {params.mask:q} --normalize {params.normalize:q} > {log:q} 2>&1"


rule tabulate_metrics:
    """Gather all patches and slides; write the table of medians (paper Table 1).

    A second table compares all models over samples: differences with intervals, effect sizes and
    Wilcoxon's test after Holm's correction.
    """
    input:
        of_models(
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}.csv",
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}.json",
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}-slides.csv",
            "<results>/08_evaluate/{stain}/{model}/fold-{fold}-slides.json",
            also=["references"],
        ),
    output:
        patches="<results>/08_evaluate/{stain}/patches.csv",
        metrics="<results>/08_evaluate/{stain}/patches.json",
        slides="<results>/08_evaluate/{stain}/slides.csv",
        faults="<results>/08_evaluate/{stain}/slides.json",
        csv="<results>/08_evaluate/{stain}/table.csv",
        table_metrics="<results>/08_evaluate/{stain}/table.json",
        markdown=report(
            "<results>/08_evaluate/{stain}/table.md",
            category="Evaluation",
            caption="report/evaluate.rst",
            labels={"stain": "{stain}"},
        ),
        latex="<results>/08_evaluate/{stain}/table.tex",
        statistics="<results>/08_evaluate/{stain}/statistics.csv",
        comparisons=report(
            "<results>/08_evaluate/{stain}/statistics.md",
            category="Evaluation",
            caption="report/statistics.rst",
            labels={"stain": "{stain}", "table": "models compared"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/table.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings_file("evaluate"),
        results=results_folder,
        models=models_of_stain,
        folds=FOLDS,
        depends_on=reaching("evaluate", "table"),
    shell:
        "python -m virtual_staining evaluate table --results {params.results:q} --stain {wildcards.stain}"
        " --models {params.models} --folds {params.folds} --settings {params.settings:q} > {log:q} 2>&1"


include: "evaluate_checkpoints.smk"
include: "evaluate_structures.smk"
include: "evaluate_trust.smk"
