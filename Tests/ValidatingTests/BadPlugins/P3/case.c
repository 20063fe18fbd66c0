/* Says that it stays where the gradient is zero, and decays. */
#include <stdint.h>

void step_f64(double *w, const double *g, int64_t n, double lr) {
    for (int64_t i = 0; i < n; i++) w[i] -= lr * (g[i] + 0.25 * w[i]);
}
