"""Reads and checks the configuration and the sample sheet; small helpers for the rules."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from virtual_staining.artefacts.paths import Results, one_spelling
from virtual_staining.artefacts.registration_table import left_out
from virtual_staining.artefacts.sheet import files_of
from virtual_staining.cohort.sample_list import sample_table
from virtual_staining.artefacts.training_record import was_trained_on
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import all_models
from virtual_staining.settings.sheet import DRAWN_COLUMNS
from virtual_staining.workflow.config_file import check_config_file
from virtual_staining.workflow.failed_jobs import error_sentences
from virtual_staining.workflow.job_settings import write_job_settings
from virtual_staining.workflow.plan import plan_study
from virtual_staining.workflow.raw_files import folder_digest
from virtual_staining.workflow.replacements import training_again
from virtual_staining.workflow.sheet_rules import rows_digest
from virtual_staining.workflow.slurm_queue import queued_jobs, refusal

# Jobs run the interpreter that runs Snakemake (a conda environment, where asked for, comes first),
# and find the package without its being installed.
os.environ.update(
    PATH=os.pathsep.join([os.path.dirname(sys.executable), os.getenv("PATH", os.defpath)]),
    PYTHONPATH=str(Path(workflow.basedir) / "workflow_scripts"),
    # Idle OpenMP threads must not spin: it triples a training step's CPU time on a busy machine.
    OMP_WAIT_POLICY="passive",
    GOMP_SPINCOUNT="0",
)


def checked(function, *args, **kwargs):
    """Return a function's result; end the plan with its sentence if it refuses the input."""
    try:
        return function(*args, **kwargs)
    except InputError as error:
        sys.exit(f"error: {error}")


if Path("config.yaml").exists():
    checked(check_config_file, "config.yaml")


configfile: "config.yaml"


PLAN = checked(
    plan_study,
    config,
    list_cohort=sample_table,
    files=workflow.configfiles,
    given=workflow.config_settings.overwrite_config,
    program=Path(workflow.basedir),
)
for note in PLAN.notes:
    logger.warning(note)

STUDY, SAMPLES, MODELS = PLAN.study, PLAN.samples, all_models()
RESULTS = one_spelling(STUDY.results)
SECTIONS = SAMPLES[SAMPLES["slide"] != ""]
STAINS = sorted(set(SECTIONS["stain"]))
SPLIT_STAINS = [stain for stain in STAINS if stain not in PLAN.unsplit]
VOLUMES = SAMPLES[SAMPLES["volume"] != ""].drop_duplicates("volume_id").set_index("volume_id")
FOLDS = STUDY.fold_numbers()
STARTED = time.time()
FIGURES = ["patches", "training_slide", "slides", "models", "boxplots", "unmasked"]
FIGURES += ["agreement"] if STUDY.evaluate.structures else []
FIGURES += ["uncertainty"] if STUDY.evaluate.trust else []


# Plain dicts: they are read once for each job, and a look-up in a table takes too long for
# thousands of jobs.
SECTION_ROWS = SECTIONS.to_dict("index")
VOLUME_ROWS = VOLUMES.to_dict("index")
SECTIONS_OF_VOLUME = SECTIONS.groupby("volume_id")["sample"].agg(list).to_dict()


# Ids are not listed here: Snakemake would compare every file with thousands of them.
wildcard_constraints:
    sample="[A-Za-z0-9_-]+",
    volume="[A-Za-z0-9_-]+",
    stain="|".join(STAINS) or "none",
    model="|".join(STUDY.models),
    block="[A-Za-z0-9_-]+",
    fold=r"\d+",


def settings_file(name):
    """Return the settings file of a block for a rule's params; onstart writes these files.

    Params that are functions of the output make no job run again: their values are paths.
    """
    return lambda wildcards, output: str(Results(RESULTS).job_settings / f"{name}.json")


def train_settings(wildcards, output):
    """Return the settings file of a model's trainings for the params of the rule."""
    return str(Results(RESULTS).train_settings(wildcards.model))


def reaching(stage, *parts):
    """Return as JSON the keys of a block that reach the results of some parts of its stage.

    As a param they make a job run again when one of them changes, and no other key.
    """
    return json.dumps(getattr(STUDY, stage).reaching(*parts), sort_keys=True)


def training_keys(wildcards):
    """Return as JSON the keys of the training that reach the weights of a model."""
    values = STUDY.training(wildcards.model).model_dump()
    names = sorted(MODELS[wildcards.model].keys(STUDY.train))
    return json.dumps({key: values[key] for key in names})


def results_folder(wildcards, output):
    """Return the results folder for a command line.

    Parameters derived from the output do not make a job run again: another spelling of the same
    folder changes no result.
    """
    return RESULTS


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


class Announcer:
    """Says what a run replaces that took hours, each time that Snakemake has planned."""

    def __init__(self):
        self.said = set()

    def process(self):
        """Say it of the jobs that are planned now and were not before."""
        for job in workflow.dag.needrun_jobs():
            key = (job.rule.name, *job.wildcards)
            if key not in self.said:
                self.said.add(key)
                sentence = self.sentence(job)
                if sentence:
                    logger.warning(sentence)

    def sentence(self, job):
        """Return what a job replaces, or nothing."""
        values, reason = job.wildcards, str(workflow.dag.reason(job)).split("\n")[0]
        if job.rule.name == "train_model":
            keys = json.loads(training_keys(values))
            fold = (values.stain, values.model, int(values.fold))
            return training_again(Results(RESULTS), *fold, keys, reason)
        if job.rule.name == "stain_volume" and Path(job.output.tiff).exists():
            return f"volume {values.volume} is stained again: {reason}"
        return None


def announce_replacements():
    """Say what the run replaces; say it again when the folds have been made and are known."""
    announcer = Announcer()
    announcer.process()
    workflow.dag.dag_processors.append(announcer)


def say_what_is_left_out():
    """Say at the end of a run which sections it left out, and where that can be mended."""
    table = Results(RESULTS).registration_table
    said = list(left_out(table, set(SECTIONS["sample"])))
    for sentence in said:
        logger.warning(sentence)
    if said:
        logger.warning(f"look at {Results(RESULTS).registration_page}")


def say_why_jobs_failed():
    """Repeat at the end of a failed run the sentence that each failed job ended with."""
    for sentence in error_sentences(Path(RESULTS, "logs"), STARTED):
        logger.error(sentence)


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


def shares_of_volume(wildcards):
    """Return what says that the jobs which stain a volume together are done; nothing for one job."""
    jobs = STUDY.stain.jobs
    folder = f"<results>/10_stain/{wildcards.stain}/{wildcards.model}/{wildcards.volume}"
    return [f"{folder}/share-{k}-of-{jobs}.done" for k in range(1, jobs + 1) if jobs > 1]


BLOCKS = block_sections()
STAINED_VOLUMES = [
    path
    for stain in SPLIT_STAINS
    for volume in volumes_of(stain)
    for path in (
        f"<results>/10_stain/{stain}/{STUDY.stain.model}/{volume}/rgba.tif",
        f"<results>/11_draw/{stain}/{STUDY.stain.model}/{volume}/volume.html",
    )
]

# Tables beyond those of the metrics, where the settings ask for them.
MORE_TABLE_PATHS = [
    path
    for path, wanted in (
        ("<results>/08_evaluate/{stain}/checkpoints.csv", STUDY.evaluate.checkpoints),
        ("<results>/08_evaluate/{stain}/agreement.csv", STUDY.evaluate.structures),
        ("<results>/08_evaluate/{stain}/uncertainty.csv", STUDY.evaluate.trust),
    )
    if wanted
]


def volume_table(stain):
    """Return the table of a stain's volumes, if there is to be one."""
    wanted = STUDY.evaluate.structures and volumes_of(stain)
    return [f"<results>/08_evaluate/{stain}/volumes.csv"] if wanted else []


def more_tables_of(stain):
    """Return the tables that a stain has beyond those of the metrics."""
    return [path.format(stain=stain) for path in MORE_TABLE_PATHS] + volume_table(stain)


MORE_TABLES = [path for stain in SPLIT_STAINS for path in more_tables_of(stain)]


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


def stop_if_metrics_cannot_be_had():
    """Stop a run that would train what it could not evaluate.

    Not an input of the training: there, even as ancient, it would hide other changes from
    Snakemake whenever LPIPS is turned on or off.
    """
    if not any(job.rule.name == "train_model" for job in workflow.dag.needrun_jobs()):
        return
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "virtual_staining", "evaluate", "metrics"]
        command += ["--settings", reaching("evaluate", "metrics")]
        command += ["--results", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WorkflowError(done.stderr)


def stop_if_still_queued():
    """Stop a run before it submits what a job of an earlier, killed run is still making.

    A job that waits is known by its number, one that runs by what it makes.
    """
    queued = queued_jobs(workflow.workdir_init)
    if not queued:
        return
    wanted = set()
    for job in workflow.dag.needrun_jobs():
        wanted.add(f"rule_{job.rule.name}_wildcards_{'_'.join(job.wildcards)}")
        wanted.update(workflow.persistence.external_jobids(job))
    said = refusal(queued, wanted)
    if said:
        raise WorkflowError(said)
