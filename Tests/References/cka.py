"""Linear CKA of pairs of layers in NumPy, from the definitions with n x n matrices: recomputes what the probes `cka` and
`cka_debiased` observed in a run.

usage: python3 cka.py RUN_FOLDER     (exit status 1 if a value disagrees)

The study must record layer.input and layer.output at observed steps, of the samples that the probes take.
"""
import numpy as np

from run_folder import main


def cka(x, y):
    n = len(x)
    h = np.eye(n) - 1 / n
    k, l = h @ x @ x.T @ h, h @ y @ y.T @ h
    return np.vdot(k, l) / (np.linalg.norm(k) * np.linalg.norm(l))


def hsic_1(k, l):
    """Song et al. 2012, equation 5."""
    n, ones = len(k), np.ones(len(k))
    k, l = k - np.diag(np.diag(k)), l - np.diag(np.diag(l))
    total = np.vdot(k, l) + ones @ k @ ones * (ones @ l @ ones) / ((n - 1) * (n - 2))
    return (total - 2 / (n - 2) * (ones @ k @ l @ ones)) / (n * (n - 3))


def debiased(x, y):
    # Centring changes nothing in exact arithmetic, and keeps digits.
    x, y = x - x.mean(0), y - y.mean(0)
    k, l = x @ x.T, y @ y.T
    return hsic_1(k, l) / np.sqrt(hsic_1(k, k) * hsic_1(l, l))


def compare(run, comparison):
    for name, function in [("cka", cka), ("cka_debiased", debiased)]:
        for key, settings in run.probes(name):
            for step, arrays in run.arrays():
                for side in settings["of"]:
                    layers = {
                        array.split("/layer.")[0]: values
                        for array, values in arrays.items() if array.endswith(f"/layer.{side}")
                    }
                    for first in layers:
                        for second in layers:
                            observed = run.observed(step, key, f"{first}:{second}")
                            if observed:
                                comparison.check(
                                    f"{name} {side} {first}:{second} at {step}", observed[(f"{side}.cka", "")],
                                    function(layers[first], layers[second]))


if __name__ == "__main__":
    main(compare, tolerance=1e-12)
