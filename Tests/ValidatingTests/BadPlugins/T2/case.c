/* Counts its calls in memory that all threads share; the results do not show it. */
#include <stdint.h>

static volatile int64_t calls;
void apply(const double *x, double *y, int64_t n) {
    calls = calls + 1;
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * x[i];
}
