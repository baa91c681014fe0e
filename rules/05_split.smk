checkpoint split_folds:
    """Share the sections among cross-validation folds, balanced by material (paper 2.4).

    The only step that waits for all sections one by one. Whatever comes later depends on these
    files instead, which hold a digest of each section's images: a changed image changes them.
    A training depends on its own fold's file alone, which does not name the test samples.
    A checkpoint, so that what follows is decided when these files have been made: equal files run
    nothing again. Of the sheet, only the columns in the parameter `sections` count.
    """
    input:
        sheet=sheet_input(),
        registration="<results>/02_register/registration.csv",
        pairs=lambda wildcards: pairs_of(wildcards.stain),
    output:
        folds="<results>/05_split/{stain}/folds.json",
        training=expand(
            "<results>/05_split/{{stain}}/fold-{fold}.json", fold=range(1, STUDY.split.folds + 1)
        ),
    log:
        "<logs>/05_split/{stain}.log",
    localrule: True
    conda:
        "../envs/cpu.yaml"
    params:
        settings=settings_file("split"),
        results=results_folder,
        depends_on=reaching("split"),
        sections=split_sections,
        unsure=STUDY.register.unsure,
        failed=STUDY.register.failed,
        seed=STUDY.seed,
    shell:
        "python -m virtual_staining split --sheet {input.sheet:q} --results {params.results:q}"
        " --stain {wildcards.stain} --unsure {params.unsure} --failed {params.failed} --settings {params.settings:q}"
        " --seed {params.seed} > {log:q} 2>&1"


checkpoint refine_pairs:
    """Bring soft tissue of the training slides nearer to their CT, where refine.rounds asks for it.

    Input: the folds, which name the pairs. Output: refined slides (uint8 RGB) and a picture of each; displacement,
    folded share and gain against this and another specimen (CSV); a digest of each refined slide (JSON).
    """
    input:
        folds=decided("folds.json"),
        earlier=lambda wildcards: (
            f"{STUDY.refine.predictions}/05_split/{wildcards.stain}/folds.json"
            if STUDY.refine.predictions
            else []
        ),
    output:
        refined="<results>/05_split/{stain}/refined.json",
        table="<results>/05_split/{stain}/refined.csv",
        slides=directory("<results>/05_split/{stain}/refined"),
    log:
        "<logs>/05_split/{stain}.refine.log",
    conda:
        "../envs/cpu.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 8000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
    params:
        settings=settings_file("refine"),
        results=results_folder,
        ct_white=STUDY.train.ct_white,
        depends_on=reaching("refine"),
    shell:
        "python -m virtual_staining register refine --results {params.results:q}"
        " --stain {wildcards.stain} --ct-white {params.ct_white} --settings {params.settings:q}"
        " > {log:q} 2>&1"
