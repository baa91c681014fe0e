rule write_train_settings:
    """Write down the settings of one model's training, so that only their change retrains it."""
    output:
        "<results>/06_train/{stain}/{model}/settings.json",
    log:
        "<logs>/06_train/{stain}/{model}/settings.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=lambda wildcards: json.dumps(
            {**config["train"], "model": wildcards.model, "seed": config["seed"]}, sort_keys=True
        ),
    shell:
        "printf '%s\\n' {params.settings:q} > {output:q} 2> {log:q}"


rule train_model:
    """Train one model on one fold (paper 2.6, 2.7); continues from its own resume folder."""
    input:
        settings="<results>/06_train/{stain}/{model}/settings.json",
        folds="<results>/05_split/{stain}/fold-{fold}.json",
    output:
        generator="<results>/06_train/{stain}/{model}/fold-{fold}/generator.pt",
        best=directory("<results>/06_train/{stain}/{model}/fold-{fold}/best"),
        history="<results>/06_train/{stain}/{model}/fold-{fold}/history.csv",
        curves=report(
            "<results>/06_train/{stain}/{model}/fold-{fold}/curves.png",
            category="Training",
            caption="report/train.rst",
            labels={"stain": "{stain}", "model": "{model}", "fold": "{fold}"},
        ),
    log:
        "<logs>/06_train/{stain}/{model}/fold-{fold}.log",
    benchmark:
        "<benchmarks>/06_train/{stain}/{model}/fold-{fold}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 4
    resources:
        gpu=1,
        # All images of the fold, 9 MB a section of 6 mm: 60000 for 5,000 sections.
        mem_mb=lambda wildcards, attempt: 8000 * (attempt + 1),
        # Two days; a training that is ended by its limit continues in the next attempt.
        runtime=2880,
    params:
        results=results_folder,
    shell:
        "python -m virtual_staining train --results {params.results:q} --stain {wildcards.stain}"
        " --fold {wildcards.fold} --settings {input.settings:q} --threads {threads} > {log:q} 2>&1"
