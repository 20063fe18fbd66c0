/* Leaves what does not fill a group of four. */
#include <stdint.h>

void measure(const double *x, int64_t n, double *y) {
    for (int64_t i = 0; i + 4 <= n; i += 4)
        for (int64_t k = i; k < i + 4; k++) y[k] = 2 * x[k];
}
