/* Hidden units of two layers that follow one another: unit i is the vector z_i = (incoming weights, bias, outgoing
 * weights), of length `length`. */
#ifndef UNIT_VECTORS_H
#define UNIT_VECTORS_H

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    int64_t count, length;
    double *z; /* [count, length] */
    double *norms; /* [count] */
} unit_vectors;

/* Scaled by the largest entry, so that no square leaves the range of numbers. */
static inline double norm_of(const double *x, int64_t n) {
    double largest = 0, sum = 0;
    for (int64_t k = 0; k < n; k++) largest = fmax(largest, fabs(x[k]));
    if (largest == 0) return 0;
    for (int64_t k = 0; k < n; k++) sum += (x[k] / largest) * (x[k] / largest);
    return largest * sqrt(sum);
}

/* incoming [h, d], bias [h] or null, outgoing [o, h]. z is null without memory; free it. */
static inline unit_vectors make_unit_vectors(const double *incoming, const double *bias, const double *outgoing,
                                             int64_t h, int64_t d, int64_t o) {
    unit_vectors units = {h, d + (bias != 0) + o, 0, 0};
    units.z = malloc((size_t)(h * (units.length + 1)) * sizeof(double));
    if (!units.z) return units;
    units.norms = units.z + h * units.length;
    for (int64_t i = 0; i < h; i++) {
        double *z = units.z + i * units.length;
        for (int64_t k = 0; k < d; k++) *z++ = incoming[i * d + k];
        if (bias) *z++ = bias[i];
        for (int64_t k = 0; k < o; k++) *z++ = outgoing[k * h + i];
        units.norms[i] = norm_of(units.z + i * units.length, units.length);
    }
    return units;
}

/* |z_i - sign z_j|. */
static inline double unit_distance(const unit_vectors *units, int64_t i, int64_t j, double sign) {
    const double *a = units->z + i * units->length, *b = units->z + j * units->length;
    double largest = 0, sum = 0;
    for (int64_t k = 0; k < units->length; k++) largest = fmax(largest, fabs(a[k] - sign * b[k]));
    if (largest == 0) return 0;
    for (int64_t k = 0; k < units->length; k++) {
        const double part = (a[k] - sign * b[k]) / largest;
        sum += part * part;
    }
    return largest * sqrt(sum);
}

#endif
