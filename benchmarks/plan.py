"""Planning of the workflow at growing cohorts: seconds, memory, jobs, files.

    python benchmarks/plan.py [--samples 53 500 5000]

Each cohort is a sheet of single-section volumes of which nothing has been computed, so that every
job is to run: the largest plan there is, with the configuration's models and folds, through
``profiles/slurm-gpu``. A dry run is timed in a process of its own, first until Snakemake has built
its graph (what a real run does before the first submission, reported as ``plan_s``), then until it
has described every job of it (what only a dry run does, ``list_s``). CPU seconds stand beside them:
on a busy machine they say more. Memory is the process's peak. Files are the outputs that
the jobs declare, a folder counted once, without logs.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("Snakefile", "config.yaml", "rules", "workflow_scripts", "envs", "profiles")
MATERIALS = ("Mg", "Mg", "Mg", "Ti", "PEEK")
COLUMNS = ("sample", "volume", "slide", "stain", "material", "role")
COLUMNS += ("voxel_size_um", "slide_pixel_um")
TARGET_S, TARGET_GB = 60, 1.0


def make_study(folder: Path, samples: int) -> None:
    """Link the workflow into a folder beside a sheet whose raw files are empty."""
    for part in PARTS:
        (folder / part).symlink_to(ROOT / part)
    (folder / "raw").mkdir()
    rows = ["\t".join(COLUMNS)]
    for number in range(samples):
        sample = f"specimen-{number:05d}"
        for suffix in ("mha", "svs"):
            (folder / f"raw/{sample}.{suffix}").touch()
        role = "test" if number % 18 == 0 else "crossval"  # the paper's 3 of 53
        files = f"raw/{sample}.mha\traw/{sample}.svs"
        material = MATERIALS[number % len(MATERIALS)]
        rows.append(f"{sample}\t{files}\ttoluidine_blue\t{material}\t{role}\t1.2\t0.88")
    (folder / "samples.tsv").write_text("\n".join(rows) + "\n")


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plan(samples: int) -> dict:
    """Plan one cohort in a fresh process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_study(folder, samples)
        command = [sys.executable, "-m", "snakemake", "--profile", "profiles/slurm-gpu", "-n"]
        command += ["--config", "samples=samples.tsv"]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        planned, lines = None, []
        for line in process.stdout:
            if planned is None and line.startswith("Job stats:"):
                planned = time.perf_counter() - start, cpu_s(process.pid)
            lines.append(line)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    if status or planned is None:
        sys.exit("".join(lines[-40:]))
    counts = dict(re.findall(r"^(\w+) +(\d+)$", "".join(lines), re.MULTILINE))
    return {
        "samples": samples,
        "jobs": int(counts["total"]),
        "files": sum(line.count(", ") + 1 for line in lines if line.strip().startswith("output: ")),
        "plan_s": planned[0],
        "plan_cpu_s": planned[1],
        "list_s": seconds - planned[0],
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "memory_gb": usage.ru_maxrss * 1024 / 1e9,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, nargs="+", default=[53, 500, 5000])
    args = parser.parse_args()
    print("samples    jobs    files  plan s (CPU s)  listing s   memory GB")
    rows = []
    for samples in args.samples:
        row = plan(samples)
        rows.append(row)
        print(
            f"{row['samples']:7d} {row['jobs']:7d} {row['files']:8d} {row['plan_s']:7.1f}"
            f" ({row['plan_cpu_s']:5.1f}) {row['list_s']:10.1f} {row['memory_gb']:11.2f}",
            flush=True,
        )
    last = rows[-1]
    report = {
        "cohorts": rows,
        "within_target": last["plan_s"] < TARGET_S and last["memory_gb"] < TARGET_GB,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
