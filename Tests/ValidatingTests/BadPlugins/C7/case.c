/* Counts numbers in a table that ends at 1000. */
#include <stdint.h>
/* The most numbers that have one whole part. */
double measure(const double *x, int64_t n) {
    int64_t counts[2000] = {0};
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t k = 1000 + (int64_t)x[i];
        if (++counts[k] > most) most = (double)counts[k];
    }
    return most;
}
