/* How many hidden units of a layer differ, and how near they are to states of a symmetry. Formulas: ../README.md */
#include "unit_vectors.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <syzygy.h>

/* 1 - sign cos of two vectors, `product` their inner product: where they are nearly parallel |a/|a| - sign b/|b||^2/2, which
 * keeps its digits. */
static double deviation(const unit_vectors *units, int64_t i, int64_t j, double sign, double product) {
    const double *a = units->z + i * units->length, *b = units->z + j * units->length;
    const double p = 1 / units->norms[i], q = sign / units->norms[j], rough = 1 - product * p * q;
    if (rough >= 1e-3) return rough;
    double sum = 0;
    for (int64_t k = 0; k < units->length; k++) sum += (a[k] * p - b[k] * q) * (a[k] * p - b[k] * q);
    return sum / 2;
}

/* |z_i - z_j|, from the inner product where no digits cancel and no product leaves the range of numbers. */
static double distance_of(const unit_vectors *units, int64_t i, int64_t j, double product) {
    const double a = units->norms[i], b = units->norms[j];
    if (!(product < 0.999 * a * b && a * b > 1e-280 && a * b < 1e280)) return unit_distance(units, i, j, 1);
    return sqrt((a - b) * (a - b) + 2 * (a * b - product));
}

/* The representative of i among the classes that have been joined. */
static int64_t root(int64_t *parent, int64_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

syzygy_status symmetry_units(const syzygy_linalg *linalg, const double *incoming, const double *bias,
                             const double *outgoing, int64_t h, int64_t d, int64_t o, int64_t outgoing_units,
                             double tolerance, double vanishing, double threshold, double *count, double *vanished,
                             double *duplicates, double *flipped, double *distinct, double *distinct_up_to_sign,
                             double *nearest, double *permutations, double *signs, double *rotations, char *message,
                             size_t size) {
    if (outgoing_units != h) {
        snprintf(message, size, "not_connected");
        return SYZYGY_UNDEFINED;
    }
    unit_vectors units = make_unit_vectors(incoming, bias, outgoing, h, d, o);
    const int64_t r = h < units.length ? h : units.length;
    int64_t *same = malloc((size_t)(2 * h) * sizeof *same), *alike = same + h;
    double *factors = malloc((size_t)(r * (h + units.length + 1)) * sizeof *factors);
    double *products = malloc((size_t)(h * h) * sizeof *products);
    syzygy_status status = SYZYGY_NO_MEMORY;
    if (units.z && same && factors && products) {
        double largest = 0, closest = INFINITY;
        for (int64_t i = 0; i < h; i++) largest = fmax(largest, units.norms[i]), same[i] = alike[i] = i;
        linalg->gemm(linalg->context, 0, 1, h, h, units.length, 1, units.z, units.z, 0, products);
        *count = (double)h;
        *vanished = *duplicates = *flipped = *distinct = *distinct_up_to_sign = *permutations = *signs = 0;
        for (int64_t i = 0; i < h; i++) {
            const int is_vanishing = units.norms[i] <= vanishing * largest;
            *vanished += is_vanishing;
            *signs += units.norms[i] < threshold;
            for (int64_t j = 0; j < i; j++) {
                const double product = products[i * h + j], distance = distance_of(&units, i, j, product);
                closest = fmin(closest, distance);
                *permutations += distance < threshold * sqrt(2);
                if (is_vanishing || units.norms[j] <= vanishing * largest) continue;
                const int is_duplicate = deviation(&units, i, j, 1, product) < tolerance;
                const int is_flipped = deviation(&units, i, j, -1, product) < tolerance;
                *duplicates += is_duplicate, *flipped += is_flipped;
                if (is_duplicate) same[root(same, i)] = root(same, j);
                if (is_duplicate || is_flipped) alike[root(alike, i)] = root(alike, j);
            }
        }
        for (int64_t i = 0; i < h; i++) {
            if (units.norms[i] <= vanishing * largest) continue;
            *distinct += same[i] == i, *distinct_up_to_sign += alike[i] == i;
        }
        if (h > 1) *nearest = closest;
        else snprintf(message, size, "one_unit");
        double *u = factors, *vt = u + h * r, *s = vt + r * units.length;
        status = linalg->svd(linalg->context, h, units.length, units.z, u, s, vt);
        *rotations = (double)(h - r);
        for (int64_t k = 0; k < r; k++) *rotations += s[k] < threshold;
    }
    free(units.z), free(same), free(factors), free(products);
    return status;
}

/* Largest and smallest value of each column over all rows. */
void dead_begin(double *high, double *low, int64_t d) {
    for (int64_t i = 0; i < d; i++) high[i] = -INFINITY, low[i] = INFINITY;
}

void dead_add(const double *output, int64_t n, int64_t d, double *high, double *low) {
    for (int64_t k = 0; k < n; k++, output += d) {
        for (int64_t i = 0; i < d; i++) high[i] = fmax(high[i], output[i]), low[i] = fmin(low[i], output[i]);
    }
}

void dead_finish(double *high, double *low, const double *bias, int64_t d, double *dead, double *linear) {
    *dead = *linear = 0;
    for (int64_t i = 0; i < d; i++) {
        const double shift = bias ? bias[i] : 0;
        *dead += high[i] + shift <= 0, *linear += low[i] + shift > 0;
    }
    *dead /= (double)d, *linear /= (double)d;
}

/* The first numbers of w, and how near its numbers are to 0. */
void symmetry_entries(const double *w, int64_t n, int64_t leading, double threshold, double *values, double *smallest,
                      double *largest, double *near_zero, char *message, size_t size) {
    double least = INFINITY, most = 0, count = 0;
    for (int64_t i = 0; i < n; i++) {
        least = fmin(least, fabs(w[i])), most = fmax(most, fabs(w[i]));
        count += fabs(w[i]) < threshold;
    }
    for (int64_t i = 0; i < leading; i++) values[i] = i < n ? w[i] : NAN;
    if (leading > n) snprintf(message, size, "no_such_entry");
    *smallest = least, *largest = most, *near_zero = count;
}

/* passed [1]: the step before which |w| stayed below the level, -1 as long as it does. */
void first_passage(const double *w, int64_t n, int64_t step, double level, double *passed, double *when, char *message,
                   size_t size) {
    double largest = 0;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(w[i]));
    if (*passed < 0 && largest > level) *passed = (double)step;
    if (*passed < 0) snprintf(message, size, "not_passed");
    else *when = *passed;
}
