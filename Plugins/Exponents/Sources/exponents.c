/* Power laws between a layer's matrices, by projection on the eigenbasis of the weight Gram. Formulas: ../README.md */
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
static void add_point(line_fit *fit, double x, double y) {
    fit->low = fit->points ? fmin(fit->low, x) : x;
    fit->high = fit->points ? fmax(fit->high, x) : x;
    double n = (double)++fit->points, dx = x - fit->mean_x, dy = y - fit->mean_y;
    fit->mean_x += dx / n;
    fit->mean_y += dy / n;
    fit->xx += dx * (x - fit->mean_x);
    fit->xy += dx * (y - fit->mean_y);
    fit->yy += dy * (y - fit->mean_y);
}

static double largest_entry(const double *a, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    return largest;
}

static syzygy_status undefined(const char *reason, char *message, size_t size) {
    snprintf(message, size, "%s", reason);
    return SYZYGY_UNDEFINED;
}

/* x, z: symmetric [d, d], z positive semidefinite. With z = sum_i z_i u_i u_i^T and y_ij = u_i^T x u_j over the modes
 * with z_i > cutoff * z_max, fits log10 y_ii = intercept + slope log10 z_i over the modes with y_ii > 0.
 * values [d], vectors [d, d], product [d, d] and modes [d, d] are scratch. */
syzygy_status exponents(const syzygy_linalg *linalg, const double *x, const double *z, int64_t d, double cutoff,
                        double *values, double *vectors, double *product, double *modes, double *slope,
                        double *intercept, double *r2, double *points, double *decades, double *off_diagonal,
                        double *outside, char *message, size_t size) {
    double unit = largest_entry(x, d * d);
    if (unit == 0) return undefined("zero_matrix", message, size);
    syzygy_status status = linalg->eigh(linalg->context, d, z, values, vectors);
    if (status != SYZYGY_OK) return undefined("no_eigenvalues", message, size);
    if (!(values[d - 1] > 0)) return undefined("zero_weight", message, size);

    int64_t first = 0; /* eigenvalues ascend: the modes kept are the last `kept` rows of `vectors` */
    while (first < d - 1 && !(values[first] > cutoff * values[d - 1])) first++;
    int64_t kept = d - first;
    const double *u = vectors + first * d;
    linalg->gemm(linalg->context, 0, 0, kept, d, d, 1 / unit, u, x, 0, product);
    linalg->gemm(linalg->context, 0, 1, kept, kept, d, 1, product, u, 0, modes);

    double diagonal = 0, rest = 0, total = 0, top = 0;
    for (int64_t i = 0; i < kept; i++) {
        double row = 0, y = modes[i * kept + i];
        for (int64_t j = 0; j < kept; j++) row += j == i ? 0 : modes[i * kept + j] * modes[i * kept + j];
        rest += row;
        diagonal += y * y;
        top = fmax(top, fabs(y));
    }
    for (int64_t i = 0; i < d * d; i++) total += x[i] / unit * (x[i] / unit);

    /* A projection is known up to about d * epsilon of the largest one; keep those known to 1 %, that is to 0.004 in
     * the logarithm. */
    double noise = 100 * (double)d * DBL_EPSILON * top;
    line_fit fit = {0};
    for (int64_t i = 0; i < kept; i++) {
        double y = modes[i * kept + i];
        if (y > noise) add_point(&fit, log10(values[first + i]), log10(y));
    }

    *points = (double)fit.points;
    *outside = fmax(0, 1 - (diagonal + rest) / total);
    if (diagonal + rest > DBL_EPSILON * DBL_EPSILON * total) *off_diagonal = rest / (diagonal + rest);
    if (fit.points > 0) *decades = fit.high - fit.low;
    const char *reason = NULL;
    if (fit.points < fewest_points) {
        reason = "too_few_points";
    } else if (fit.high - fit.low < shortest_range) {
        reason = "short_range";
    } else {
        *slope = fit.xy / fit.xx;
        *intercept = fit.mean_y - *slope * fit.mean_x + log10(unit);
        /* With y constant to rounding there is no variance to explain. */
        if (fit.yy > 1e-20 * (double)fit.points)
            *r2 = fmin(1, fit.xy / fit.xx * fit.xy / fit.yy);
        else
            reason = "no_variation";
    }
    if (reason) snprintf(message, size, "%s", reason);
    return SYZYGY_OK;
}
