rule split_folds:
    """Share the sections among cross-validation folds, balanced by material (paper 2.4)."""
    input:
        sheet=config["samples"] or "<results>/00_cohort/samples.tsv",
        registration="<results>/02_register/registration.csv",
    output:
        "<results>/05_split/{stain}/folds.json",
    log:
        "<logs>/05_split/{stain}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings("split"),
        unsure=config["register"]["unsure"],
        seed=config["seed"],
    shell:
        "python -m virtual_staining split --sheet {input.sheet:q} --stain {wildcards.stain}"
        " --registration {input.registration:q} --unsure {params.unsure}"
        " --settings {params.settings:q} --seed {params.seed} --out {output:q} > {log:q} 2>&1"
