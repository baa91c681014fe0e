"""What the rules read: input functions and params of the jobs."""


def sheet_to_check(wildcards):
    """Return the sample sheet; without one there is nothing to check."""
    if STUDY.samples is None:
        raise WorkflowError(
            "check reads the files of a sample sheet, and `samples` names none: the synthetic study makes its"
            " own files. Name your sheet as `samples`, or give your settings with --configfile."
        )
    return STUDY.samples


def section_row(wildcards):
    """Return a section's row of the sheet, column to text."""
    if wildcards.sample not in SECTION_ROWS:
        raise WorkflowError(f"the sample sheet has no section {wildcards.sample!r}")
    return SECTION_ROWS[wildcards.sample]


def volume_row(wildcards):
    """Return the row of the sheet that names a volume first, column to text."""
    if wildcards.volume not in VOLUME_ROWS:
        raise WorkflowError(f"the sample sheet has no volume {wildcards.volume!r}")
    return VOLUME_ROWS[wildcards.volume]


def pairs_of(stain):
    """Return the files of a stain's normalized and masked pairs."""
    samples = SECTIONS["sample"][SECTIONS["stain"] == stain]
    pairs = [
        [
            f"<results>/03_normalize/{sample}/ct.tif",
            f"<results>/03_normalize/{sample}/slide.tif",
            f"<results>/03_normalize/{sample}/stats.json",
            f"<results>/04_mask/{sample}/mask.tif",
            f"<results>/04_mask/{sample}/tissue.tif",
        ]
        for sample in samples
    ]
    return [file for pair in pairs for file in pair]


def raw_input(row, column):
    """Return what a job must wait for to read a raw file: the file, or its synthetic sample."""
    if STUDY.samples is None:
        return f"<results>/00_cohort/{row['sample']}"
    return row[column].split("::")[0]


def annotations_input(wildcards):
    """Return what a job waits for to read a section's annotations, if the sheet names some."""
    row = section_row(wildcards)
    drawn = [column for column in DRAWN_COLUMNS if row[column]]
    if STUDY.samples is None:
        return raw_input(row, "annotations") if drawn else []
    return [file for column in drawn for file in files_of(row[column], column)]


def scan_sections(wildcards):
    """Return the sections that were looked for in a volume, of which its levels may be told."""
    sections = SECTIONS_OF_VOLUME.get(wildcards.volume, [])
    return [sample for sample in sections if not SECTION_ROWS[sample]["ct_image"]]


def registered_sections(wildcards):
    """Return the files of a volume's registered sections."""
    paths = [
        "<results>/02_register/{sample}/ct.tif",
        "<results>/02_register/{sample}/slide.tif",
        "<results>/02_register/{sample}/valid.tif",
        "<results>/02_register/{sample}/transform.json",
    ]
    return expand(paths, sample=scan_sections(wildcards))


def section_folders(wildcards, output):  # as a param of the output it runs nothing again
    """Return the folders of a volume's registered sections."""
    return [str(Results(RESULTS).registered(sample).path) for sample in scan_sections(wildcards)]


def annotations_of_scan(wildcards):
    """Return what a job waits for to read what was drawn on a volume's sections."""
    rows = [SECTION_ROWS[sample] for sample in scan_sections(wildcards)]
    drawn = [(row, column) for row in rows for column in DRAWN_COLUMNS if row[column]]
    if STUDY.samples is None:
        return [raw_input(row, column) for row, column in drawn]
    return [file for row, column in drawn for file in files_of(row[column], column)]


def drawn_on_scan(wildcards, column):
    """Return the annotations of each section of a volume, - where there are none."""
    return [SECTION_ROWS[sample][column] or "-" for sample in scan_sections(wildcards)]


def scan_levels(wildcards):
    """Return the file with the levels of a section's scan; none for a section aligned before."""
    row = section_row(wildcards)
    if row["ct_image"]:
        return []
    return f"<results>/03_normalize/scans/{row['volume_id']}/levels.json"


def pose_input(wildcards):
    """Return what a job waits for to read a section's rough pose, if the search takes one."""
    row, pose = section_row(wildcards), rough_pose(wildcards)
    if not pose or STUDY.samples is None:
        return raw_input(row, "initial_pose") if pose else []
    return files_of(pose, "initial_pose")


def slices_digest(wildcards):
    """Return what tells that slices of a volume's folder were overwritten in place."""
    return "" if STUDY.samples is None else folder_digest(volume_row(wildcards)["volume"])


def block_sections():
    """Return the blocks whose sections look for their planes together: block to samples.

    Sections with a first guess take no part, and one alone looks for its plane by itself.
    """
    modes = SECTIONS["register_mode"].replace("", STUDY.register.mode)
    blocks = SECTIONS[(SECTIONS["block"] != "") & (modes == "auto")].groupby("block")["sample"]
    return {block: sorted(samples) for block, samples in blocks if len(samples) > 1}


def block_planes(wildcards):
    """Return the file that tells a section its plane, where its block finds it."""
    block = section_row(wildcards)["block"]
    if wildcards.sample not in BLOCKS.get(block, []):
        return []
    return f"<results>/02_register/blocks/{block}/planes.json"


def block_volume(wildcards):
    """Return the id of the volume that a block's sections lie in."""
    return SECTION_ROWS[BLOCKS[wildcards.block][0]]["volume_id"]


def block_orders(wildcards, output=None):  # as a param of the output it runs nothing again
    """Return the places of a block's sections in the order of cutting, - where there is none."""
    return [SECTION_ROWS[sample]["block_order"] or "-" for sample in BLOCKS[wildcards.block]]


def block_keys(wildcards):
    """Return as JSON the keys and, where the sheet names it, the order that a block's search reads."""
    keys, orders = STUDY.register.reaching("block"), block_orders(wildcards)
    ordered = {"orders": orders} if set(orders) != {"-"} else {}
    return json.dumps({**keys, **ordered}, sort_keys=True)


def sheet_input():
    """Return the sample sheet as an input whose own age runs nothing again.

    The parameters of the rules hold the rows and columns that the rules read.
    """
    return ancient(STUDY.samples) if STUDY.samples else "<results>/00_cohort/samples.tsv"


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


def registration_mode(wildcards):
    """Return how a section is registered: the sheet may name another mode than the configuration."""
    row = section_row(wildcards)
    return "fixed" if row["ct_image"] else row["register_mode"] or STUDY.register.mode


def registered_ct(wildcards):
    """Return what a section is registered with: its volume, or the image that is aligned with it."""
    row = section_row(wildcards)
    return row["ct_image"] or f"<results>/01_ingest/{row['volume_id']}/ct.ome.zarr"


def masked_volume(wildcards):
    """Return the volume that shows the specimen of a section, if the section lies in one."""
    row = section_row(wildcards)
    return [] if row["ct_image"] else f"<results>/01_ingest/{row['volume_id']}/ct.ome.zarr"


def aligned_option(wildcards, output=None):  # as a param of the output it runs nothing again
    """Return the option that takes a section as aligned, with the pixel size of all pairs."""
    aligned = section_row(wildcards)["ct_image"]
    return f"--aligned-um={STUDY.ingest.voxel_size_um}" if aligned else ""


def registration_keys(wildcards):
    """Return as JSON the keys that reach a section's registration.

    A section whose block has found its plane is not searched for, as with mode fixed, unless a
    review turns it over.
    """
    mode = registration_mode(wildcards)
    if aligned := aligned_option(wildcards):
        return aligned
    modes = [mode]
    if block_planes(wildcards):
        modes = ["fixed", "block"] if "," in view_axis(wildcards) else ["fixed"]
    keys = STUDY.register.reaching(*modes)
    return json.dumps({**keys, "mode": mode}, sort_keys=True)


def view_axis(wildcards):
    """Return along which direction one looks through a section: the review's, else the sheet's."""
    review = PLAN.reviews.get(wildcards.sample)
    return review and review.view_direction or section_row(wildcards)["view_axis"]


def rough_pose(wildcards):
    """Return the section's rough pose, or nothing where the search does without one."""
    mode = registration_mode(wildcards)
    return "" if mode == "auto" else section_row(wildcards)["initial_pose"]


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
