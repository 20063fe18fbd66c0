/* Stationarity of one layer's weights under weight decay. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

static double trace(const double *a, int64_t d) {
    double sum = 0;
    for (int64_t i = 0; i < d; i++) sum += a[i * d + i];
    return sum;
}

/* |-c/decay - z|_F / |z|_F */
static double residual(const double *c, const double *z, int64_t d, double decay) {
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < d; i++) {
        double row = 0, row_norm = 0;
        for (int64_t j = 0; j < d; j++) {
            double r = c[i * d + j] / decay + z[i * d + j];
            row += r * r;
            row_norm += z[i * d + j] * z[i * d + j];
        }
        difference += row;
        norm += row_norm;
    }
    return sqrt(difference / norm);
}

/* Pearson correlation of the entries of -(c + c^T)/2 and z; NaN if all entries of one are equal. */
static double alpha(const double *c, const double *z, int64_t d) {
    double mean_c = 0, mean_z = 0, cc = 0, zz = 0, cz = 0, size = 0;
    for (int64_t i = 0; i < d * d; i++) mean_c -= c[i], mean_z += z[i], size += c[i] * c[i];
    mean_c /= (double)(d * d), mean_z /= (double)(d * d);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j < d; j++) {
            const double x = -(c[i * d + j] + c[j * d + i]) / 2 - mean_c, y = z[i * d + j] - mean_z;
            cc += x * x, zz += y * y, cz += x * y;
        }
    return cc > 1e-24 * size && zz > 0 ? fmax(-1, fmin(1, cz / sqrt(cc) / sqrt(zz))) : NAN;
}

/* cross_b [d_b, d_b] = mean of grad_b h_b^T, cross_a [d_a, d_a] = mean of grad_a h_a^T with grad = +dl/dh of one
 * sample; z_b = W W^T, z_a = W^T W, g_b [d_b, d_b] = mean of grad_b grad_b^T; decay: gamma of (gamma/2) |W|^2. */
syzygy_status fact(const double *cross_b, const double *cross_a, const double *z_b, const double *z_a,
                   const double *g_b, int64_t d_b, int64_t d_a, double decay, double *residual_b, double *residual_a,
                   double *trace_ratio, double *gamma_ratio, double *cross_alpha_b, double *cross_alpha_a,
                   char *message, size_t size) {
    double weight = trace(z_b, d_b);
    if (weight == 0) {
        snprintf(message, size, "zero_weight");
        return SYZYGY_UNDEFINED;
    }
    *trace_ratio = trace(g_b, d_b) / weight;
    *cross_alpha_b = alpha(cross_b, z_b, d_b);
    *cross_alpha_a = alpha(cross_a, z_a, d_a);
    if (isnan(*cross_alpha_a) || isnan(*cross_alpha_b)) snprintf(message, size, "constant_matrix");
    if (decay == 0) {
        snprintf(message, size, "no_weight_decay");
        return SYZYGY_OK;
    }
    *gamma_ratio = *trace_ratio / (decay * decay);
    *residual_b = residual(cross_b, z_b, d_b, decay);
    *residual_a = residual(cross_a, z_a, d_a, decay);
    return SYZYGY_OK;
}
