"""Every path under `results` is spelled in `Results`; the rules spell none of them otherwise."""

import ast
import inspect
import re
from pathlib import Path

from virtual_staining.artefacts.folders import Folder, MetricTable
from virtual_staining.artefacts.paths import Results

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "workflow_scripts/virtual_staining"
RULES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
ANY = "ANY"  # stands for an argument


def spelled(source: Results | Folder) -> set[str]:
    """Return all paths that the properties and methods of an object give."""
    paths = set()
    for name, member in inspect.getmembers(type(source)):
        if isinstance(member, property):
            value = getattr(source, name)
        elif inspect.isfunction(member) and not name.startswith("_"):
            value = member(source, *[ANY] * (len(inspect.signature(member).parameters) - 1))
        else:
            continue
        if isinstance(value, Folder):
            paths |= {str(value.path), *spelled(value)}
        elif isinstance(value, MetricTable):
            paths |= {str(value.csv), str(value.json)}
        else:
            paths.add(str(value))
    return paths


def test_the_paths_of_the_rules_are_those_of_results():
    # A rule may name one value of what Results takes as an argument: fold-1, raw_ct.
    patterns = [re.escape(path).replace(ANY, r"(\{\}|[\w-]+)") for path in spelled(Results("R"))]
    declared = 0
    for file in RULES:
        for text in re.findall(r'"<results>(/[^"]*)"', file.read_text(encoding="utf-8")):
            path = re.sub(r"\{+[^{}]*\}+", "{}", f"R{text}").replace(".svg", ".png")
            assert any(re.fullmatch(pattern, path) for pattern in patterns), f"{file.name}: {text}"
            declared += 1
    assert declared > 50


def test_the_rules_build_no_path_from_the_config():
    for file in RULES:
        text = file.read_text(encoding="utf-8")
        built = re.findall(r"\{(?:RESULTS|config\[.results.\])\}/(?!logs|benchmarks).*", text)
        assert not built, f"{file.name}: {built}: write <results>/… instead"


def test_no_other_module_spells_a_folder_of_the_results():
    for file in set(PACKAGE.rglob("*.py")) - {PACKAGE / "artefacts/paths.py"}:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not re.match(r"/?\d\d_[a-z]+(/|$)", node.value), f"{file}:{node.lineno}"


def test_paths_of_a_study():
    results = Results("results/demo")
    assert str(results) == "results/demo"
    assert results.registered("Mg-01").valid == Path("results/demo/02_register/Mg-01/valid.tif")
    stained = results.stained("azan", "pix2pix", 3).sample("Mg-01")
    assert str(stained.ct_masked) == (
        "results/demo/07_infer/azan/pix2pix/fold-3/Mg-01/ct_masked.tif"
    )
