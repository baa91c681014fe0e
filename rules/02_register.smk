rule search_block:
    """Find the orientation that sections cut parallel from one block share, and their planes.

    Input: the volume (OME-Zarr, uint16) and the slides (OME-TIFF, uint8 RGB). Output: planes.json with the map
    slide µm → volume µm of each section, and the confidence of the shared orientation.
    """
    input:
        ct=lambda wildcards: f"<results>/01_ingest/{block_volume(wildcards)}/ct.ome.zarr",
        slides=lambda wildcards: expand(
            "<results>/01_ingest/{sample}/slide.ome.tif", sample=BLOCKS[wildcards.block]
        ),
    output:
        planes="<results>/02_register/blocks/{block}/planes.json",
    log:
        "<logs>/02_register/blocks/{block}.log",
    benchmark:
        "<benchmarks>/02_register/blocks/{block}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 480 * attempt,
    params:
        settings=settings_file("register"),
        samples=lambda wildcards: BLOCKS[wildcards.block],
        volume=block_volume,
        view_axis=lambda wildcards: SECTION_ROWS[BLOCKS[wildcards.block][0]]["view_axis"],
        orders=block_orders,
        depends_on=block_keys,
    shell:
        "python -m virtual_staining register block --ct {input.ct:q} --slides {input.slides:q}"
        " --samples {params.samples} --orders {params.orders} --block {wildcards.block} --volume {params.volume}"
        " --view-axis={params.view_axis:q} --settings {params.settings:q} --out {output.planes:q} > {log:q} 2>&1"


rule register_section:
    """Find the section's plane in the volume and resample both onto one grid (paper 2.3).

    Input: the volume (OME-Zarr, uint16), or a grey image that was aligned before, and the slide (OME-TIFF, uint8
    RGB). Output: CT plane (uint16), slide (uint8
    RGB) and valid area (uint8, 0 or 255) on one grid with the volume's voxel size; the maps between pair, slide and
    volume (µm); the map slide → volume as ITK transform (mm); a picture to check the result.
    """
    input:
        ct=registered_ct,
        slide="<results>/01_ingest/{sample}/slide.ome.tif",
        planes=block_planes,
        pose=pose_input,
    output:
        ct="<results>/02_register/{sample}/ct.tif",
        slide="<results>/02_register/{sample}/slide.tif",
        valid="<results>/02_register/{sample}/valid.tif",
        transform="<results>/02_register/{sample}/transform.json",
        tfm="<results>/02_register/{sample}/slide_to_volume.tfm",
        qc="<results>/02_register/{sample}/qc.png",
    log:
        "<logs>/02_register/{sample}.log",
    benchmark:
        "<benchmarks>/02_register/{sample}.tsv"
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 4000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=settings_file("register"),
        volume=lambda wildcards: section_row(wildcards)["volume_id"],
        mode=registration_mode,
        aligned=aligned_option,
        initial_pose=rough_pose,
        view_axis=view_axis,
        failed=lambda wildcards, output: STUDY.register.failed,  # runs nothing again
        folder=subpath(output.transform, parent=True),
        depends_on=registration_keys,
    shell:
        "python -m virtual_staining register section --ct {input.ct:q} {params.aligned} --slide {input.slide:q}"
        " --mode {params.mode} --initial-pose={params.initial_pose:q} --block-planes={input.planes:q} --sample {wildcards.sample}"
        " --volume {params.volume} --view-axis={params.view_axis:q} --settings {params.settings:q}"
        " --failed {params.failed} --out {params.folder:q} > {log:q} 2>&1"


rule review_registrations:
    """Gather all registrations in one table and one page, the most doubtful first.

    Input: transform.json and qc.png of every section; review.tsv, a person's decisions made on the page, if there is
    one. Output: registration.csv, qc.html.
    """
    input:
        sheet=sheet_input(),
        transform=expand("<results>/02_register/{sample}/transform.json", sample=SECTIONS["sample"]),
        qc=expand("<results>/02_register/{sample}/qc.png", sample=SECTIONS["sample"]),
        review=[str(path) for path in [PLAN.review_file] if path.is_file()],
    output:
        table="<results>/02_register/registration.csv",
        page=report(
            "<results>/02_register/qc.html",
            category="Registration",
            caption="report/register.rst",
        ),
    log:
        "<logs>/02_register/review.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        results=results_folder,
        review=lambda wildcards, output: str(PLAN.review_file),
    shell:
        "python -m virtual_staining register review --sheet {input.sheet:q} --review {params.review:q}"
        " --results {params.results:q} > {log:q} 2>&1"
