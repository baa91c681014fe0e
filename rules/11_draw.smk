rule draw_volume:
    """Draw a stained volume: slices, a rendering, a turntable, and a page to turn and to cut it.

    The pictures show the implant in grey, the CT beside the stain and, where the volume has a
    section, the real section beside the cut at its place (paper Fig. 8). Reads the colours (uint8
    RGBA, µm), the CT (uint16) and the normalized sections (uint8 RGB).
    """
    input:
        zarr="<results>/10_stain/{stain}/{model}/{volume}/rgba.ome.zarr",
        ct="<results>/01_ingest/{volume}/ct.ome.zarr",
        transforms=lambda wildcards: expand(
            "<results>/02_register/{sample}/transform.json", sample=sections_shown(wildcards)
        ),
        slides=lambda wildcards: expand(
            "<results>/03_normalize/{sample}/slide.tif", sample=sections_shown(wildcards)
        ),
    output:
        orthogonal=report(
            "<results>/11_draw/{stain}/{model}/{volume}/orthogonal.png",
            category="Volumes",
            caption="report/draw.rst",
            labels={"volume": "{volume}", "view": "orthogonal slices"},
        ),
        render=report(
            "<results>/11_draw/{stain}/{model}/{volume}/render.png",
            category="Volumes",
            caption="report/draw.rst",
            labels={"volume": "{volume}", "view": "volume rendering"},
        ),
        turntable="<results>/11_draw/{stain}/{model}/{volume}/turntable.gif",
        page=report(
            "<results>/11_draw/{stain}/{model}/{volume}/volume.html",
            category="Volumes",
            caption="report/draw.rst",
            labels={"volume": "{volume}", "view": "volume to turn and cut"},
        ),
    log:
        "<logs>/11_draw/{stain}/{model}/{volume}.log",
    benchmark:
        "<benchmarks>/11_draw/{stain}/{model}/{volume}.tsv"
    conda:
        "../envs/cpu.yaml"
    threads: 4
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("draw"),
        normalize=settings_file("normalize"),
        mask=settings_file("mask"),
        results=results_folder,
        sections=lambda wildcards: sections_shown(wildcards),
        levels=reaching("normalize", "stain"),
        implant=reaching("mask", "stain"),
        depends_on=reaching("draw"),
    shell:
        "python -m virtual_staining draw --results {params.results:q} --stain {wildcards.stain}"
        " --model {wildcards.model} --volume {wildcards.volume}"
        " --sections {params.sections} --settings {params.settings:q}"
        " --normalize {params.normalize:q} --mask {params.mask:q} --threads {threads}"
        " > {log:q} 2>&1"
