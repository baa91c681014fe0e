"""Virtual staining of 3D X-ray histology: from raw volumes and slides to coloured volumes."""

from snakemake.utils import min_version

min_version("9.27")


report: "rules/report/workflow.rst"


include: "rules/common.smk"  # reads and checks config.yaml and the sample sheet


pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


include: "rules/00_cohort.smk"
include: "rules/01_ingest.smk"
include: "rules/02_register.smk"
include: "rules/03_normalize.smk"
include: "rules/04_mask.smk"
include: "rules/05_split.smk"
include: "rules/06_train.smk"
include: "rules/07_infer.smk"
include: "rules/08_evaluate.smk"
include: "rules/09_figures.smk"
include: "rules/10_stain.smk"
include: "rules/11_draw.smk"


onstart:
    stop_if_still_queued()
    stop_if_metrics_cannot_be_had()
    prepare_results()
    say_that_no_gpu_is_there()
    announce_replacements()


onsuccess:
    say_what_is_left_out()


onerror:
    say_why_jobs_failed()


localrules:
    all,
    check,
    pairs,
    train,
    tables,
    figures,
    volumes,
    draw_patches,
    draw_slides,
    draw_training_slide,
    draw_unmasked,
    draw_agreement,
    draw_uncertainty,
    draw_models,
    draw_boxplots,
    write_summary,


rule all:
    """Everything: tables, figures and coloured volumes."""
    default_target: True
    input:
        expand("<results>/08_evaluate/{stain}/table.csv", stain=SPLIT_STAINS),
        MORE_TABLES,
        expand("<results>/09_figures/{stain}/{figure}.png", stain=SPLIT_STAINS, figure=FIGURES),
        expand("<results>/09_figures/{stain}/summary.html", stain=SPLIT_STAINS),
        STAINED_VOLUMES,
        [
            f"<results>/08_evaluate/{stain}/stained_sections.csv"
            for stain in SPLIT_STAINS
            if sections_of_volumes(stain)
        ],
        [pairs_of(stain) for stain in PLAN.unsplit],


rule check:
    """What the sheet and every header say, and what the run will take: seconds, and no job of the chain.

    Prints a table and writes results/check.html. The status is 1 where a file would be refused.
    """
    log:
        "<logs>/check.log",
    conda:
        "envs/cpu.yaml"
    params:
        sheet=sheet_to_check,
        config=str(Results(RESULTS).study_settings),
        page=str(Results(RESULTS).check_page),
    shell:
        "python -m virtual_staining check {params.sheet:q} --config {params.config:q}"
        " --page {params.page:q} 2>&1 | tee {log:q}"


rule pairs:
    """Registered, normalized and masked pairs and their folds, for a look before hours of training."""
    input:
        "<results>/02_register/qc.html",
        [pairs_of(stain) for stain in STAINS],
        expand("<results>/05_split/{stain}/folds.json", stain=SPLIT_STAINS),


rule train:
    """Every model on every fold."""
    input:
        [
            f"<results>/06_train/{stain}/{model}/fold-{fold}/generator.pt"
            for stain in SPLIT_STAINS
            for model in STUDY.models_of(stain)
            for fold in FOLDS
        ],


rule tables:
    """Tables of the metrics."""
    input:
        expand("<results>/08_evaluate/{stain}/table.csv", stain=SPLIT_STAINS),
        MORE_TABLES,


rule figures:
    """Every figure and the report's first page, from cached outputs where they are there."""
    input:
        expand("<results>/09_figures/{stain}/{figure}.png", stain=SPLIT_STAINS, figure=FIGURES),
        expand("<results>/09_figures/{stain}/summary.html", stain=SPLIT_STAINS),


rule volumes:
    """Coloured volumes."""
    input:
        STAINED_VOLUMES,
