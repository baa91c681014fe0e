"""Reads and checks the configuration and the sample sheet; small helpers for the rules."""

import argparse
import contextlib
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
from virtual_staining.artefacts.storage.lock import only_one_process
from virtual_staining.cli import explain
from virtual_staining.cohort.sample_list import sample_table
from virtual_staining.artefacts.training_record import was_trained_on
from virtual_staining.errors import InputError
from virtual_staining.models.catalogue import all_models
from virtual_staining.runtime import promised_gpu
from virtual_staining.settings.sheet import DRAWN_COLUMNS, insists
from virtual_staining.workflow.config_file import check_config_file
from virtual_staining.workflow.failed_jobs import error_sentences, silent_ends
from virtual_staining.workflow.job_settings import changed_settings, write_job_settings
from virtual_staining.workflow.plan import plan_study
from virtual_staining.workflow.raw_files import folder_digest
from virtual_staining.workflow.replacements import training_again
from virtual_staining.workflow.results_folder import note_version
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
if workflow.is_main_process and (said := changed_settings(STUDY)):
    logger.warning(said)
RESULTS_LOCK = contextlib.ExitStack()  # held until Snakemake ends
FIGURES = ["patches", "training_slide", "slides", "models", "boxplots", "unmasked"]
FIGURES += ["agreement"] if STUDY.evaluate.structures else []
FIGURES += ["uncertainty"] if STUDY.evaluate.trust else []
FIGURES += ["resolution"] if STUDY.evaluate.more_metrics else []
FIGURES += ["checkpoints"] if STUDY.evaluate.checkpoints else []


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


include: "inputs.smk"  # input functions of the rules
include: "inputs_register.smk"
include: "inputs_models.smk"
include: "messages.smk"


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


MORE_TABLES = [path for stain in SPLIT_STAINS for path in more_tables_of(stain)]
