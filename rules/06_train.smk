rule train_model:
    """Train one model on one fold (paper 2.6, 2.7); continues from its own resume folder."""
    input:
        folds=trained_fold,
        refined=trained_refined,
    output:
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
        settings=train_settings,
        depends_on=training_keys,
        results=results_folder,
    shell:
        "python -m virtual_staining train --results {params.results:q} --stain {wildcards.stain}"
        " --fold {wildcards.fold} --refined={input.refined:q} --settings {params.settings:q}"
        " --threads {threads} > {log:q} 2>&1"


rule choose_generator:
    """Choose the weights that stain among those that the training kept (train.infer_checkpoint).

    The file also states what the networks were trained on: voxel size, thickness, grey levels,
    samples. The training chooses, too; this rule makes another choice without training again. It depends on
    all that the training depends on: a training that was begun anew and failed has left an older
    generator, and must be seen to be needed still.
    """
    input:
        best="<results>/06_train/{stain}/{model}/fold-{fold}/best",
        folds=trained_fold,
        refined=trained_refined,
    output:
        generator="<results>/06_train/{stain}/{model}/fold-{fold}/generator.pt",
    log:
        "<logs>/06_train/{stain}/{model}/fold-{fold}.choice.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        checkpoint=STUDY.train.infer_checkpoint,
        depends_on=training_keys,
        results=results_folder,
        normalize=settings_file("normalize"),
        mask=settings_file("mask"),
        thickness_um=STUDY.register.section_thickness_um,
    shell:
        "python -m virtual_staining package complete --weights {input.best:q}/{params.checkpoint}.pt"
        " --results {params.results:q} --stain {wildcards.stain} --model {wildcards.model}"
        " --fold {wildcards.fold} --normalize {params.normalize:q} --mask {params.mask:q}"
        " --section-thickness-um {params.thickness_um} --out {output.generator:q} > {log:q} 2>&1"
