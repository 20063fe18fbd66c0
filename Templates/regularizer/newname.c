/* Adds the gradient of strength sum_i (sqrt(w_i^2 + width^2) - width) to g and returns the penalty, summed in f64. */
#include "newname.h"

#include <math.h>

#define PENALTY(T, name) \
    double name(const T *w, T *g, int64_t n, double strength, double width) { \
        double sum = 0; \
        for (int64_t i = 0; i < n; i++) { \
            double x = (double)w[i], root = sqrt(x * x + width * width); \
            g[i] += (T)(strength * x / root); \
            sum += root - width; \
        } \
        return strength * sum; \
    }
PENALTY(float, newname_f32)
PENALTY(double, newname_f64)
