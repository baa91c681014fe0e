"""What the registration reads: modes, rough poses, blocks."""


def registration_mode(wildcards):
    """Return how a section is registered: the sheet may name another mode than the configuration."""
    row = section_row(wildcards)
    return "fixed" if row["ct_image"] else row["register_mode"] or STUDY.register.mode


def registered_ct(wildcards):
    """Return what a section is registered with: its volume, or the image that is aligned with it."""
    row = section_row(wildcards)
    return row["ct_image"] or f"<results>/01_ingest/{row['volume_id']}/ct.ome.zarr"


def aligned_option(wildcards, output=None):  # as a param of the output it runs nothing again
    """Return the options that take a section as aligned, with the pixel size of all pairs."""
    row = section_row(wildcards)
    insisted = " --insist" if insists(row["slide_pixel_um"]) else ""
    return f"--aligned-um={STUDY.ingest.voxel_size_um}{insisted}" if row["ct_image"] else ""


def view_axis(wildcards):
    """Return along which direction one looks through a section: the review's, else the sheet's."""
    review = PLAN.reviews.get(wildcards.sample)
    return review and review.view_direction or section_row(wildcards)["view_axis"]


def rough_pose(wildcards):
    """Return the section's rough pose, or nothing where the search does without one."""
    mode = registration_mode(wildcards)
    return "" if mode == "auto" else section_row(wildcards)["initial_pose"]


def pose_input(wildcards):
    """Return what a job waits for to read a section's rough pose, if the search takes one."""
    row, pose = section_row(wildcards), rough_pose(wildcards)
    if not pose or STUDY.samples is None:
        return raw_input(row, "initial_pose") if pose else []
    return files_of(pose, "initial_pose")


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
