"""docs/architecture.md says of the stages what the rules do."""

import itertools
import re

import pytest
from workspace import ROOT, TINY, make_workspace, snakemake

PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
RULES = {path.stem[:2]: path for path in (ROOT / "rules").glob("[0-9]*.smk")}
STAGES = {path.stem[3:]: number for number, path in RULES.items()}


def rules_of(number):
    """Return the text of a stage's rule file and of its parts, {stage}_….smk, which it includes."""
    stage = RULES[number].stem[3:]
    parts = sorted(RULES[number].parent.glob(f"{stage}_*.smk"))
    texts = [path.read_text(encoding="utf-8") for path in (RULES[number], *parts)]
    assert re.findall(r'^include: "(.*)"', texts[0], re.MULTILINE) == [part.name for part in parts]
    return "\n".join(texts)


def table():
    """Return {stage: (reads, writes, look at)}, each a list of what stands in code there."""
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    return {
        stage: [re.findall(r"`([^`]+)`", cell) for cell in cells]
        for stage, *cells in rows
        if stage in STAGES
    }


def spelled_out(names):
    """Give a name without a folder the folder of the name before it."""
    folder, full = "", []
    for name in names:
        folder = name.rpartition("/")[0] if "/" in name or not folder else folder
        full.append(name if "/" in name or not folder else f"{folder}/{name}")
    return full


def outputs(number):
    """Return the outputs of a stage's rules below the stage's folder."""
    sections = re.findall(r"^    output:\n((?:        .*\n|\n)+)", rules_of(number), re.MULTILINE)
    paths = re.findall(r'"<results>/([^"]+)"', "".join(sections))
    assert all(path.startswith(RULES[number].stem) for path in paths)
    return {
        path.removeprefix(f"{RULES[number].stem}/").replace("{{", "{").replace("}}", "}")
        for path in paths
    }


@pytest.fixture(scope="module")
def edges(tmp_path_factory):
    """Return (from, to) of the stages' numbers in Snakemake's own graph of the rules."""
    folder = make_workspace(tmp_path_factory.mktemp("graph"), TINY)
    done = snakemake(folder, "--rulegraph")
    assert done.returncode == 0, done.stdout
    stage_of = {
        rule: number
        for number in RULES
        for rule in re.findall(r"^(?:rule|checkpoint) (\w+):", rules_of(number), re.MULTILINE)
    }
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', done.stdout))
    pairs = re.findall(r"(\d+) -> (\d+)", done.stdout)
    numbers = [tuple(stage_of.get(names[node]) for node in pair) for pair in pairs]
    return {(a, b) for a, b in numbers if a and b and a != b}


def test_every_stage_has_its_row():
    assert list(table()) == [path.stem[3:] for _, path in sorted(RULES.items())]


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_what_its_rules_write(stage):
    _, writes, look_at = table()[stage]
    assert set(spelled_out(writes)) == outputs(STAGES[stage])
    assert set(look_at) <= set(spelled_out(writes))


def test_a_stage_reads_what_its_rules_wait_for(edges):
    for stage, (reads, _, _) in table().items():
        assert set(reads) == {a for a, b in edges if b == STAGES[stage]}, stage


def test_the_drawing_shows_arrows_of_the_rules_and_every_stage(edges):
    drawing = re.search(r"```mermaid\n(.*?)```", PAGE, re.DOTALL).group(1)
    drawn = set()
    for line in drawing.splitlines()[1:]:
        nodes = [
            re.match(r"\w+", part.strip()).group() for part in re.split(r"-\..*?\.->|-->", line)
        ]
        drawn |= set(itertools.pairwise(nodes))
    arrows = {(STAGES[a], STAGES[b]) for a, b in drawn if a in STAGES and b in STAGES}
    assert arrows <= edges
    assert {number for arrow in arrows for number in arrow} == set(RULES)


def test_every_file_of_the_walk_exists():
    walk = PAGE[PAGE.index("## One pair") :]
    for path in re.findall(r"`([\w/]+(?:\.py|/))`", walk):
        assert (ROOT / "workflow_scripts/virtual_staining" / path).exists(), path
