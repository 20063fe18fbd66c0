"""Times all core probes at one observation (core-probes.yaml) beside PyTorch, after comparing their numbers.

usage: python3 core_probes.py [--threads N] [--samples N] [--repeats N] [--check]

Ours: the time of a run with 3 observations less that of a run with 1, halved: the first compiles. PyTorch: one call of
peers/core_probes.py after one on 500 samples, with as many threads, in turns with ours. Seconds on the clock and of the processor. Memory: the
largest resident size of the process. OPENBLAS_CORETYPE is taken out of the environment, so that both sides choose their kernels.
"""
import argparse
import csv
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch

here = pathlib.Path(__file__).parent
sys.path.insert(0, str(here / "peers"))
import core_probes  # noqa: E402

# A process of its own: a child begins with the resident size of the one that starts it.
TIMED = """
import json, resource, subprocess, sys, time
begin = time.perf_counter()
status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024]))
sys.exit(status)
"""
LAYERS = ["fc1", "fc2", "fc3", "head"]


def ours(folder, options, steps, overrides):
    """Runs the study; seconds on the clock and of the processor, and the largest resident size in MB."""
    out = f"{folder}/out"
    at = [f"probes.{key}.at={{steps: {list(steps)}}}" for key in
          ("crh", "pah", "modes", "phase", "balance", "norms", "nfa", "collapse", "ranks")]
    command = [str(here.parents[1] / ".build/release/syzygy"), "run", str(here / "core-probes.yaml"), "--out", out, "--fresh", "--quiet",
               "--jobs", "1", "--isolate", "none", f"train.threads={options.threads}", *overrides, *at]
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
    timed = subprocess.run([sys.executable, "-c", TIMED, *command], capture_output=True, text=True, env=environment)
    if timed.returncode:
        sys.exit(f"the study failed: {timed.stderr}")
    return tuple(json.loads(timed.stdout))


def check(folder, options):
    """What PyTorch makes of the recorded network, against the observations of the run."""
    record = "record={quantities: [layer.input, layer.weight, layer.bias, labels], at: last}"
    ours(folder, options, [3], [record, "dataset.train_rows=2000"])
    run = next(pathlib.Path(folder, "out/runs").iterdir())
    arrays = numpy.load(next((run / "arrays").glob("*.npz")))
    network = [torch.tensor(arrays[f"{layer}/layer.{name}"]) for name in ("weight", "bias") for layer in LAYERS]
    inputs = torch.tensor(arrays["fc1/layer.input"])
    labels = torch.tensor(arrays[next(k for k in arrays.files if k.endswith("labels"))]).long()
    found = core_probes.probes(inputs, labels, network[:4], network[4:], 1e-3)
    observed, wrong, count = {}, 0, 0
    for row in csv.DictReader(open(run / "observations.csv")):
        if row["value"]:
            observed[f'{row["probe"]}.{row["output"]}', row["layer"], row["index"]] = float(row["value"])
    for (name, layer), value in found.items():
        own = observed.get((name, "" if layer is None else LAYERS[layer], ""))
        if own is None or numpy.isnan(value):
            continue
        count += 1
        # Slopes of logarithms weigh the smallest projections fully.
        loose = name.endswith(("slope", "r2", "mean_correlation"))
        if abs(own - value) > (1e-6 if loose else 1e-9) * max(1, abs(value)):
            wrong += 1
            print(f"{name} {layer}: {own} here, {value} in PyTorch")
    print(f"{count} of {len(found)} numbers compared, {wrong} disagree")
    return wrong == 0 and count > 0.9 * len(found)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=10000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        if not check(folder, options) or options.check:
            return
        rows = [f"dataset.train_rows={options.samples}"]
        torch.manual_seed(0)
        sizes = [784, 512, 512, 512, 10]
        weights = [torch.randn(b, a) / a**0.5 for a, b in zip(sizes, sizes[1:])]
        biases = [torch.zeros(b) for b in sizes[1:]]
        x, labels = torch.randn(options.samples, 784), torch.randint(0, 10, (options.samples,))
        core_probes.probes(x[:500], labels[:500], weights, biases, 1e-3)
        times = {side: {"clock": [], "processor": []} for side in ("ours", "PyTorch")}

        def add(side, clock, processor):
            times[side]["clock"].append(clock)
            times[side]["processor"].append(processor)

        for _ in range(options.repeats):
            one = ours(folder, options, [1], rows)
            three = ours(folder, options, [1, 2, 3], rows)
            add("ours", (three[0] - one[0]) / 2, (three[1] - one[1]) / 2)
            begin = time.perf_counter(), time.process_time()
            core_probes.probes(x, labels, weights, biases, 1e-3)
            add("PyTorch", time.perf_counter() - begin[0], time.process_time() - begin[1])
        found = {side: {kind: statistics.median(values) for kind, values in own.items()} for side, own in times.items()}
        print(json.dumps(dict(
            threads=options.threads, samples=options.samples, seconds=found,
            ratio={kind: found["PyTorch"][kind] / found["ours"][kind] for kind in found["ours"]},
            ours_megabytes=one[2], torch_megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024), indent=1))


main()
