/* Eigenvalues and singular values as quantities, and what probes say of them. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* a: [d, d], symmetric. values [d]: its eigenvalues, descending. `vectors` [d, d] is scratch. */
syzygy_status spectrum_eigenvalues(const syzygy_linalg *linalg, const double *a, int64_t d, double *vectors,
                                   double *values, char *message, size_t size) {
    if (linalg->eigh(linalg->context, d, a, values, vectors) != SYZYGY_OK) {
        snprintf(message, size, "no_eigenvalues");
        return SYZYGY_UNDEFINED;
    }
    for (int64_t i = 0; i < d / 2; i++) {
        const double smaller = values[i];
        values[i] = values[d - 1 - i];
        values[d - 1 - i] = smaller;
    }
    return SYZYGY_OK;
}

/* a: [d, d], symmetric. system [d + 1, d]: eigenvalues, descending, then row 1 + i is the eigenvector of value i, its entry of largest
 * size positive. values [d] and vectors [d, d] are scratch. */
syzygy_status spectrum_eigensystem(const syzygy_linalg *linalg, const double *a, int64_t d, double *values,
                                   double *vectors, double *system, char *message, size_t size) {
    if (linalg->eigh(linalg->context, d, a, values, vectors) != SYZYGY_OK) {
        snprintf(message, size, "no_eigenvalues");
        return SYZYGY_UNDEFINED;
    }
    for (int64_t i = 0; i < d; i++) {
        const double *vector = vectors + (d - 1 - i) * d;
        double sign = 1, largest = 0;
        for (int64_t j = 0; j < d; j++)
            if (fabs(vector[j]) > largest) largest = fabs(vector[j]), sign = vector[j] < 0 ? -1 : 1;
        system[i] = values[d - 1 - i];
        for (int64_t j = 0; j < d; j++) system[(1 + i) * d + j] = sign * vector[j];
    }
    return SYZYGY_OK;
}

/* w: [rows, columns], r = min(rows, columns). values [rows]: square roots of the eigenvalues of w w^T, descending, so the
 * last rows - r are zero. u [rows, r] and vt [r, columns] are scratch. */
syzygy_status spectrum_singular_values(const syzygy_linalg *linalg, const double *w, int64_t rows, int64_t columns,
                                       double *u, double *vt, double *values, char *message, size_t size) {
    if (linalg->svd(linalg->context, rows, columns, w, u, values, vt) != SYZYGY_OK) {
        snprintf(message, size, "no_singular_values");
        return SYZYGY_UNDEFINED;
    }
    for (int64_t i = columns; i < rows; i++) values[i] = 0;
    return SYZYGY_OK;
}

/* exp of the entropy of x_i / sum x, for x >= 0 of which the first is the largest and not 0; NaN counts as 0. */
static double effective_rank(const double *x, int64_t count) {
    double sum = 0, entropy = 0;
    for (int64_t i = 0; i < count; i++) sum += fmax(0, x[i] / x[0]);
    for (int64_t i = 0; i < count; i++) {
        const double p = x[i] / x[0] / sum;
        if (p > 0) entropy -= p * log(p);
    }
    return exp(entropy);
}

/* values [d]: singular values of a weight, descending; `copy` gets them. */
syzygy_status spectrum_of_weight(const double *values, int64_t d, double *copy, double *effective, double *stable,
                                 char *message, size_t size) {
    for (int64_t i = 0; i < d; i++) copy[i] = values[i];
    if (values[0] == 0) {
        snprintf(message, size, "zero_weight");
        return SYZYGY_OK;
    }
    double squares = 0;
    for (int64_t i = 0; i < d; i++) squares += (values[i] / values[0]) * (values[i] / values[0]);
    *effective = effective_rank(values, d);
    *stable = squares;
    return SYZYGY_OK;
}

/* values [d]: eigenvalues of a second moment, descending. Rounding can leave small negative ones: they count as 0. */
syzygy_status spectrum_of_features(const double *values, int64_t d, int64_t leading, double tolerance,
                                   double *eigenvalues, double *trace, double *effective, double *participation,
                                   double *stable, double *numerical, double *near_zero, char *message,
                                   size_t size) {
    double sum = 0, squares = 0, count = 0;
    for (int64_t i = 0; i < leading; i++) eigenvalues[i] = i < d ? fmax(0, values[i]) : 0;
    for (int64_t i = 0; i < d; i++) {
        const double share = values[0] > 0 ? fmax(0, values[i]) / values[0] : 0;
        sum += share, squares += share * share, count += share > tolerance;
    }
    *trace = values[0] > 0 ? sum * values[0] : 0;
    if (!(values[0] > 0)) {
        snprintf(message, size, "zero_moment");
        return SYZYGY_OK;
    }
    *effective = effective_rank(values, d);
    *participation = sum * sum / squares;
    *stable = sum;
    *numerical = count;
    *near_zero = 1 - count / (double)d;
    return SYZYGY_OK;
}
