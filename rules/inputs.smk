"""What the rules of the pairs read: rows of the sheet, raw files, what was drawn."""


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


def slices_digest(wildcards):
    """Return what tells that slices of a volume's folder were overwritten in place."""
    return "" if STUDY.samples is None else folder_digest(volume_row(wildcards)["volume"])


def sheet_input():
    """Return the sample sheet as an input whose own age runs nothing again.

    The parameters of the rules hold the rows and columns that the rules read.
    """
    return ancient(STUDY.samples) if STUDY.samples else "<results>/00_cohort/samples.tsv"


def masked_volume(wildcards):
    """Return the volume that shows the specimen of a section, if the section lies in one."""
    row = section_row(wildcards)
    return [] if row["ct_image"] else f"<results>/01_ingest/{row['volume_id']}/ct.ome.zarr"
