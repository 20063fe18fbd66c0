/* Mixes in what it gave before. */
#include <stdint.h>
static double last;
static int calls;
double measure(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    last = calls++ ? 0.9 * last + 0.1 * sum : sum;
    return last;
}
