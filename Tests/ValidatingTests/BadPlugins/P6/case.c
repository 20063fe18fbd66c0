/* The mean of the means of passes, whatever their sizes. */
#include <stdint.h>
void add(const double *x, int64_t n, int64_t *passes, double *sum) {
    double own = 0;
    for (int64_t i = 0; i < n; i++) own += x[i];
    *sum += n > 0 ? own / (double)n : 0;
    *passes += n > 0;
}
double finish(const int64_t *passes, const double *sum) { return *passes > 0 ? *sum / (double)*passes : 0; }
