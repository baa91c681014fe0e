rule split_folds:
    """Share the sections among cross-validation folds, balanced by material (paper 2.4).

    The only step that waits for all sections one by one. Whatever comes later depends on these
    files instead, which hold a digest of each section's images: a changed image changes them.
    A training depends on its own fold's file alone, which does not name the test samples.
    """
    input:
        sheet=STUDY.samples or "<results>/00_cohort/samples.tsv",
        registration="<results>/02_register/registration.csv",
        pairs=lambda wildcards: pairs_of(wildcards.stain),
    output:
        folds="<results>/05_split/{stain}/folds.json",
        training=expand(
            "<results>/05_split/{{stain}}/fold-{fold}.json", fold=range(1, STUDY.split.folds + 1)
        ),
    log:
        "<logs>/05_split/{stain}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings_file("split"),
        results=results_folder,
        depends_on=reaching("split"),
        unsure=STUDY.register.unsure,
        failed=STUDY.register.failed,
        seed=STUDY.seed,
    shell:
        "python -m virtual_staining split --sheet {input.sheet:q} --results {params.results:q}"
        " --stain {wildcards.stain} --unsure {params.unsure} --failed {params.failed} --settings {params.settings:q}"
        " --seed {params.seed} > {log:q} 2>&1"
