/* Keeps its momentum for itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
enum { most = 64, largest = 1 << 20 };
static double *owners[most], *momenta[most];
/* The momentum of a parameter, known by its address. */
static double *momentum(double *w) {
    for (int i = 0; i < most; i++) {
        if (owners[i] == w) return momenta[i];
        if (owners[i]) continue;
        owners[i] = w;
        return momenta[i] = calloc(largest, sizeof(double));
    }
    return NULL;
}

void step_f64(double *w, const double *g, int64_t n, double lr, int64_t step) {
    double *m = momentum(w);
    if (!m) return;
    if (step == 0) memset(m, 0, sizeof(double) * (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        m[i] = 0.5 * m[i] + g[i];
        w[i] -= lr * m[i];
    }
}
