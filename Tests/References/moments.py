"""Kurtosis and skewness of neurons in NumPy, from the definitions on all rows at once: recomputes what the probe `kurtosis`
observed in a run.

usage: python3 moments.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record layer.input and layer.output at observed steps, of the samples that the probe takes.
"""
import numpy as np

from run_folder import main


def compare(run, comparison):
    for key, settings in run.probes("kurtosis"):
        for step, arrays in run.arrays():
            for name, x in arrays.items():
                layer, _, side = name.partition("/layer.")
                if side not in settings["of"]:
                    continue
                e = x - x.mean(0)
                deviation = np.sqrt((e**2).mean(0))
                varies = deviation > 1e-12 * abs(x.mean(0))
                z = e[:, varies] / deviation[varies]
                observed = run.observed(step, key, layer)
                expected = dict(
                    constant=1 - varies.mean(), kurtosis=(z**4).mean() if varies.any() else float("nan"),
                    skewness=(z**3).mean() if varies.any() else float("nan"))
                for output, value in expected.items():
                    comparison.check(f"{key} {side} {output} of {layer} at {step}", observed[(f"{side}.{output}", "")], value)


if __name__ == "__main__":
    main(compare, tolerance=1e-12)
