/* v <- beta v + g, then w <- w - lr v, in both precisions. */
#include "newname.h"

#define STEP(T, name) \
    void name(T *w, const T *g, T *v, int64_t n, double lr, double beta) { \
        for (int64_t i = 0; i < n; i++) { \
            v[i] = (T)beta * v[i] + g[i]; \
            w[i] -= (T)lr * v[i]; \
        } \
    }
STEP(float, newname_f32)
STEP(double, newname_f64)
