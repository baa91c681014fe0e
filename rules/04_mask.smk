rule mask_pair:
    """Outline where volume and section show the same rigid tissue (paper 2.8); tell tissues apart."""
    input:
        ct="<results>/03_normalize/{sample}/ct.tif",
        slide="<results>/03_normalize/{sample}/slide.tif",
        valid="<results>/02_register/{sample}/valid.tif",
        transform="<results>/02_register/{sample}/transform.json",
        volume=masked_volume,
        annotations=annotations_input,
    output:
        mask="<results>/04_mask/{sample}/mask.tif",
        tissue="<results>/04_mask/{sample}/tissue.tif",
        qc=report(
            "<results>/04_mask/{sample}/qc.png",
            category="Masks",
            caption="report/mask.rst",
            labels={"sample": "{sample}"},
        ),
    log:
        "<logs>/04_mask/{sample}.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("mask"),
        normalize=settings_file("normalize"),
        results=results_folder,
        ct=lambda wildcards, input: "--ct" if input.volume else "",
        annotations=lambda wildcards: section_row(wildcards)["annotations"],
        annotations_ct=lambda wildcards: section_row(wildcards)["annotations_ct"],
        depends_on=reaching("mask", "mask"),
        levels=reaching("normalize", "mask"),
    shell:
        "python -m virtual_staining mask --results {params.results:q} --sample {wildcards.sample}"
        " {params.ct} {input.volume:q}"
        " --annotations={params.annotations:q} --annotations-ct={params.annotations_ct:q}"
        " --settings {params.settings:q} --normalize {params.normalize:q} > {log:q} 2>&1"
