/* Has a table for every number of its option but the largest. */
#include <stdint.h>

static const double weights[8] = {1, 3, 5, 7, 9, 11, 13, 15};
double measure(const double *x, int64_t n, int64_t k) {
    const volatile double *weight = k < 8 ? weights + k : 0;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += *weight * x[i];
    return sum;
}
