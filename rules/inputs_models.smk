"""What the rules of the models read: folds, models, volumes to be stained, tables."""


def split_sections(wildcards):
    """Return a digest of what the folds of a stain depend on in the sheet."""
    rows = SECTIONS[SECTIONS["stain"] == wildcards.stain]
    return rows_digest(rows, ["sample", "volume_id", "material", "group", "role"])


def decided(file):
    """Return an input function: a file that a checkpoint writes into a stain's split folder.

    While the checkpoint is still to run, an earlier file counts as old, so that no job is planned
    because of a file that may turn out to be the same. When the checkpoint has run, Snakemake plans
    anew and compares the file's content with what each job has read.
    """

    def path_of(wildcards):
        path = str(Results(RESULTS).split(wildcards.stain).path / file.format(**wildcards))
        return path if path in workflow.checkpoints.created_output else ancient(path)

    return path_of


def refined_slides(wildcards):
    """Return the file that names the refined slides to train on, if there are to be some."""
    return decided("refined.json")(wildcards) if STUDY.refine.rounds else []


def trained_fold(wildcards):
    """Return the file of a training's fold; it counts as old if the weights were trained on it."""
    return not_again(wildcards, decided("fold-{fold}.json")(wildcards))


def trained_refined(wildcards):
    """Return what :func:`refined_slides` does; old if the weights were trained on it."""
    path = refined_slides(wildcards)
    return not_again(wildcards, path) if path else path


def not_again(wildcards, path):
    """Mark a file as old if the weights that stand were trained on this content.

    Snakemake itself does not know in a new clone, where it compares times alone.
    """
    folder = Results(RESULTS).trained(wildcards.stain, wildcards.model, wildcards.fold)
    return ancient(path) if was_trained_on(folder, path) else path


def sections_shown(wildcards):
    """Return the sections of a volume that were stained as the volume is."""
    sections = SECTIONS_OF_VOLUME.get(wildcards.volume, [])
    return [sample for sample in sections if SECTION_ROWS[sample]["stain"] == wildcards.stain]


def volumes_of(stain):
    """Return the ids of the volumes to be stained as ``stain`` (config: stain.volumes)."""
    wanted = STUDY.stain.volumes
    rows = SAMPLES[(SAMPLES["stain"] == stain) & (SAMPLES["volume"] != "")]
    if wanted == "test":
        rows = rows[(rows["role"] == "test") | (rows["slide"] == "")]
    elif wanted != "all":
        rows = rows[rows["volume_id"].isin(wanted)]
    return sorted(set(rows["volume_id"]))


def sections_of_volumes(stain):
    """Return the sections of the volumes to be stained that can be compared with their cuts."""
    volumes = set(volumes_of(stain))
    return [
        sample
        for sample, row in SECTION_ROWS.items()
        if row["volume_id"] in volumes and row["stain"] == stain
    ]


def shares_of_volume(wildcards):
    """Return what says that the jobs which stain a volume together are done; nothing for one job."""
    jobs = STUDY.stain.jobs
    folder = f"<results>/10_stain/{wildcards.stain}/{wildcards.model}/{wildcards.volume}"
    return [f"{folder}/share-{k}-of-{jobs}.done" for k in range(1, jobs + 1) if jobs > 1]


def section_planes(wildcards):
    """Return where a volume's sections lie, if the volume is stained in planes parallel to one."""
    sections = SECTIONS_OF_VOLUME.get(wildcards.volume, [])
    wanted = sections if "section" in STUDY.stain.axes else []
    return expand("<results>/02_register/{sample}/transform.json", sample=wanted)


def given_levels(wildcards):
    """Return the option with the grey levels that the sheet gives for a volume without a section."""
    levels = volume_row(wildcards)["ct_levels"]
    return f"--levels {levels.replace(',', ' ')}" if levels else ""


def volume_table(stain):
    """Return the table of a stain's volumes, if there is to be one."""
    wanted = STUDY.evaluate.structures and volumes_of(stain)
    return [f"<results>/08_evaluate/{stain}/volumes.csv"] if wanted else []


def more_tables_of(stain):
    """Return the tables that a stain has beyond those of the metrics."""
    return [path.format(stain=stain) for path in MORE_TABLE_PATHS] + volume_table(stain)


def models_of_stain(wildcards):
    """Return the models of a stain (config: models, stain_models)."""
    return STUDY.models_of(wildcards.stain)


def of_models(*files, folds=FOLDS, also=()):
    """Return an input function: files of all models of a stain and of some folds."""
    return lambda wildcards: expand(
        list(files), stain=wildcards.stain, model=[*models_of_stain(wildcards), *also], fold=folds
    )


def of_first_model(file):
    """Return an input function: a file of the first model of a stain and of the first fold."""
    return lambda wildcards: expand(
        file, stain=wildcards.stain, model=models_of_stain(wildcards)[0], fold=FOLDS[0]
    )


def metric_files():
    """Return the names of the files that declare metrics; a plan does not load them."""
    folder = Path(workflow.basedir, "workflow_scripts/virtual_staining/evaluate/metrics")
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))
