/* A straight line through points, and the eigenbasis that projections are made with. */
#pragma once
#include "syzygy.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

enum { fewest_points = 5 };
static const double shortest_range = 0.5; /* decades */

typedef struct {
    int64_t points;
    double mean_x, mean_y, xx, xy, yy; /* centred sums */
    double low, high;
} line_fit;

/* Welford's update: the sums stay centred, so a nearly constant y keeps its digits. */
static inline void add_point(line_fit *fit, double x, double y) {
    fit->low = fit->points ? fmin(fit->low, x) : x;
    fit->high = fit->points ? fmax(fit->high, x) : x;
    double n = (double)++fit->points, dx = x - fit->mean_x, dy = y - fit->mean_y;
    fit->mean_x += dx / n;
    fit->mean_y += dy / n;
    fit->xx += dx * (x - fit->mean_x);
    fit->xy += dx * (y - fit->mean_y);
    fit->yy += dy * (y - fit->mean_y);
}

/* NULL, or why there is no slope; r2 stays as it is where y does not vary (`no_variation`). */
static inline const char *line(const line_fit *fit, double *slope, double *intercept, double *r2) {
    if (fit->points < fewest_points) return "too_few_points";
    if (fit->high - fit->low < shortest_range) return "short_range";
    *slope = fit->xy / fit->xx;
    *intercept = fit->mean_y - *slope * fit->mean_x;
    /* With y constant to rounding there is no variance to explain. */
    if (!(fit->yy > 1e-20 * (double)fit->points)) return "no_variation";
    *r2 = fmin(1, fit->xy / fit->xx * fit->xy / fit->yy);
    return NULL;
}

static inline double largest_entry(const double *a, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    return largest;
}

static inline syzygy_status undefined(const char *reason, char *message, size_t size) {
    snprintf(message, size, "%s", reason);
    return SYZYGY_UNDEFINED;
}

/* basis [d + 1, d]: eigenvalues, descending, and eigenvectors as rows. How many values are above cutoff * the largest. */
static inline int64_t kept_modes(const double *basis, int64_t d, double cutoff) {
    int64_t kept = 1;
    while (kept < d && basis[kept] > cutoff * basis[0]) kept++;
    return kept;
}

/* A projection y_i is known up to about d * epsilon of the largest one; those above this are known to 1 %, that is to 0.004 in
 * the logarithm. */
static inline double noise_of(const double *y, int64_t count, int64_t d) {
    return 100 * (double)d * DBL_EPSILON * largest_entry(y, count);
}

/* y_i = u_i^T (x/unit) u_i of the first `count` modes. product [d, d] is scratch, its first `count` rows become U x/unit. */
static inline void project(const syzygy_linalg *linalg, const double *x, double unit, const double *basis, int64_t d,
                           int64_t count, double *product, double *y) {
    const double *u = basis + d;
    linalg->gemm(linalg->context, 0, 0, count, d, d, 1 / unit, u, x, 0, product);
    for (int64_t i = 0; i < count; i++) {
        y[i] = 0;
        for (int64_t j = 0; j < d; j++) y[i] += product[i * d + j] * u[i * d + j];
    }
}
