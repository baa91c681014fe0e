rule ingest_volume:
    """Bring a raw µCT volume to isotropic voxels of the working size (paper 2.2)."""
    input:
        raw=lambda wildcards: raw_input(volume_row(wildcards), "volume"),
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
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 240 * attempt,
    params:
        settings=settings_file("ingest"),
        volume=lambda wildcards: volume_row(wildcards)["volume"],
        slices=slices_digest,
        voxel_size_um=lambda wildcards: volume_row(wildcards)["voxel_size_um"],
        depends_on=reaching("ingest", "volume"),
    shell:
        "python -m virtual_staining ingest volume --volume {params.volume:q}"
        " --voxel-size-um={params.voxel_size_um:q} --settings {params.settings:q}"
        " --threads {threads} --out {output:q} > {log:q} 2>&1"


rule ingest_slide:
    """Bring a stained section's slide to a tiled pyramid of the working pixel size (paper 2.2)."""
    input:
        raw=lambda wildcards: raw_input(section_row(wildcards), "slide"),
    output:
        "<results>/01_ingest/{sample}/slide.ome.tif",
    log:
        "<logs>/01_ingest/{sample}.slide.log",
    benchmark:
        "<benchmarks>/01_ingest/{sample}.slide.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=settings_file("ingest"),
        slide=lambda wildcards: section_row(wildcards)["slide"],
        pixel_size_um=lambda wildcards: section_row(wildcards)["slide_pixel_um"],
        depends_on=reaching("ingest", "slide"),
    shell:
        "python -m virtual_staining ingest slide --slide {params.slide:q}"
        " --pixel-size-um={params.pixel_size_um:q} --settings {params.settings:q}"
        " --out {output:q} > {log:q} 2>&1"
