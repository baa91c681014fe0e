"""Part of stage 08: bone and implant on slides and in volumes; sections of the stained volumes."""


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
