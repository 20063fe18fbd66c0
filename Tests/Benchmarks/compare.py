"""Times the workloads of workloads.json here and in PyTorch and JAX, all sides interleaved; see README.md.

    ./dev bench [workload …] [--repeats 3] [--seconds 2] [--cores 1 2] [--check]

Peers run in BENCH_PYTHON, a python3 with torch, jax and safetensors, else in an environment made in .build/bench-venv.
"""
import argparse
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]
work = root / ".build/bench"
syzygy = root / ".build/release/syzygy"
workloads = json.loads((here / "workloads.json").read_text())
tolerance = 1e-4  # relative, f32


def say(text):
    print(text, file=sys.stderr, flush=True)


class Failure(Exception):
    pass


def run(command, cores):
    """The standard output of a command that may use the first cores only; Failure with the end of its errors."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            preexec_fn=lambda: os.sched_setaffinity(0, allowed))
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines() or [f"status {result.returncode}"]
        raise Failure(lines[-1])
    return result.stdout


def peers_python():
    """A python3 that has the peers, installed if need be; None if that fails."""
    def has_peers(python):
        try:
            return subprocess.run([python, "-c", "import torch, jax, safetensors"], capture_output=True).returncode == 0
        except OSError:
            return False

    given = os.environ.get("BENCH_PYTHON")
    if given and not has_peers(given):
        sys.exit(f"BENCH_PYTHON={given}: cannot import torch, jax and safetensors")
    environment = root / ".build/bench-venv"
    python = given or str(environment / "bin/python")
    if not has_peers(python):
        say(f"installing PyTorch and JAX into {environment} (large; once)")
        try:
            run([sys.executable, "-m", "venv", environment], 1)
            run([python, "-m", "pip", "install", "-q", "torch", "jax", "numpy", "safetensors"], 1)
        except Failure as failure:
            say(f"the peers cannot be installed ({failure}); only our side is timed")
            return None
    return python


def ours(name, cores, *words):
    return run([syzygy, "bench", name, "--threads", cores, *words], cores)


def peer(python, side, name, cores, *words):
    library, mode = side.split("-")
    output = run([python, here / f"peers/{library}_peer.py", mode, work / f"{name}.json", *words], cores)
    return json.loads(output.splitlines()[-1])


def check(name, python):
    """Whether all sides compute the same from the same parameters and rows."""
    describe = ["--json", "--seconds", 0.1]
    described = json.loads(ours(name, 1, *describe))
    changes = []
    if described["work"] == "step":
        # One batch, the same at every step; a decay that four steps show.
        rows = described["configuration"]["train"]["batch_size"]
        changes = ["train.batch_size=full", f"dataset.train_rows={rows}", "optimizer.weight_decay=1"]
    (work / f"{name}.json").write_text(ours(name, 1, *changes, *describe))
    exported = work / f"{name}.safetensors"
    ours(name, 1, *changes, "--export", exported)
    good = True
    for side in workloads[name]["peers"] if python else []:
        error = peer(python, side, name, 1, "--check", exported)["error"]
        say(f"  {side:12} differs by {error:.1e}" + ("" if error <= tolerance else f", more than {tolerance}: NOT THE SAME"))
        good = good and error <= tolerance
    return good


def measure(name, python, cores, seconds):
    """One round of one workload: a dictionary for each side."""
    result = json.loads(ours(name, cores, "--json", "--seconds", seconds))
    (work / f"{name}.json").write_text(json.dumps(result))
    sides = {"syzygy": result}
    for side in workloads[name]["peers"] if python else []:
        sides[side] = peer(python, side, name, cores, "--seconds", seconds)
    say(f"{name}, {cores} core(s): " + ", ".join(f'{side} {r["us_per_step"]:,.1f}' for side, r in sides.items()))
    return sides


def median(rounds, side, key):
    return statistics.median(r[side][key] for r in rounds)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def table(results, columns):
    """Rows for each workload and number of cores: microseconds, and how many of the peer's ours take."""
    head = ["workload", "cores", "Syzygy", "of peak", "first step", "memory", *columns, "aim", ""]
    rows = []
    for (name, cores), rounds in results.items():
        mine, aim = median(rounds, "syzygy", "us_per_step"), workloads[name]["aim"]
        first = statistics.median(r["syzygy"]["first_step_ms"]["total"] for r in rounds)
        row = [name, str(cores), number(mine), f'{100 * median(rounds, "syzygy", "share_of_peak"):.0f} %',
               f"{number(first)} ms", f'{number(median(rounds, "syzygy", "peak_memory_mb"))} MB']
        for side in columns:
            if side in rounds[0]:
                theirs = median(rounds, side, "us_per_step")
                row.append(f'{number(theirs)} (×{mine / theirs:.2f}; {number(median(rounds, side, "peak_memory_mb"))} MB)')
            else:
                row.append("")
        row.append(f'≤ {aim["ratio"]} × {" or ".join(aim["than"]) if len(aim["than"]) == 1 else "best"}')
        best = min((median(rounds, side, "us_per_step") for side in aim["than"] if side in rounds[0]), default=None)
        row.append("" if best is None else f"×{mine / best:.2f}" + (", met" if mine <= aim["ratio"] * best else ""))
        rows.append(row)
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    line = lambda row: "| " + " | ".join(text.ljust(width) for text, width in zip(row, widths)) + " |"
    return "\n".join([line(head), line(["-" * width for width in widths]), *map(line, rows)])


def page(results, failures, columns, options, load):
    """The results of a day."""
    rounds = next(iter(results.values()), None)
    host = rounds[0]["syzygy"]["host"] if rounds else {}
    versions = sorted({r["version"] for rounds in results.values() for sides in rounds for r in sides.values()
                       if "version" in r})
    lines = [f"# {datetime.date.today()}", "",
             f"`./dev bench {' '.join(sys.argv[1:])}`".replace(" `", "`") + f": medians of {options.repeats} rounds; "
             "µs per step, in brackets how many times theirs ours is, and the side's peak memory.", "",
             f"{host.get('cpu', '')}, {host.get('cores', '')} cores, {host.get('os', '')}; load before the start {load:.2f}; "
             + ", ".join(["Syzygy " + host.get("version", ""), *versions]) + ".", "",
             table(results, columns)]
    if load > 0.3:
        lines += ["", "The machine was busy: these numbers say little."]
    if failures:
        lines += ["", "Not timed:", ""] + [f"- {name}: {reason}" for name, reason in failures.items()]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench")
    parser.add_argument("workloads", nargs="*", metavar="workload", help=", ".join(workloads))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="for each measurement")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--check", action="store_true", help="only compare what the sides compute")
    options = parser.parse_args()
    if unknown := [name for name in options.workloads if name not in workloads]:
        parser.error(f"no workload is called {unknown[0]!r} (there are {', '.join(workloads)})")
    load, available = os.getloadavg()[0], len(os.sched_getaffinity(0))
    work.mkdir(parents=True, exist_ok=True)
    python = peers_python()

    names, failures = options.workloads or list(workloads), {}
    for name in names:
        say(f"checking {name}")
        try:
            if not check(name, python):
                failures[name] = "a peer computes something else"
        except Failure as failure:
            failures[name] = str(failure)
            say(f"  {failure}")
    results = {}
    if not options.check:
        for _ in range(options.repeats):
            for cores in [n for n in options.cores if n <= available]:
                for name in [n for n in names if n not in failures]:
                    try:
                        results.setdefault((name, cores), []).append(measure(name, python, cores, options.seconds))
                    except Failure as failure:
                        failures[name] = str(failure)
                        say(f"{name}: {failure}")
        timed = [(name, cores) for name in names for cores in options.cores if (name, cores) in results]
        results = {key: results[key] for key in timed if key[0] not in failures}
        columns = list(dict.fromkeys(side for name, _ in results for side in workloads[name]["peers"])) if python else []
        text = page(results, failures, columns, options, load)
        print(text)
        if not options.workloads:
            (here / "results").mkdir(exist_ok=True)
            (here / f"results/{datetime.date.today()}.md").write_text(text)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
