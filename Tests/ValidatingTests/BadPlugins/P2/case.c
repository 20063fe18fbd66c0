/* Adds twice the gradient of its value. */
#include <stdint.h>
/* c/2 |w|^2 */
double penalty(const double *w, double *g, int64_t n, double c) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += c / 2 * w[i] * w[i];
        g[i] += 2 * c * w[i];
    }
    return sum;
}
