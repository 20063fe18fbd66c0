/* Linear centred kernel alignment of two representations of the same samples. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* Frobenius norm; squares neither overflow nor vanish. */
static double norm(const double *a, int64_t count) {
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(a[i]));
    if (largest == 0) return 0;
    for (int64_t i = 0; i < count; i++) sum += (a[i] / largest) * (a[i] / largest);
    return largest * sqrt(sum);
}

/* xx: [p, p], yy: [q, q], xy: [p, q], centred second moments of the rows of X and Y. |xy|^2 / (|xx| |yy|). */
syzygy_status cka(const double *xx, const double *yy, const double *xy, int64_t p, int64_t q, double *cka,
                  char *message, size_t size) {
    const double a = norm(xx, p * p), b = norm(yy, q * q);
    if (a == 0 || b == 0) {
        snprintf(message, size, "constant_representation");
        return SYZYGY_UNDEFINED;
    }
    const double root = norm(xy, p * q) / (sqrt(a) * sqrt(b));
    *cka = fmin(1, root * root);
    return SYZYGY_OK;
}

/* The U-statistic of the Hilbert-Schmidt independence criterion up to a factor, from centred rows: square = n^2 |xy|^2,
 * products = sum_i |x_i|^2 |y_i|^2, a and b the sums of |x_i|^2 and |y_i|^2. */
static double unbiased(double n, double square, double products, double a, double b) {
    return square - n / (n - 2) * products + a * b / ((n - 1) * (n - 2));
}

static double square_distance(const double *row, const double *mean, int64_t d) {
    double sum = 0;
    for (int64_t j = 0; j < d; j++) sum += (row[j] - mean[j]) * (row[j] - mean[j]);
    return sum;
}

/* As `cka`, with x: [n, p], y: [n, q] and their means. */
syzygy_status cka_debiased(const double *x, const double *y, int64_t n, const double *x_mean, const double *y_mean,
                           const double *xx, const double *yy, const double *xy, int64_t p, int64_t q, double *cka,
                           char *message, size_t size) {
    if (n < 4) {
        snprintf(message, size, "fewer_than_four_samples");
        return SYZYGY_UNDEFINED;
    }
    /* In units in which the moments have norm 1. */
    const double a = norm(xx, p * p), b = norm(yy, q * q), m = (double)n;
    if (a == 0 || b == 0) {
        snprintf(message, size, "constant_representation");
        return SYZYGY_UNDEFINED;
    }
    double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
    for (int64_t i = 0; i < n; i++) {
        const double u = square_distance(x + i * p, x_mean, p) / a, v = square_distance(y + i * q, y_mean, q) / b;
        sa += u, sb += v, saa += u * u, sbb += v * v, sab += u * v;
    }
    const double root = norm(xy, p * q) / (sqrt(a) * sqrt(b));
    const double hx = unbiased(m, m * m, saa, sa, sa), hy = unbiased(m, m * m, sbb, sb, sb);
    if (hx <= 1e-12 * m * m || hy <= 1e-12 * m * m) {
        snprintf(message, size, "no_dependence_to_compare");
        return SYZYGY_UNDEFINED;
    }
    *cka = fmax(-1, fmin(1, unbiased(m, m * m * root * root, sab, sa, sb) / (sqrt(hx) * sqrt(hy))));
    return SYZYGY_OK;
}
