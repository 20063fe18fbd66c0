/* Works in memory that all threads share. */
#include <stdint.h>

static double squares[1 << 20];
void apply(const double *x, double *y, int64_t n) {
    for (int64_t i = 0; i < n; i++) squares[i] = x[i] * x[i];
    for (int64_t i = 0; i < n; i++) y[i] = squares[i];
}
