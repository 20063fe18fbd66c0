"""Times what surrounds training: the runner, the start of runs, many small runs, observations, and 1,000 finished runs.

usage: python3 studies.py [--only NAME...] [--repeats N] [--runs N]

Every number is a median over repeats, in turns where two are compared. Processor time is that of the command and of all its
workers. `cold` drops the system's file cache before (root only).
"""
import argparse
import json
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).parent
syzygy = str(here.parents[1] / ".build/release/syzygy")


def seconds(*command, cwd=None):
    """On the clock and of the processor."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    clock, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        sys.exit(f"{' '.join(command)} failed: {done.stderr}{done.stdout}")
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def study(folder, *overrides, file="studies.yaml", jobs=1, **options):
    shutil.rmtree(f"{folder}/out", ignore_errors=True)
    more = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
    return seconds(syzygy, "run", str(here / file), "--out", f"{folder}/out", "--quiet", f"--jobs={jobs}", *more, *overrides)


def row(name, value, aim):
    print(f"  {name:58} {value:>16}   aim {aim}", flush=True)


def overhead(folder, options):
    """Training through `syzygy run`, by the difference of a long and a short run, against the step that `syzygy bench` measures."""
    workloads = (("100 steps/s", "mlp-large.yaml", ["train.batch_size=160"], 200, "≤ 3 %"),
                 ("100,000 steps/s", "mlp-small.yaml", ["model.widths=[32]", "train.batch_size=96"], 300_000, "≤ 3 %"))
    for name, file, overrides, steps, aim in workloads:
        overrides = [*overrides, "train.threads=1", "train.log_every=100000"]
        found, rates = [], []
        for _ in range(options.repeats):
            bench = subprocess.run([syzygy, "bench", str(here / file), "--seconds=1.5", "--json", *overrides],
                                   capture_output=True, text=True, check=True)
            step = json.loads(bench.stdout)["us_per_step"] * 1e-6
            few, many = (study(folder, *overrides, f"train.steps={n}", file=file)[1] for n in (steps // 10, steps))
            found.append((many - few) / (0.9 * steps * step) - 1)
            rates.append(1 / step)
        row(f"runner at {name} ({statistics.median(rates):,.0f})", f"{100 * statistics.median(found):+.1f} %", aim)


def start(folder, options):
    """One more run of a step: its process, plugins, data, compilation, files."""
    found = []
    for _ in range(options.repeats):
        few, many = (study(folder, "train.steps=1", f"seeds=0..{n - 1}") for n in (5, 25))
        found.append([(b - a) / 20 * 1000 for a, b in zip(few, many)])
    clock, cpu = (statistics.median(column) for column in zip(*found))
    row("start of a run", f"{clock:.0f} ms", "≤ 200 ms")
    row("  of the processor", f"{cpu:.0f} ms", "")


def small(folder, options):
    """64 runs of 20 steps, and of about a second, on two cores against half of their processor time."""
    for name, steps in (("20 steps", 20), ("20,000 steps", 20_000)):
        found = [study(folder, f"train.steps={steps}", "seeds=0..63", jobs=2) for _ in range(options.repeats)]
        ratio = statistics.median(clock / (cpu / 2) for clock, cpu in found)
        row(f"64 runs of {name}: clock / (processor time / 2)", f"{ratio:.2f}", "≤ 1.15")


def observations(folder, options):
    """What an observation costs at the beginning of a long history and later, and in a schedule of 50."""
    def observed(count):
        # Neural collapse on all 1,797 digits, so that 50 of them are more than the noise of a start.
        steps = f"probes.fit={{plugin: neural_collapse, at: {{steps: [{', '.join(str(10 * i) for i in range(1, count + 1))}]}}}}"
        return study(folder, steps, "train.steps=20000", checkpoint_every="0.2")[1]
    found = []
    for _ in range(options.repeats):
        none, fifty, thousand, all = observed(1), observed(51), observed(1001), observed(2000)
        found.append(((fifty - none) / 50, (thousand - none) / 1000, (all - thousand) / 999))
    fifty, first, last = (1e6 * statistics.median(column) for column in zip(*found))
    row("an observation among 50", f"{fifty:.0f} µs", "")
    row("an observation of the first 1,000 of a history", f"{first:.0f} µs", "")
    row("an observation of the second 1,000", f"{last:.0f} µs", "as the first")


def thousand(folder, options):
    """Commands over many finished runs: 10 seeds of 100 settings, with 200 and 3,300 values each."""
    drop = "/proc/sys/vm/drop_caches"
    for name, at in (("few", "{log: 20}"), ("many", "{every: 1}")):
        settings = [f"optimizer.lr={{log: [0.001, 0.1, {options.runs // 10}]}}", "seeds=0..9", "train.steps=300"]
        probes = [f"probes.fit.at={at}", f"probes.norms.at={at}"]
        clock, cpu = study(folder, *settings, *probes, jobs=2)
        out = pathlib.Path(folder, "out")
        files = list(out.glob("runs/*/observations.csv"))
        size = sum(file.stat().st_size for file in files)
        lines = sum(1 for _ in open(files[0])) - 1
        print(f"{len(files):,} runs of {lines:,} values, {size / 1e6:,.0f} MB, computed in {clock:.0f} s:")
        commands = {"plan": (["plan", str(here / "studies.yaml"), "--out", str(out), *settings, *probes], "≤ 1 s"),
                    "status": (["status", str(out)], "≤ 1 s"), "table": (["table", str(out)], "≤ 1 s"),
                    "report": (["report", str(out)], "≤ 5 s, ≤ 5 MB")}
        for command, (arguments, aim) in commands.items():
            warm, cold = [], []
            for _ in range(options.repeats):
                if os.access(drop, os.W_OK):
                    subprocess.run(["sync"], check=True)
                    pathlib.Path(drop).write_text("3")
                    cold.append(seconds(syzygy, *arguments)[0])
                warm.append(seconds(syzygy, *arguments)[0])
            text = f"{statistics.median(warm):.2f} s warm"
            if cold:
                text = f"{statistics.median(cold):.2f} s cold, " + text
            row(command, text, aim)
        row("report.html", f"{(out / 'report.html').stat().st_size / 1e6:.1f} MB", "≤ 5 MB")


parts = {part.__name__: part for part in (overhead, start, small, observations, thousand)}
parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), metavar="NAME", help=", ".join(parts))
parser.add_argument("--repeats", type=int, default=5)
parser.add_argument("--runs", type=int, default=1000, help="finished runs of the last part")
options = parser.parse_args()
for name in options.only:
    with tempfile.TemporaryDirectory(prefix="syzygy-bench-") as folder:
        print(f"{name}: {parts[name].__doc__.splitlines()[0]}")
        parts[name](folder, options)
