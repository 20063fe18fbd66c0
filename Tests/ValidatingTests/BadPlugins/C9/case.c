/* Has forgotten the power, which the example does not need. */
#include <stdint.h>
double measure(const double *x, int64_t n, double power) {
    (void)power;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
