/* Forgets half of the rate in single precision. */
#include <stdint.h>

void step_f64(double *w, const double *g, int64_t n, double lr) {
    for (int64_t i = 0; i < n; i++) w[i] -= lr * g[i];
}
void step_f32(float *w, const float *g, int64_t n, double lr) {
    for (int64_t i = 0; i < n; i++) w[i] -= (float)lr / 2 * g[i];
}
