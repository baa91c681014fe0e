"""The link that makes ``snakemake --profile slurm-gpu`` work by its bare name."""

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
