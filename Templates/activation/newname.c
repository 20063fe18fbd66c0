/* y = x / sqrt(1 + (x/scale)^2) and its derivative (1 + (x/scale)^2)^(-3/2), in both precisions. */
#include "newname.h"

#include <tgmath.h>

#define ACTIVATION(T, suffix) \
    void newname_##suffix(const T *x, T *y, int64_t n, double scale) { \
        const T s = (T)(1 / scale); \
        for (int64_t i = 0; i < n; i++) y[i] = x[i] / sqrt(1 + s * x[i] * (s * x[i])); \
    } \
    void newname_slope_##suffix(const T *x, T *y, int64_t n, double scale) { \
        const T s = (T)(1 / scale); \
        for (int64_t i = 0; i < n; i++) { \
            T square = 1 + s * x[i] * (s * x[i]); \
            y[i] = 1 / (square * sqrt(square)); \
        } \
    }
ACTIVATION(float, f32)
ACTIVATION(double, f64)
