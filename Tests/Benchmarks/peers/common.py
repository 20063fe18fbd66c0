"""What the peers share: the workload as `syzygy bench --json` describes it, its rows, timing in blocks, and the result.

    python3 torch_peer.py MODE WORKLOAD.json [--seconds 2]           prints {"us_per_step", "peak_memory_mb", "version"}
    python3 torch_peer.py MODE WORKLOAD.json --check FILE.safetensors    prints {"error"}, against `syzygy bench --export`
"""
import argparse
import json
import statistics
import time

import numpy
from safetensors.numpy import load_file


class Workload:
    def __init__(self):
        parser = argparse.ArgumentParser()
        parser.add_argument("mode")
        parser.add_argument("workload")
        parser.add_argument("--seconds", type=float, default=2)
        parser.add_argument("--check")
        self.arguments = parser.parse_args()
        self.mode = self.arguments.mode
        with open(self.arguments.workload) as file:
            ours = json.load(file)
        self.work, self.threads = ours["work"], ours["threads"]
        configuration = ours["configuration"]
        self.train, self.optimizer = configuration["train"], configuration["optimizer"]
        self.model, self.loss, self.dataset = configuration["model"], configuration["loss"], configuration["dataset"]
        assert self.train["precision"] == "f32" and not self.optimizer["nesterov"] and not self.optimizer["dampening"]
        self.copies = ours["copies"]
        self.exported = load_file(self.arguments.check) if self.arguments.check else None
        self.rows = self.dataset["train_rows"]
        self.batch = self.rows if self.train["batch_size"] == "full" else self.train["batch_size"]

    def is_a(self, choice, name):
        """Whether a component, such as syzygy.mlp/mlp, is the named one."""
        return choice["plugin"].split("/")[-1] == name

    @property
    def inputs(self):
        """Shape of one row of x."""
        d = self.dataset
        if self.is_a(d, "noise_images"):
            return (d["height"], d["width"], d["channels"])
        return (d["length"],) if self.is_a(d, "random_tokens") else (d["d_in"],)

    @property
    def classes(self):
        """The number of labels; None for regression."""
        return self.dataset.get("classes", self.dataset.get("vocabulary"))

    @property
    def outputs(self):
        return self.classes or self.dataset["d_out"]

    def data(self, copies=None):
        """x and y: the exported rows, or random ones of the same shapes; `copies` adds a first axis, as an export has it."""
        is_tokens = self.is_a(self.dataset, "random_tokens")
        label = numpy.int64 if self.classes else numpy.float32
        if self.exported:
            x, y = self.exported["batch/x"], self.exported["batch/y"]
            return x.astype(numpy.int64 if is_tokens else numpy.float32), y.astype(label)
        random, lead = numpy.random.default_rng(0), (copies, self.rows) if copies else (self.rows,)
        if is_tokens:
            x = random.integers(self.classes, size=lead + self.inputs)
            return x, numpy.roll(x, -1, axis=-1)
        x = random.standard_normal(lead + self.inputs, numpy.float32)
        if self.classes:
            return x, random.integers(self.classes, size=lead)
        return x, random.standard_normal(lead + (self.outputs,), numpy.float32)

    def exported_arrays(self, prefix):
        """Exported arrays by the names of their parameters."""
        return {name.removeprefix(prefix + "/"): array for name, array in self.exported.items()
                if name.startswith(prefix + "/")}

    # Timing and checking

    def report(self, call, steps_per_call=1, factor=1, finish=lambda: None, version=""):
        """Times `call`; `finish` waits for what calls left running. `factor` scales to the whole workload."""
        seconds = self.arguments.seconds
        begin, calls = time.perf_counter(), 0
        while calls < 2 or time.perf_counter() - begin < min(0.3, seconds / 4):
            call()
            calls += 1
        finish()
        blocks, begin = [], time.perf_counter()
        while len(blocks) < 3 or time.perf_counter() - begin < seconds:
            start, calls = time.perf_counter(), 0
            while time.perf_counter() - start < 0.05:
                call()
                calls += 1
            finish()
            blocks.append((time.perf_counter() - start) / (calls * steps_per_call) * 1e6 * factor)
        with open("/proc/self/status") as status:
            (memory,) = [int(line.split()[1]) for line in status if line.startswith("VmHWM:")]
        print(json.dumps({"us_per_step": statistics.median(blocks), "peak_memory_mb": memory * 1024e-6,
                          "version": version}))

    def compare(self, results, expected):
        """Prints the largest relative difference of two lists of arrays, in the Euclidean norm of each."""
        errors = []
        for result, other in zip(results, expected, strict=True):
            result, other = numpy.asarray(result, numpy.float64), numpy.asarray(other, numpy.float64)
            assert result.shape == other.shape, (result.shape, other.shape)
            errors.append(float(numpy.linalg.norm(result - other) / numpy.linalg.norm(other)))
        print(json.dumps({"error": max(errors)}))


class Order:
    """Rows of batches: a fresh permutation for each epoch, `copies` of them side by side."""

    def __init__(self, rows, batch, permute, copies=None):
        self.rows, self.batch, self.permute, self.copies = rows, batch, permute, copies
        self.epoch, self.position = [], 0

    def next(self):
        """[(copies,) batch]"""
        if self.position == len(self.epoch):
            whole, size = self.rows // self.batch, self.rows // self.batch * self.batch
            if self.copies:
                order = self.permute(self.copies)[:, :size].reshape(self.copies, whole, self.batch).swapaxes(0, 1)
            else:
                order = self.permute(self.rows)[:size].reshape(whole, self.batch)
            self.epoch, self.position = order, 0
        self.position += 1
        return self.epoch[self.position - 1]
