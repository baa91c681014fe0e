rule measure_levels:
    """Find the grey levels of background, bone and implant once for a whole scan, which its sections share."""
    input:
        ct="<results>/01_ingest/{volume}/ct.ome.zarr",
        registered=registered_sections,
        annotations=annotations_of_scan,
    output:
        levels="<results>/03_normalize/scans/{volume}/levels.json",
        qc=report(
            "<results>/03_normalize/scans/{volume}/qc.png",
            category="Normalization",
            caption="report/levels.rst",
            labels={"volume": "{volume}"},
        ),
    log:
        "<logs>/03_normalize/scans/{volume}.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("normalize"),
        sections=section_folders,
        annotations=lambda wildcards: drawn_on_scan(wildcards, "annotations"),
        annotations_ct=lambda wildcards: drawn_on_scan(wildcards, "annotations_ct"),
        folder=subpath(output.levels, parent=True),
        depends_on=reaching("normalize", "levels"),
    shell:
        "python -m virtual_staining levels --ct {input.ct:q} --registered {params.sections:q}"
        " --annotations {params.annotations:q} --annotations-ct {params.annotations_ct:q}"
        " --settings {params.settings:q} --out {params.folder:q} > {log:q} 2>&1"


rule normalize_pair:
    """Set bone and background to common grey and colour levels (paper 2.5)."""
    input:
        ct="<results>/02_register/{sample}/ct.tif",
        slide="<results>/02_register/{sample}/slide.tif",
        valid="<results>/02_register/{sample}/valid.tif",
        transform="<results>/02_register/{sample}/transform.json",
        annotations=annotations_input,
        levels=scan_levels,
    output:
        ct="<results>/03_normalize/{sample}/ct.tif",
        slide="<results>/03_normalize/{sample}/slide.tif",
        stats="<results>/03_normalize/{sample}/stats.json",
        qc=report(
            "<results>/03_normalize/{sample}/qc.png",
            category="Normalization",
            caption="report/normalize.rst",
            labels={"sample": "{sample}"},
        ),
    log:
        "<logs>/03_normalize/{sample}.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=settings_file("normalize"),
        annotations=lambda wildcards: section_row(wildcards)["annotations"],
        annotations_ct=lambda wildcards: section_row(wildcards)["annotations_ct"],
        folder=subpath(output.stats, parent=True),
        depends_on=reaching("normalize", "normalize"),
    shell:
        "python -m virtual_staining normalize --ct {input.ct:q} --slide {input.slide:q}"
        " --valid {input.valid:q} --transform {input.transform:q}"
        " --annotations={params.annotations:q} --annotations-ct={params.annotations_ct:q}"
        " --levels={input.levels:q} --settings {params.settings:q}"
        " --out {params.folder:q} > {log:q} 2>&1"
