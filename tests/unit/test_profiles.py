"""The profiles: site lines only, and the link that makes ``--profile slurm-gpu`` work by name."""

import re

import pytest
import yaml
from workspace import ROOT

from virtual_staining.workflow.profile_link import REPOSITORY, link_profile


def test_links_once_and_never_over_something(tmp_path):
    folder = tmp_path / "snakemake"
    assert "linked" in link_profile(folder=folder)
    link = folder / "slurm-gpu"
    assert (link / "config.yaml").samefile(REPOSITORY / "profiles/slurm-gpu/config.yaml")
    assert "already leads" in link_profile(folder=folder)
    link.unlink()
    link.mkdir()
    (link / "config.yaml").write_text("mine")
    assert "left alone" in link_profile(folder=folder)
    assert (link / "config.yaml").read_text() == "mine"


@pytest.mark.parametrize("name", ["demo", "example", "hour", "local", "slurm-gpu"])
def test_profiles_hold_no_memory_or_time_of_a_rule(name):
    profile = yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))
    for resources in profile.get("set-resources", {}).values():
        assert not {"mem_mb", "runtime"} & set(resources)


def test_the_lines_to_fill_in_are_yaml_once_they_are_taken_in():
    text = (ROOT / "profiles/slurm-gpu/config.yaml").read_text(encoding="utf-8")
    site = text[text.index("# default-resources:") : text.index("set-threads:")]
    filled = yaml.safe_load(re.sub(r"^# ", "", site, flags=re.MULTILINE))
    assert set(filled["default-resources"]) == {"slurm_account", "slurm_partition"}
    assert set(filled["set-resources"]) == {"train_model", "infer_slides", "stain_volume"}


def test_every_job_that_is_submitted_names_memory_and_time_that_grow():
    for path in sorted((ROOT / "rules").glob("*.smk")):
        for rule in re.split(
            r"^(?:rule|checkpoint) ", path.read_text(encoding="utf-8"), flags=re.MULTILINE
        )[1:]:
            name = rule.split(":")[0]
            if "localrule: True" in rule or name.startswith("draw_"):
                continue
            assert re.search(r"mem_mb=lambda wildcards, attempt: .*attempt", rule), name
            assert re.search(r"runtime=(lambda wildcards, attempt: .*attempt|2880)", rule), name
