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


rule measure_structures:
    """Measure bone-implant contact, bone in rings and the implant on real and stained slides.

    One classifier of colours, learned on each fold's real training slides, serves both. Bland and
    Altman's limits and the intraclass correlation say how well stained and real slides agree.
    """
    input:
        infer=of_models("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        slides="<results>/08_evaluate/{stain}/structures.csv",
        csv="<results>/08_evaluate/{stain}/agreement.csv",
        markdown=report(
            "<results>/08_evaluate/{stain}/agreement.md",
            category="Evaluation",
            caption="report/agreement.rst",
            labels={"stain": "{stain}", "table": "structures"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/structures.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/structures.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=settings_file("evaluate"),
        normalize=settings_file("normalize"),
        results=results_folder,
        models=models_of_stain,
        folds=FOLDS,
        depends_on=reaching("evaluate", "structures"),
        levels=reaching("normalize", "mask"),
    shell:
        "python -m virtual_staining evaluate structures --results {params.results:q}"
        " --stain {wildcards.stain} --models {params.models} --folds {params.folds}"
        " --settings {params.settings:q} --normalize {params.normalize:q} > {log:q} 2>&1"


rule measure_volumes:
    """Measure the same structures in 3D on the stained volumes of a stain.

    The classifier of colours is learned on the real training slides of the folds whose networks
    stained the volumes. Units and formulas stand in the table.
    """
    input:
        volumes=lambda wildcards: expand(
            "<results>/10_stain/{stain}/{model}/{volume}/rgba.ome.zarr",
            stain=wildcards.stain,
            model=STUDY.stain.model,
            volume=volumes_of(wildcards.stain),
        ),
        folds=decided("folds.json"),
    output:
        csv="<results>/08_evaluate/{stain}/volumes.csv",
        markdown=report(
            "<results>/08_evaluate/{stain}/volumes.md",
            category="Evaluation",
            caption="report/volumes.rst",
            labels={"stain": "{stain}", "table": "structures of volumes"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/volumes.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/volumes.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        settings=settings_file("evaluate"),
        normalize=settings_file("normalize"),
        results=results_folder,
        model=STUDY.stain.model,
        volumes=lambda wildcards: volumes_of(wildcards.stain),
        folds=STUDY.stain.folds,
        depends_on=reaching("evaluate", "structures"),
        levels=reaching("normalize", "mask"),
    shell:
        "python -m virtual_staining evaluate volumes --results {params.results:q}"
        " --stain {wildcards.stain} --model {params.model} --volumes {params.volumes}"
        " --folds {params.folds} --settings {params.settings:q}"
        " --normalize {params.normalize:q} > {log:q} 2>&1"


rule compare_stained_sections:
    """Compare sections cut out of stained volumes with the real ones.

    Beside each stands the registered plane that was translated directly. One row a section, way and
    region (CSV, the unit at the end of a column's name), and what the columns mean (JSON).
    """
    input:
        volumes=lambda wildcards: expand(
            "<results>/10_stain/{stain}/{model}/{volume}/rgba.ome.zarr",
            stain=wildcards.stain,
            model=STUDY.stain.model,
            volume=volumes_of(wildcards.stain),
        ),
        infer=lambda wildcards: expand(
            "<results>/07_infer/{stain}/{model}/fold-{fold}",
            stain=wildcards.stain,
            model=STUDY.stain.model,
            fold=STUDY.stain.folds,
        ),
        folds=decided("folds.json"),
        needs="<results>/08_evaluate/metrics.json",
    output:
        csv="<results>/08_evaluate/{stain}/stained_sections.csv",
        metrics="<results>/08_evaluate/{stain}/stained_sections.json",
        markdown=report(
            "<results>/08_evaluate/{stain}/stained_sections.md",
            category="Evaluation",
            caption="report/stained_sections.rst",
            labels={"stain": "{stain}", "table": "sections of volumes"},
        ),
    log:
        "<logs>/08_evaluate/{stain}/stained_sections.log",
    benchmark:
        "<benchmarks>/08_evaluate/{stain}/stained_sections.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=settings_file("evaluate"),
        results=results_folder,
        model=STUDY.stain.model,
        folds=STUDY.stain.folds,
        sections=lambda wildcards: sections_of_volumes(wildcards.stain),
        depends_on=reaching("evaluate", "patches"),
    shell:
        "python -m virtual_staining evaluate sections --results {params.results:q}"
        " --stain {wildcards.stain} --model {params.model} --folds {params.folds}"
        " --sections {params.sections} --settings {params.settings:q} > {log:q} 2>&1"


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
