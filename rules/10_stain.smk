rule stain_volume:
    """Stain a whole volume plane by plane and write it as RGBA with its uncertainty (paper 2.11).

    Along several axes if asked for. Finished slabs are kept beside the result until the volume is
    complete: a job that was stopped continues there.
    """
    input:
        shares=shares_of_volume,
        ct="<results>/01_ingest/{volume}/ct.ome.zarr",
        generators=expand(
            "<results>/06_train/{{stain}}/{{model}}/fold-{fold}/generator.pt",
            fold=STUDY.stain.folds,
        ),
        stats=lambda wildcards: expand(
            "<results>/03_normalize/{sample}/stats.json",
            sample=SECTIONS_OF_VOLUME.get(wildcards.volume, []),
        ),
        transforms=section_planes,
    output:
        zarr=directory("<results>/10_stain/{stain}/{model}/{volume}/rgba.ome.zarr"),
        tiff="<results>/10_stain/{stain}/{model}/{volume}/rgba.tif",
    log:
        "<logs>/10_stain/{stain}/{model}/{volume}.log",
    benchmark:
        "<benchmarks>/10_stain/{stain}/{model}/{volume}.tsv"
    conda:
        "../envs/gpu.yaml"
    threads: 4
    resources:
        gpu=1,
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 720 * attempt,
    params:
        settings=settings_file("stain"),
        normalize=settings_file("normalize"),
        mask=settings_file("mask"),
        folder=subpath(output.tiff, parent=True),
        levels=reaching("normalize", "stain"),
        outline=reaching("mask", "stain") if STUDY.stain.specimen_only else "",
        depends_on=reaching("stain", "stain"),
        thickness_um=STUDY.register.section_thickness_um,
        given=given_levels,
        share="",
    shell:
        "python -m virtual_staining stain {params.share} --ct {input.ct:q} --generator {input.generators:q}"
        " --stats {input.stats:q} {params.given} --normalize {params.normalize:q} --mask {params.mask:q}"
        " --section-thickness-um {params.thickness_um} --transforms {input.transforms:q}"
        " --settings {params.settings:q} --threads {threads}"
        " --out {params.folder:q} > {log:q} 2>&1"


# One of the jobs that stain a volume together (stain.jobs): as above, for a share of the slabs.
use rule stain_volume as stain_share with:
    input:
        ct="<results>/01_ingest/{volume}/ct.ome.zarr",
        generators=expand(
            "<results>/06_train/{{stain}}/{{model}}/fold-{fold}/generator.pt",
            fold=STUDY.stain.folds,
        ),
        stats=lambda wildcards: expand(
            "<results>/03_normalize/{sample}/stats.json",
            sample=SECTIONS_OF_VOLUME.get(wildcards.volume, []),
        ),
        transforms=section_planes,
    output:
        temp(touch("<results>/10_stain/{stain}/{model}/{volume}/share-{share}-of-{shares}.done")),
    log:
        "<logs>/10_stain/{stain}/{model}/{volume}-{share}-of-{shares}.log",
    benchmark:
        "<benchmarks>/10_stain/{stain}/{model}/{volume}-{share}-of-{shares}.tsv"
    params:
        settings=settings_file("stain"),
        normalize=settings_file("normalize"),
        mask=settings_file("mask"),
        folder=subpath(output[0], parent=True),
        levels=reaching("normalize", "stain"),
        outline=reaching("mask", "stain") if STUDY.stain.specimen_only else "",
        depends_on=reaching("stain", "stain"),
        thickness_um=STUDY.register.section_thickness_um,
        given=given_levels,
        share=lambda wildcards: f"--share {wildcards.share} {wildcards.shares}",
