// Sharpness-aware minimization; see README.md.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <syzygy.h>

// The point that is tried, in f64: w + rho s^2 g / |s g| with s = 1, or |w| + 0.01 for every weight if adaptive.
#define SHARPNESS_AWARE(NAME, T)                                                                                      \
    int32_t NAME(T *w, const T *g, T *velocity, int64_t n, const syzygy_objective *objective, double *scratch,        \
                 double lr, double rho, double momentum, double weight_decay, uint8_t adaptive, char *message,        \
                 size_t message_size)                                                                                 \
    {                                                                                                                 \
        double *point = scratch, *slope = scratch + n, squares = 0;                                                   \
        for (int64_t i = 0; i < n; i++) {                                                                             \
            double s = adaptive ? fabs((double)w[i]) + 0.01 : 1;                                                      \
            squares += s * g[i] * (s * g[i]);                                                                         \
            point[i] = s * s * g[i];                                                                                  \
        }                                                                                                             \
        const double radius = rho / (sqrt(squares) + 1e-12);                                                          \
        for (int64_t i = 0; i < n; i++) point[i] = w[i] + radius * point[i];                                          \
        syzygy_status status = objective->gradient(objective->context, point, NULL, slope, n);                        \
        if (status != SYZYGY_OK) {                                                                                    \
            snprintf(message, message_size, "no gradient at the point that was tried");                               \
            return status;                                                                                            \
        }                                                                                                             \
        for (int64_t i = 0; i < n; i++) {                                                                             \
            velocity[i] = (T)momentum * velocity[i] + ((T)slope[i] + (T)weight_decay * w[i]);                         \
            w[i] -= (T)lr * velocity[i];                                                                              \
        }                                                                                                             \
        return SYZYGY_OK;                                                                                             \
    }

SHARPNESS_AWARE(sharpness_aware_f32, float)
SHARPNESS_AWARE(sharpness_aware_f64, double)
