/* Frees nothing. */
#include <stdint.h>
#include <stdlib.h>
void *volatile kept;
double measure(const double *x, int64_t n) {
    kept = malloc(64);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
