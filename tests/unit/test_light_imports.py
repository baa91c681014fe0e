"""Planning and ``--help`` load no torch, which alone takes longer than everything else of them."""

import ast
import json
import subprocess
import sys

PROGRAM = """
import contextlib, importlib, io, json, sys

guilty = []
def check(name):
    if "torch" in sys.modules and not guilty:
        guilty.append(name)

for module in json.loads(sys.argv[1]):
    importlib.import_module(module)
    check(f"the plan's import of {module}")

import virtual_staining.runtime
check("the import of runtime")

from virtual_staining.cli import find_stages, main
asked = []
def show_help(words):
    asked.append(words)
    text = io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main([*words, "--help"])
    check(" ".join([*words, "--help"]))
    return text.getvalue()

show_help([])
for stage in find_stages():
    usage = show_help([stage]).split("\\n\\n")[0]
    for action in usage.split("{")[1].split("}")[0].split(",") if "{" in usage else []:
        show_help([stage, action])
print(json.dumps({"guilty": guilty, "asked": asked}))
"""


def plan_imports(repository):
    """Return the modules of the package that the Snakefile and its rules import."""
    modules = set()
    for path in [repository / "Snakefile", *(repository / "rules").glob("*.smk")]:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("from virtual_staining"):
                modules.add(line.split()[1])
            elif line.startswith("import virtual_staining"):
                modules |= {alias.name for alias in ast.parse(line).body[0].names}
    return sorted(modules)


def test_the_plan_and_every_help_load_no_torch(repository):
    modules = plan_imports(repository)
    assert "virtual_staining.errors" in modules
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(modules)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["guilty"] == []
    for words in (["train"], ["ingest", "slide"], ["register", "section"], ["evaluate", "show"]):
        assert words in told["asked"]
