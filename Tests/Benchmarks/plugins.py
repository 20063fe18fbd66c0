"""What calling, finding and isolating plugins costs, beside Python's entry points and ctypes; see README.md.

    ./dev bench plugins [--repeats 5] [--study STUDY] [overrides …]
"""
import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

here = pathlib.Path(__file__).resolve().parent
root = here.parents[1]
work = root / ".build/bench/plugins"
syzygy = root / ".build/release/syzygy"
clang = os.environ.get("CC", "clang")

ctypes_peer = r"""
import ctypes, json, sys, time
def bind(path):
    function = ctypes.CDLL(path).bench_eight
    c = ctypes
    function.argtypes = [c.POINTER(c.c_double), c.c_int64, c.c_int64, c.c_double, c.c_int32, c.c_uint64, c.c_int64,
                         c.POINTER(c.c_double)]
    function.restype = None
    return function
begin = time.perf_counter(); function = bind(sys.argv[1]); first = time.perf_counter() - begin
binds = []
for _ in range(50):
    begin = time.perf_counter(); bind(sys.argv[1]); binds.append(time.perf_counter() - begin)
x, out = (ctypes.c_double * 2)(3, 0), (ctypes.c_double * 1)()
best = float("inf")
for _ in range(100):
    begin = time.perf_counter()
    for i in range(2000): function(x, 1, 1, 2.0, 1, 1, i, out)
    best = min(best, (time.perf_counter() - begin) / 2000)
print(json.dumps({"call": best, "first_bind": first, "bind": sorted(binds)[25]}))
"""

entry_points_peer = r"""
import importlib.metadata, sys
sys.path.insert(0, sys.argv[1])
print(len([(e.name, e.value, e.dist.metadata["Summary"]) for e in importlib.metadata.entry_points(group="bench")]))
"""


def output(*command, **variables):
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE,
                          env=dict(os.environ, **variables)).stdout


def seconds(command, **variables):
    begin = time.perf_counter()
    output(*command, **variables)
    return time.perf_counter() - begin


def plugin():
    """The plugin of calls, built."""
    folder = work / "plugin"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(here / "plugin/plugin.json", folder)
    output(clang, "-O2", "-shared", "-fPIC", "-o", folder / "libbench.so", here / "plugin/bench.c")
    return folder


def manifests(count):
    """A root of an installation without plugins, and a folder of copies of the shipped manifests under other ids."""
    shipped, folder = sorted((root / "Plugins").glob("*/plugin.json")), work / f"manifests-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(count):
        text = shipped[i % len(shipped)].read_text()
        own = json.dumps(json.loads(text)["id"])
        (folder / f"p{i:03}").mkdir(parents=True)
        (folder / f"p{i:03}/plugin.json").write_text(text.replace(own, f'{own[:-1]}.copy{i}"', 1))
    (work / "root").mkdir(exist_ok=True)
    shutil.copytree(root / "Schemas", work / "root/Schemas", dirs_exist_ok=True)
    return folder


def distributions(count):
    """As many installed packages, for importlib.metadata."""
    folder = work / f"distributions-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    for i in range(count):
        info = folder / f"p{i}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: p{i}\nVersion: 1.0\nSummary: The plugin {i}.\n")
        (info / "entry_points.txt").write_text(f"[bench]\nentry{i} = p{i}.module:function\n")
    return folder


def study(file, mode, overrides):
    """Seconds of a study from nothing, and the values it recorded."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        begin = time.perf_counter()
        output(syzygy, "run", file, "--quiet", "--isolate", mode, "--out", folder, *overrides)
        return time.perf_counter() - begin


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def main():
    parser = argparse.ArgumentParser(prog="./dev bench plugins")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--study", type=pathlib.Path, default=root / "Plugins/Alignment/studies/crh-digits.yaml")
    parser.add_argument("overrides", nargs="*", help="changes of the study")
    options = parser.parse_args()
    work.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    folder, many, packages = plugin(), manifests(200), distributions(200)
    host, peer, listing, entries = [], [], [], []
    modes = {"none": [], "probes": [], "all": []}
    for _ in range(options.repeats):
        host.append(json.loads(output(syzygy, "bench-plugins", folder)))
        peer.append(json.loads(output(sys.executable, "-c", ctypes_peer, folder / "libbench.so")))
        for _ in range(10):
            listing.append(seconds([syzygy, "plugin", "list", "--plugin-path", many], SYZYGY_ROOT=str(work / "root")))
            entries.append(seconds([sys.executable, "-c", entry_points_peer, packages]))
    for repeat in range(options.repeats):
        for mode in sorted(modes, reverse=repeat % 2 == 0):  # in turns
            modes[mode].append(study(options.study, mode, options.overrides))

    def median(rounds, key):
        return statistics.median(r[key] for r in rounds)

    direct, bound = min(r["direct_call"] for r in host), min(r["bound_call"] for r in host)
    copying = statistics.median(r["copied_bytes"] / max(r["copying"], 1e-9) for r in host) / 1e9
    trip = median(host, "round_trip") - median(host, "in_process")
    slower = statistics.median(b / a - 1 for a, b in zip(modes["none"], modes["probes"]))
    slowest = statistics.median(b / a - 1 for a, b in zip(modes["none"], modes["all"]))
    ctypes_call = min(r["call"] for r in peer)
    rows = [
        ("a call with 8 arguments, above a direct call in C", f"{1e9 * (bound - direct):.0f} ns",
         f"ctypes {1e9 * (ctypes_call - direct):.0f} ns; the direct call {1e9 * direct:.1f} ns", "≤ 150 ns", bound - direct <= 150e-9),
        ("binding a plugin, its library opened for the first time", f'{1e3 * median(host, "first_bind"):.2f} ms',
         f'ctypes {1e3 * median(peer, "first_bind"):.2f} ms', "≤ 1 ms", median(host, "first_bind") <= 1e-3),
        ("the same, library open", f'{1e3 * median(host, "bind"):.3f} ms', f'ctypes {1e3 * median(peer, "bind"):.3f} ms', "≤ 1 ms",
         median(host, "bind") <= 1e-3),
        ("listing 200 manifests, all checked, cold process", f"{1e3 * statistics.median(listing):.0f} ms",
         f"importlib.metadata {1e3 * statistics.median(entries):.0f} ms", "≤ 50 ms", statistics.median(listing) <= 50e-3),
        ("a measurement in another process, above one in this", f"{1e6 * trip:.1f} µs", "", "≤ 10 µs", trip <= 10e-6),
        ("copying its arrays there (64 MiB)", f"{copying:.1f} GB/s", "", "≥ 5 GB/s", copying >= 5),
        (f"{options.study.stem}, all probes and datasets isolated, above none",
         f"{100 * slower:+.1f} %", f'{statistics.median(modes["none"]):.2f} s without', "≤ 5 %", slower <= 0.05),
        ("the same, also the regularizer in every step", f"{100 * slowest:+.1f} %", "", "", False),
    ]
    lines = ["| what | Syzygy | beside it | aim | |", "| --- | --- | --- | --- | --- |"]
    lines += ["| " + " | ".join([*row[:4], "met" if row[4] else ""]) + " |" for row in rows]
    text = "\n".join([
        f"# {datetime.date.today()}, plugins", "",
        f"`./dev bench plugins {' '.join(sys.argv[1:])}`".replace(" `", "`") + f": {options.repeats} rounds; the fastest call, medians of the rest. "
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}; load before the start {load:.2f}.", "", *lines])
    if load > 0.3:
        text += "\n\nThe machine was busy: these numbers say little."
    print(text)
    if not options.overrides:
        (here / f"results/{datetime.date.today()}-plugins.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
