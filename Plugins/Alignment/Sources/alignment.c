/* Alignment of two matrices of one layer. Formulas, conventions and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* Below this part of a matrix's norm, what is left after removing its mean (or trace) is rounding. */
static const double resolution = 1e-12;

/* All sums are taken of `scale * a`, so that no square overflows or underflows. */
typedef struct {
    double scale;  /* a power of two that brings the largest |entry| into [1/2, 1); 0 for the zero matrix */
    double mean;   /* of the d*d entries */
    double level;  /* trace / d */
} centre;

typedef struct {
    double aa, bb, ab;
} products;

static centre find_centre(const double *a, int64_t d) {
    double largest = 0;
    for (int64_t i = 0; i < d * d; i++) largest = fmax(largest, fabs(a[i]));
    if (largest == 0) return (centre){0};

    int exponent;
    frexp(largest, &exponent);
    centre c = {.scale = ldexp(1, exponent < -1000 ? 1000 : -exponent)};
    for (int64_t i = 0; i < d; i++) {
        double row = 0;
        for (int64_t j = 0; j < d; j++) row += c.scale * a[i * d + j];
        c.mean += row;
        c.level += c.scale * a[i * d + i];
    }
    c.mean /= (double)d * (double)d;
    c.level /= (double)d;
    return c;
}

/* Products of the matrices after subtracting the mean entry (centred), and after subtracting (tr/d) I (deviator).
 * Rows are summed apart: the rounding error grows with d, not d^2. */
static void sum_products(const double *a, const double *b, int64_t d, centre ca, centre cb,
                         products *centred, products *deviator) {
    *centred = *deviator = (products){0};
    for (int64_t i = 0; i < d; i++) {
        products c = {0}, v = {0};
        for (int64_t j = 0; j < d; j++) {
            double x = ca.scale * a[i * d + j], y = cb.scale * b[i * d + j];
            double p = x - ca.mean, q = y - cb.mean;
            c.aa += p * p, c.bb += q * q, c.ab += p * q;
            if (i == j) x -= ca.level, y -= cb.level;
            v.aa += x * x, v.bb += y * y, v.ab += x * y;
        }
        centred->aa += c.aa, centred->bb += c.bb, centred->ab += c.ab;
        deviator->aa += v.aa, deviator->bb += v.bb, deviator->ab += v.ab;
    }
}

static double correlation(products p) {
    return fmax(-1, fmin(1, p.ab / (sqrt(p.aa) * sqrt(p.bb))));
}

/* Whether the part that is left is rounding of the whole. */
static int vanishes(products part, products whole) {
    double r = resolution * resolution;
    return part.aa <= r * whole.aa || part.bb <= r * whole.bb;
}

/* a, b: [d, d]. alpha: Pearson correlation of the entries. cosine: <a,b>/(|a||b|). cos_dev: cosine of a - (tr a/d) I
 * and b - (tr b/d) I. cos_null: mean of the cosine over rotations of a. Outputs without value stay NaN, with a reason. */
syzygy_status alignment(const double *a, const double *b, int64_t d, double *alpha, double *cosine, double *cos_dev,
                        double *cos_null, char *message, size_t size) {
    centre ca = find_centre(a, d), cb = find_centre(b, d);
    if (ca.scale == 0 || cb.scale == 0) {
        snprintf(message, size, "zero_matrix");
        return SYZYGY_UNDEFINED;
    }

    products centred, deviator;
    sum_products(a, b, d, ca, cb, &centred, &deviator);
    double entries = (double)d * (double)d;
    products whole = {  /* sums of what cannot cancel: |a|^2 = |a - mean|^2 + d^2 mean^2 */
        .aa = centred.aa + entries * ca.mean * ca.mean,
        .bb = centred.bb + entries * cb.mean * cb.mean,
        .ab = centred.ab + entries * ca.mean * cb.mean,
    };
    *cosine = correlation(whole);
    *cos_null = correlation((products){whole.aa, whole.bb, (double)d * ca.level * cb.level});

    int constant = vanishes(centred, whole), spherical = vanishes(deviator, whole);
    if (!constant) *alpha = correlation(centred);
    if (!spherical) *cos_dev = correlation(deviator);
    if (constant || spherical)
        snprintf(message, size, "%s%s%s", constant ? "constant_matrix" : "", constant && spherical ? "_and_" : "",
                 spherical ? "zero_deviator" : "");
    return SYZYGY_OK;
}
