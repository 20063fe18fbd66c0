"""Intervals of neural collapse by the ordinary bootstrap in NumPy: every replicate draws as many rows as there are, one by one.

usage: python3 bootstrap.py RUN_FOLDER [SHARE]     (exit status 1 if an interval disagrees)

The study has a probe neural_collapse with `bootstrap` and records head.input, head.weight, model.output, labels (and head.bias) at its
steps. Written apart from the host, which draws groups of rows and combines what it has of them: here the rows themselves are drawn,
and every number is formed anew from its definition. SHARE (1) draws only so many of the rows: another interval, to see that one is noticed.

The host's 32 groups know the variance of a number to about 1/sqrt(2 31) = 13 %, of its standard deviation. So two intervals agree if
widths differ by less than 40 % (three times that) and middles by less than 40 % of half a width; of all numbers together the mean
ratio of widths is within 20 % of 1.
"""
import sys

import numpy as np

from neural_collapse import classifier_collapse
from run_folder import Run

OUTPUTS = ("nc1", "nc1_quotient", "nc1_cdnv", "nc2_equinorm_means", "nc2_angle_means", "nc2_etf_means", "nc3", "nc3_centred_w",
           "nc3_structure", "mean_logit")
REPLICATES = 1000


def basic_interval(estimate, replicates):
    low, high = np.quantile(replicates, [0.025, 0.975])
    return 2 * estimate - high, 2 * estimate - low


def main(folder, share):
    run, random = Run(folder), np.random.default_rng(5)
    ratios, wrong = [], 0
    for step, arrays in run.arrays():
        h, y, w, z = (arrays[key] for key in ("head.input", "labels", "head.weight", "model.output"))
        b = arrays.get("head.bias", np.zeros(len(w)))

        def measure(rows):
            return classifier_collapse(h[rows], y[rows], w, b, z[rows])

        whole = measure(np.arange(len(h)))
        drawn = [measure(random.integers(0, len(h), round(share * len(h)))) for _ in range(REPLICATES)]
        for key, _ in run.probes("neural_collapse"):
            observed = run.observed(step, key)
            for output in OUTPUTS:
                low, high = observed[output + ".low", ""], observed[output + ".high", ""]
                own_low, own_high = basic_interval(whole[output], [replicate[output] for replicate in drawn])
                ratio = (high - low) / (own_high - own_low)
                shift = (high + low - own_high - own_low) / (own_high - own_low)
                agrees = abs(np.log(ratio)) < np.log(1.4) and abs(shift) < 0.4
                ratios.append(ratio)
                wrong += not agrees
                print(f"step {step}, {output}: {low:.5g} ... {high:.5g}, NumPy {own_low:.5g} ... {own_high:.5g}, "
                      f"width {ratio:.3f}, shift {shift:+.3f}{'' if agrees else ': disagrees'}")
    mean = np.exp(np.mean(np.log(ratios)))
    print(f"{len(ratios)} intervals compared, {wrong} disagree; mean ratio of widths {mean:.3f}")
    return 1 if wrong or not ratios or abs(np.log(mean)) > np.log(1.2) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1))
