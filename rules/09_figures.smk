rule draw_patches:
    """Show the first model's direct output on training patches (paper Fig. 4a)."""
    input:
        infer=of_first_model("<results>/07_infer/{stain}/{model}/fold-{fold}"),
    output:
        png=report(
            "<results>/09_figures/{stain}/patches.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "training patches"},
        ),
        svg="<results>/09_figures/{stain}/patches.svg",
    log:
        "<logs>/09_figures/{stain}/patches.log",
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
        depends_on=reaching("figures", "patches"),
    shell:
        "python -m virtual_staining figures patches --results {params.results:q} --stain {wildcards.stain}"
        " --model {params.model} --fold {params.fold} --ct-white {params.ct_white}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule draw_training_slide:
    """Show a training slide in both directions with its mask (paper Fig. 4b)."""
    input:
        infer=of_first_model("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/training_slide.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "training slide"},
        ),
        svg="<results>/09_figures/{stain}/training_slide.svg",
    log:
        "<logs>/09_figures/{stain}/training_slide.log",
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
        depends_on=reaching("figures", "training_slide"),
    shell:
        "python -m virtual_staining figures training_slide --results {params.results:q} --stain {wildcards.stain}"
        " --model {params.model} --fold {params.fold} --ct-white {params.ct_white}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule draw_slides:
    """Show real and generated slides with ROI, histograms and profile (paper Fig. 5)."""
    input:
        infer=of_first_model("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/slides.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "slides"},
        ),
        svg="<results>/09_figures/{stain}/slides.svg",
    log:
        "<logs>/09_figures/{stain}/slides.log",
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
        normalize=settings_file("normalize"),
        depends_on=reaching("figures", "slides"),
        levels=reaching("normalize", "mask"),
    shell:
        "python -m virtual_staining figures slides --results {params.results:q} --stain {wildcards.stain}"
        " --model {params.model} --fold {params.fold} --ct-white {params.ct_white}"
        " --settings {params.settings:q} --normalize {params.normalize:q} > {log:q} 2>&1"


rule draw_models:
    """Show all models side by side on validation and test slides (paper Fig. 6)."""
    input:
        infer=of_models("<results>/07_infer/{stain}/{model}/fold-{fold}", folds=FOLDS[:1]),
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/models.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "models"},
        ),
        svg="<results>/09_figures/{stain}/models.svg",
    log:
        "<logs>/09_figures/{stain}/models.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("figures"),
        results=results_folder,
        models=models_of_stain,
        fold=FOLDS[0],
        ct_white=STUDY.train.ct_white,
        depends_on=reaching("figures", "models"),
    shell:
        "python -m virtual_staining figures models --results {params.results:q} --stain {wildcards.stain}"
        " --models {params.models} --fold {params.fold} --ct-white {params.ct_white}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule draw_unmasked:
    """Show slides of each subset in both directions without the mask (paper Fig. S1)."""
    input:
        infer=of_first_model("<results>/07_infer/{stain}/{model}/fold-{fold}"),
        folds=decided("folds.json"),
    output:
        png=report(
            "<results>/09_figures/{stain}/unmasked.png",
            category="Figures",
            caption="report/figures.rst",
            labels={"stain": "{stain}", "figure": "without mask"},
        ),
        svg="<results>/09_figures/{stain}/unmasked.svg",
    log:
        "<logs>/09_figures/{stain}/unmasked.log",
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
        depends_on=reaching("figures", "unmasked"),
    shell:
        "python -m virtual_staining figures unmasked --results {params.results:q} --stain {wildcards.stain}"
        " --model {params.model} --fold {params.fold} --ct-white {params.ct_white}"
        " --settings {params.settings:q} > {log:q} 2>&1"


rule write_summary:
    """Write the first page of the report: what ran, how sure it is, what to distrust.

    The page (HTML) needs no other file. It has the three pictures and the table that matter, a
    chart of every slide, and all tables, which can be sorted.
    """
    input:
        figures=expand("<results>/09_figures/{{stain}}/{figure}.png", figure=FIGURES),
        patches="<results>/08_evaluate/{stain}/patches.csv",
        table="<results>/08_evaluate/{stain}/table.csv",
        more=MORE_TABLE_PATHS,
        volumes=lambda wildcards: volume_table(wildcards.stain),
        folds=decided("folds.json"),
    output:
        report(
            "<results>/09_figures/{stain}/summary.html",
            category="First page",
            caption="report/summary.rst",
            labels={"stain": "{stain}"},
        ),
    log:
        "<logs>/09_figures/{stain}/summary.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        results=results_folder,
        folds=FOLDS,
        figures=FIGURES,
        tables=lambda wildcards: [Path(path).stem for path in more_tables_of(wildcards.stain)],
        promised=1 - STUDY.evaluate.alpha,
        tiles="--whole-planes" if STUDY.infer.whole_planes else "",
        texture="--texture" if STUDY.infer.texture else "",
    shell:
        "python -m virtual_staining figures summary --results {params.results:q}"
        " --stain {wildcards.stain} --folds {params.folds} --figures {params.figures}"
        " --tables {params.tables} --promised {params.promised} {params.tiles}"
        " {params.texture} > {log:q} 2>&1"


include: "figures_checks.smk"
