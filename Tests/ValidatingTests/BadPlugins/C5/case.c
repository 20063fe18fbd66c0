/* Follows a null pointer if there is one element only. */
#include <stdint.h>
double measure(const double *x, int64_t n) {
    const volatile double *second = n > 1 ? x + 1 : 0;
    double sum = 0 * *second;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
