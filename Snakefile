"""Virtual staining of 3D X-ray histology: from raw volumes and slides to coloured volumes."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


pathvars:
    results=config["results"],
    logs=config["results"] + "/logs",
    benchmarks=config["results"] + "/benchmarks",


include: "rules/common.smk"
include: "rules/00_cohort.smk"
include: "rules/01_ingest.smk"
include: "rules/02_register.smk"
include: "rules/03_normalize.smk"
include: "rules/04_mask.smk"
include: "rules/05_split.smk"
include: "rules/06_train.smk"
include: "rules/07_infer.smk"
include: "rules/08_evaluate.smk"
include: "rules/09_figures.smk"
include: "rules/10_stain.smk"


localrules:
    all,
    pairs,
    train,
    tables,
    figures,
    volumes,


rule all:
    """Everything: tables, figures and coloured volumes."""
    default_target: True
    input:
        rules.tables.input,
        rules.figures.input,
        rules.volumes.input,
