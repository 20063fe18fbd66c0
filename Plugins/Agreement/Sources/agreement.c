/* Two networks that were trained alike: predictions and parameters. Formulas: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

static int64_t largest(const double *row, int64_t d) {
    int64_t best = 0;
    for (int64_t j = 1; j < d; j++)
        if (row[j] > row[best]) best = j;
    return best;
}

/* p, q: [n, d] outputs of the two for the same rows; of one column the sign decides. labels: [n], or null. */
void agreement(const double *p, const double *q, const int32_t *labels, int64_t n, int64_t d, double *agreement,
               double *both_wrong, char *message, size_t size) {
    int64_t equal = 0, wrong = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t a = d == 1 ? p[i] > 0 : largest(p + i * d, d), b = d == 1 ? q[i] > 0 : largest(q + i * d, d);
        equal += a == b;
        wrong += labels && a != labels[i] && b != labels[i];
    }
    *agreement = (double)equal / (double)n;
    if (labels)
        *both_wrong = (double)wrong / (double)n;
    else
        snprintf(message, size, "no_labels");
}

/* v, w: [n] parameters of the two. */
void weight_distance(const double *v, const double *w, int64_t n, double *distance, double *cosine, char *message,
                     size_t size) {
    double vv = 0, ww = 0, vw = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        vv += v[i] * v[i], ww += w[i] * w[i], vw += v[i] * w[i];
        square += (v[i] - w[i]) * (v[i] - w[i]);
    }
    *distance = sqrt(square);
    if (vv == 0 || ww == 0)
        snprintf(message, size, "zero_parameters");
    else
        *cosine = fmax(-1, fmin(1, vw / (sqrt(vv) * sqrt(ww))));
}
