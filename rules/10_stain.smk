rule stain_volume:
    """Stain a whole volume slice by slice and write it as RGBA (paper 2.11)."""
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
    output:
        zarr=directory("<results>/10_stain/{stain}/{model}/{volume}/rgba.ome.zarr"),
        tiff="<results>/10_stain/{stain}/{model}/{volume}/rgba.tif",
        orthogonal=report(
            "<results>/10_stain/{stain}/{model}/{volume}/orthogonal.png",
            category="Volumes",
            caption="report/stain.rst",
            labels={"volume": "{volume}", "view": "orthogonal slices"},
        ),
        render=report(
            "<results>/10_stain/{stain}/{model}/{volume}/render.png",
            category="Volumes",
            caption="report/stain.rst",
            labels={"volume": "{volume}", "view": "volume rendering"},
        ),
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
    shell:
        "python -m virtual_staining stain --ct {input.ct:q} --generator {input.generators:q}"
        " --stats {input.stats:q} --normalize {params.normalize:q} --mask {params.mask:q}"
        " --section-thickness-um {params.thickness_um}"
        " --settings {params.settings:q} --threads {threads}"
        " --out {params.folder:q} > {log:q} 2>&1"
