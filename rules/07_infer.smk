rule infer_slides:
    """Stain every whole slide of a stain with one trained model, from overlapping tiles (paper 2.9)."""
    input:
        generator="<results>/06_train/{stain}/{model}/fold-{fold}/generator.pt",
        folds="<results>/05_split/{stain}/folds.json",
    output:
        directory("<results>/07_infer/{stain}/{model}/fold-{fold}"),
    log:
        "<logs>/07_infer/{stain}/{model}/fold-{fold}.log",
    benchmark:
        "<benchmarks>/07_infer/{stain}/{model}/fold-{fold}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        normalized=f"{RESULTS}/03_normalize",
        masks=f"{RESULTS}/04_mask",
        settings=settings("infer"),
    shell:
        "python -m virtual_staining infer --generator {input.generator:q} --folds {input.folds:q}"
        " --fold {wildcards.fold} --normalize-dir {params.normalized:q}"
        " --mask-dir {params.masks:q} --settings {params.settings:q} --threads {threads}"
        " --out {output:q} > {log:q} 2>&1"
