rule register_section:
    """Find the section's plane in the volume and resample both onto one grid (paper 2.3)."""
    input:
        ct=lambda wildcards: f"<results>/01_ingest/{SECTIONS.loc[wildcards.sample, 'volume_id']}/ct.ome.zarr",
        slide="<results>/01_ingest/{sample}/slide.ome.tif",
    output:
        ct="<results>/02_register/{sample}/ct.tif",
        slide="<results>/02_register/{sample}/slide.tif",
        valid="<results>/02_register/{sample}/valid.tif",
        transform="<results>/02_register/{sample}/transform.json",
        qc=report(
            "<results>/02_register/{sample}/qc.png",
            category="Registration",
            caption="report/register.rst",
            labels={"sample": "{sample}"},
        ),
    log:
        "<logs>/02_register/{sample}.log",
    benchmark:
        "<benchmarks>/02_register/{sample}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        volume=lambda wildcards: SECTIONS.loc[wildcards.sample, "volume_id"],
        initial_pose=lambda wildcards: SECTIONS.loc[wildcards.sample, "initial_pose"],
        folder=subpath(output.transform, parent=True),
        settings=settings("register"),
    shell:
        "python -m virtual_staining register --ct {input.ct:q} --slide {input.slide:q}"
        " --initial-pose={params.initial_pose:q} --sample {wildcards.sample}"
        " --volume {params.volume} --settings {params.settings:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
