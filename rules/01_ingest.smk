rule ingest_volume:
    """Bring a raw µCT volume to isotropic voxels of the working size (paper 2.2)."""
    input:
        raw=lambda wildcards: raw_input(VOLUMES.loc[wildcards.volume], "volume"),
    output:
        directory("<results>/01_ingest/{volume}/ct.ome.zarr"),
    log:
        "<logs>/01_ingest/{volume}.ct.log",
    benchmark:
        "<benchmarks>/01_ingest/{volume}.ct.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        volume=lambda wildcards: VOLUMES.loc[wildcards.volume, "volume"],
        voxel_size_um=lambda wildcards: VOLUMES.loc[wildcards.volume, "voxel_size_um"],
        settings=settings("ingest", "voxel_size_um", "float_percentiles"),
    shell:
        "python -m virtual_staining ingest volume --volume {params.volume:q}"
        " --voxel-size-um={params.voxel_size_um:q} --settings {params.settings:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"


rule ingest_slide:
    """Bring a stained section's slide to a tiled pyramid of the working pixel size (paper 2.2)."""
    input:
        raw=lambda wildcards: raw_input(SECTIONS.loc[wildcards.sample], "slide"),
    output:
        "<results>/01_ingest/{sample}/slide.ome.tif",
    log:
        "<logs>/01_ingest/{sample}.slide.log",
    benchmark:
        "<benchmarks>/01_ingest/{sample}.slide.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        slide=lambda wildcards: SECTIONS.loc[wildcards.sample, "slide"],
        pixel_size_um=lambda wildcards: SECTIONS.loc[wildcards.sample, "slide_pixel_um"],
        settings=settings("ingest", "slide_pixel_um"),
    shell:
        "python -m virtual_staining ingest slide --slide {params.slide:q}"
        " --pixel-size-um={params.pixel_size_um:q} --settings {params.settings:q}"
        " --out {output:q} > {log:q} 2>&1"
