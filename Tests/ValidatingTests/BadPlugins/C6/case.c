/* Says that it is elementwise, and subtracts the mean of the gradient. */
#include <stdint.h>

void step_f64(double *w, const double *g, int64_t n, double lr) {
    double mean = 0;
    for (int64_t i = 0; i < n; i++) mean += g[i] / (double)n;
    for (int64_t i = 0; i < n; i++) w[i] -= lr * (g[i] - mean);
}
