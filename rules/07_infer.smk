rule infer_slides:
    """Stain every whole slide of a stain with one trained model, from overlapping tiles (paper 2.9)."""
    input:
        generator="<results>/06_train/{stain}/{model}/fold-{fold}/generator.pt",
        folds=decided("folds.json"),
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
        settings=settings_file("infer"),
        results=results_folder,
        depends_on=reaching("infer"),
    shell:
        "python -m virtual_staining infer --results {params.results:q} --stain {wildcards.stain}"
        " --model {wildcards.model} --fold {wildcards.fold}"
        " --settings {params.settings:q} --threads {threads} > {log:q} 2>&1"
