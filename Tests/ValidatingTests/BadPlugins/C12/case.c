/* Is larger than it says it can be. */
#include <stdint.h>
double measure(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
