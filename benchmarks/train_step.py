"""One training step here against the plain step of the code that the paper builds on.

The peer is ``train_peer.py``; ``--original`` takes its networks from a copy of PyTorch-GAN instead.
Both sides take the same batch, already in memory, in turns, each in a process of its own: what one
leaves in the allocator does not help the other. Every round is printed. The last line is JSON:
speed-ups are medians of the rounds' ratios; memory is the peak that a step adds to the process or
the GPU. ``--phases`` chooses what is measured; rounds that would end after ``--minutes`` are left
out, and the JSON says how many there were.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from train_side import Side

from virtual_staining.models.model import uses_bfloat16

PHASES = ("memory", "pix2pix", "fp32", "fast")


def peak_flops(dtype, device):
    """Operations per second of the best of some large matrix products."""
    size = 8192 if device.type == "cuda" else 1536
    a, b = (torch.rand(size, size, device=device).to(dtype) for _ in "ab")
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")  # convolutions use TF32 where there is any
    times = []
    for _ in range(6):
        start = time.perf_counter()
        (a @ b)[0, 0].item()
        times.append(time.perf_counter() - start)
    torch.set_float32_matmul_precision(before)
    return 2 * size**3 / min(times)


def compare_memory(fast, args, device):
    """Return the fast path's peak memory relative to the plain step's."""
    used = {}
    for side in ("plain", fast):
        used[side] = Side(side, "paired_cyclegan", args, device).ask("memory")
        print(f"{device.type:5} memory {side:6} {used[side] / 2**30:.2f} GiB at most", flush=True)
    return used[fast] / used["plain"]


def compare_speed(model, sides, args, device):
    """Return the seconds of every side, round by round; print them as they come."""
    prepared = {side: Side(side, model, args, device) for side in sides}
    # All are asked before the first is timed: none may prepare itself during another's step.
    flops = {side: process.ask("flops") for side, process in prepared.items()}
    for process in prepared.values():
        process.ask("seconds")
    times = {side: [] for side in sides}
    for n in range(args.pairs):
        began = time.monotonic()
        for side, process in prepared.items():
            times[side].append(process.ask("seconds"))
        latest = {side: values[-1] for side, values in times.items()}
        row = "  ".join(f"{s} {t:.4g} s x {latest['plain'] / t:.2f}" for s, t in latest.items())
        print(f"{device.type:5} {model} {n + 1}/{args.pairs}: {row}", flush=True)
        now = time.monotonic()
        if n + 1 < args.pairs and now + (now - began) > args.deadline:
            print(f"{device.type:5} {model}: no time for a round after {n + 1}", flush=True)
            break
    for side in sides:
        ratios = gains(times, side)
        step_s = statistics.median(times[side])
        peak = peak_flops(torch.bfloat16 if side == "bf16" else torch.float32, device)
        print(
            f"{device.type:5} {model:16} {side:6} {step_s:8.4f} s/step {1 / step_s:8.3f} steps/s"
            f"   x {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            f"   {flops[side] / 1e9:.0f} GFLOP, {flops[side] / step_s / peak:.0%} of the matrix"
            " peak",
            flush=True,
        )
    return times


def gains(times, side):
    return [a / b for a, b in zip(times["plain"], times[side], strict=True)]


def bench(device, args):
    """Measure the chosen phases, the shortest first; return the JSON's keys without the device."""
    # The fast path is what `precision: auto` picks on this chip.
    fast = "bf16" if uses_bfloat16("auto", device) or args.bf16 else "fp32"
    print(f"{device.type:5} fast path: {fast}", flush=True)
    figures = {}
    if "memory" in args.phases:
        figures["memory_ratio"] = compare_memory(fast, args, device)
    if "pix2pix" in args.phases:
        times = compare_speed("pix2pix", list(dict.fromkeys(["plain", fast])), args, device)
        figures["pix2pix_speedup_fast"] = statistics.median(gains(times, fast))
        figures["pix2pix_rounds"] = len(times[fast])
        figures["pix2pix_step_s"] = statistics.median(times[fast])
    chosen = {"fp32": "fp32", "fast": fast}
    chosen = {phase: side for phase, side in chosen.items() if phase in args.phases}
    if chosen:
        sides = list(dict.fromkeys(["plain", *chosen.values()]))
        times = compare_speed("paired_cyclegan", sides, args, device)
        for phase, side in chosen.items():
            figures[f"speedup_{phase}"] = statistics.median(gains(times, side))
            figures[f"step_{phase}_s"] = statistics.median(times[side])
        figures["rounds"] = len(times["plain"])
    return {key: round(value, 4) for key, value in figures.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phases", nargs="+", choices=PHASES, default=PHASES)
    parser.add_argument("--pairs", type=int, default=5, help="interleaved rounds (default: 5)")
    parser.add_argument("--minutes", type=float, default=15, help="for each device (default: 15)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--patch-px", type=int, help="instead of the configured size")
    parser.add_argument("--batch", type=int, help="instead of the configured size")
    parser.add_argument("--small", action="store_true", help="small networks and patches: a trial")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 as the fast path anyway")
    parser.add_argument("--original", help="folder of a copy of PyTorch-GAN to run against")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.original and not (Path(args.original) / "implementations").is_dir():
        sys.exit(f"{args.original}: no implementations/ there: not a copy of PyTorch-GAN")
    if args.original and args.small:
        sys.exit("--small: the original's networks have one size only")
    result = {}
    for name in ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]:
        args.deadline = time.monotonic() + 60 * args.minutes
        for key, value in bench(torch.device(name), args).items():
            bare = name == "cpu" and key in ("memory_ratio", "pix2pix_speedup_fast")
            result[key if bare else f"{'gpu' if name == 'cuda' else 'cpu'}_{key}"] = value
    print(json.dumps(result))


if __name__ == "__main__":
    main()
