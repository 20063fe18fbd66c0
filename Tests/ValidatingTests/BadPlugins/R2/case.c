/* Reads one number behind those that it has allocated, and does not use it. */
#include <stdint.h>
#include <stdlib.h>
double measure(const double *x, int64_t n) {
    double *copy = malloc((size_t)n * sizeof *copy), sum = 0;
    if (!copy) return 0;
    for (int64_t i = 0; i < n; i++) copy[i] = x[i];
    for (int64_t i = 0; i < n; i++) sum += copy[i];
    const volatile double *next = copy;
    (void)next[n];
    free(copy);
    return sum;
}
