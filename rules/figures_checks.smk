"""Part of stage 09: figures of what stage 08 measured."""


rule draw_boxplots:
    """Show the distributions of the metrics (paper Fig. 7)."""
    input:
        patches="<results>/08_evaluate/{stain}/patches.csv",
        metrics="<results>/08_evaluate/{stain}/patches.json",
    output:
        png=report(
            "<results>/09_figures/{stain}/boxplots.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "box plots"},
        ),
        svg="<results>/09_figures/{stain}/boxplots.svg",
    log:
        "<logs>/09_figures/{stain}/boxplots.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        results=results_folder,
        depends_on=reaching("figures", "boxplots"),
    shell:
        "python -m virtual_staining figures boxplots --results {params.results:q} --stain {wildcards.stain}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule draw_agreement:
    """Show how structures on stained slides agree with those on real slides (Bland and Altman)."""
    input:
        slides="<results>/08_evaluate/{stain}/structures.csv",
    output:
        png=report(
            "<results>/09_figures/{stain}/agreement.png",
            category="Figures",
            caption="report/agreement.rst",
            labels={"stain": "{stain}", "figure": "structures"},
        ),
        svg="<results>/09_figures/{stain}/agreement.svg",
    log:
        "<logs>/09_figures/{stain}/agreement.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        results=results_folder,
        depends_on=reaching("figures", "agreement"),
    shell:
        "python -m virtual_staining figures agreement --results {params.results:q} --stain {wildcards.stain}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule draw_uncertainty:
    """Show how the uncertainty holds on each held-out slide, and where one slide is doubtful."""
    input:
        rows="<results>/08_evaluate/{stain}/uncertainty.csv",
        images="<results>/08_evaluate/{stain}/uncertainty",
        infer=of_first_model("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/uncertainty.png",
            category="Figures",
            caption="report/uncertainty.rst",
            labels={"stain": "{stain}", "figure": "uncertainty"},
        ),
        svg="<results>/09_figures/{stain}/uncertainty.svg",
    log:
        "<logs>/09_figures/{stain}/uncertainty.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        results=results_folder,
        model=lambda wildcards: models_of_stain(wildcards)[0],
        fold=FOLDS[0],
        ct_white=STUDY.train.ct_white,
        promised=1 - STUDY.evaluate.alpha,
        depends_on=reaching("figures", "uncertainty"),
    shell:
        "python -m virtual_staining figures uncertainty --results {params.results:q} --stain {wildcards.stain}"
        " --model {params.model} --fold {params.fold} --ct-white {params.ct_white}"
        " --promised {params.promised} --settings {params.settings:q} > {log:q} 2>&1"


rule draw_resolution:
    """Show the Fourier ring correlation of real slide, CT and stained slides (paper S3)."""
    input:
        infer=of_models("<results>/07_infer/{stain}/{model}/fold-{fold}", folds=FOLDS[:1]),
        slides="<results>/08_evaluate/{stain}/slides.csv",
        faults="<results>/08_evaluate/{stain}/slides.json",
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/resolution.png",
            category="Figures",
            caption="report/resolution.rst",
            labels={"stain": "{stain}", "figure": "resolution"},
        ),
        svg="<results>/09_figures/{stain}/resolution.svg",
    log:
        "<logs>/09_figures/{stain}/resolution.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        evaluate=settings_file("evaluate"),
        results=results_folder,
        models=models_of_stain,
        fold=FOLDS[0],
        depends_on=reaching("figures", "resolution"),
        patches=reaching("evaluate", "patches"),
    shell:
        "python -m virtual_staining figures resolution --results {params.results:q}"
        " --stain {wildcards.stain} --models {params.models} --fold {params.fold}"
        " --settings {params.settings:q} --evaluate {params.evaluate:q} > {log:q} 2>&1"


rule draw_checkpoints:
    """Show the weights that each training kept, on validation slides (paper 2.6.3)."""
    input:
        table="<results>/08_evaluate/{stain}/checkpoints.csv",
        metrics="<results>/08_evaluate/{stain}/checkpoints.json",
    output:
        png=report(
            "<results>/09_figures/{stain}/checkpoints.png",
            category="Figures",
            caption="report/checkpoints.rst",
            labels={"stain": "{stain}", "figure": "kept weights"},
        ),
        svg="<results>/09_figures/{stain}/checkpoints.svg",
    log:
        "<logs>/09_figures/{stain}/checkpoints.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        results=results_folder,
        depends_on=reaching("figures", "checkpoints"),
    shell:
        "python -m virtual_staining figures checkpoints --results {params.results:q}"
        " --stain {wildcards.stain} --settings {params.settings:q} > {log:q} 2>&1"
