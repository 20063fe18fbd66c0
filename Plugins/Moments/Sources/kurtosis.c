/* Third and fourth moments of each neuron, collected over passes of rows. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* A standard deviation below this part of the mean is rounding. */
static const double resolution = 1e-12;

/* x: [n, d], some rows. Merges their central sums m2, m3, m4 and means, [d] each, with those of the `count` rows before. */
void kurtosis_add(const double *x, int64_t n, int64_t d, int64_t *count, double *mean, double *m2, double *m3, double *m4) {
    if (n == 0) return;
    const double a = (double)*count, b = (double)n, all = a + b;
    for (int64_t j = 0; j < d; j++) {
        double sum = 0, s2 = 0, s3 = 0, s4 = 0;
        for (int64_t i = 0; i < n; i++) sum += x[i * d + j];
        const double own = sum / b;
        for (int64_t i = 0; i < n; i++) {
            const double e = x[i * d + j] - own, square = e * e;
            s2 += square, s3 += square * e, s4 += square * square;
        }
        const double t = own - mean[j], step = t / all;
        m4[j] += s4 + t * step * step * step * a * b * (a * a - a * b + b * b)
                 + 6 * step * step * (a * a * s2 + b * b * m2[j]) + 4 * step * (a * s3 - b * m3[j]);
        m3[j] += s3 + t * step * step * a * b * (a - b) + 3 * step * (a * s2 - b * m2[j]);
        m2[j] += s2 + t * step * a * b;
        mean[j] += step * b;
    }
    *count += n;
}

/* Means over the neurons that vary. */
syzygy_status kurtosis(int64_t *count, double *mean, double *m2, double *m3, double *m4,
                       int64_t d, double *kurtosis, double *skewness, double *constant, char *message, size_t size) {
    const double n = (double)*count;
    double fourth = 0, third = 0;
    int64_t varying = 0;
    for (int64_t j = 0; j < d; j++) {
        const double deviation = sqrt(m2[j] / n);
        if (deviation <= resolution * fabs(mean[j])) continue;
        varying++;
        fourth += m4[j] / n / (deviation * deviation) / (deviation * deviation);
        third += m3[j] / n / (deviation * deviation) / deviation;
    }
    *constant = (double)(d - varying) / (double)d;
    if (varying == 0) {
        snprintf(message, size, "constant_layer");
        return SYZYGY_OK;
    }
    *kurtosis = fourth / (double)varying;
    *skewness = third / (double)varying;
    return SYZYGY_OK;
}
