rule write_cohort_sheet:
    """List the samples of the synthetic cohort, as a laboratory would list its own."""
    output:
        "<results>/00_cohort/samples.tsv",
    log:
        "<logs>/00_cohort/samples.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings_file("cohort"),
        depends_on=reaching("cohort"),
        seed=STUDY.seed,
    shell:
        "python -m virtual_staining cohort sheet --settings {params.settings:q}"
        " --seed {params.seed} --out {output:q} > {log:q} 2>&1"


rule make_cohort_sample:
    """Make one bone-implant block: its µCT volume, its stained section and the truth behind them.

    Stands in for the paper's own data, which are not public (paper 2.1, 2.2).
    """
    output:
        directory("<results>/00_cohort/{sample}"),
    log:
        "<logs>/00_cohort/{sample}.log",
    benchmark:
        "<benchmarks>/00_cohort/{sample}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 6000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=settings_file("cohort"),
        depends_on=reaching("cohort"),
        seed=STUDY.seed,
    shell:
        "python -m virtual_staining cohort sample --settings {params.settings:q}"
        " --seed {params.seed} --sample {wildcards.sample} --out {output:q} > {log:q} 2>&1"
