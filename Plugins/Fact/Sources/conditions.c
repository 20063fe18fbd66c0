/* What the theorems on alignment assume: norms that do not vary, and matrices that do not move. Formulas: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

enum { rows, mean_h, squares_h, mean_g, squares_g }; /* of the squared norms */

static void add(double *mean, double *squares, double n, double x) {
    double step = x - *mean;
    *mean += step / n;
    *squares += step * (x - *mean);
}

/* h [n, d_a], g [n, d_b]: rows of one pass; sums [5]. */
void self_averaging_add(const double *h, const double *g, int64_t n, int64_t d_a, int64_t d_b, double *sums) {
    for (int64_t i = 0; i < n; i++) {
        double hh = 0, gg = 0;
        for (int64_t j = 0; j < d_a; j++) hh += h[i * d_a + j] * h[i * d_a + j];
        for (int64_t j = 0; j < d_b; j++) gg += g[i * d_b + j] * g[i * d_b + j];
        sums[rows] += 1;
        add(&sums[mean_h], &sums[squares_h], sums[rows], hh);
        add(&sums[mean_g], &sums[squares_g], sums[rows], gg);
    }
}

syzygy_status self_averaging(double *sums, double *cv_h, double *cv_g, double *h, double *g, char *message,
                             size_t size) {
    *h = sums[mean_h], *g = sums[mean_g];
    if (*h > 0) *cv_h = sqrt(sums[squares_h] / sums[rows]) / *h;
    if (*g > 0) *cv_g = sqrt(sums[squares_g] / sums[rows]) / *g;
    if (*h == 0 || *g == 0) snprintf(message, size, "%s", *h == 0 ? "zero_representation" : "zero_gradient");
    return SYZYGY_OK;
}

/* m, last: [d, d]; last becomes m. seen: 0 before the first observation. */
syzygy_status stationarity(const double *m, int64_t d, double *last, double *seen, double *change, char *message,
                           size_t size) {
    double difference = 0, before = 0;
    for (int64_t i = 0; i < d * d; i++) {
        difference += (m[i] - last[i]) * (m[i] - last[i]);
        before += last[i] * last[i];
        last[i] = m[i];
    }
    if (*seen == 0) {
        snprintf(message, size, "first_observation");
    } else if (before == 0) {
        snprintf(message, size, "zero_matrix");
    } else {
        *change = sqrt(difference / before);
    }
    *seen = 1;
    return SYZYGY_OK;
}
