/* Reads one element too many, and makes no use of it. */
#include <stdint.h>
double measure(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    volatile double next = x[n];
    (void)next;
    return sum;
}
