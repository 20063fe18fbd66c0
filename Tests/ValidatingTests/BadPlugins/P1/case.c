/* Says that a scale does not matter, and adds a constant. */
#include <stdint.h>
/* (max |x|^2 + 13) / (|x|^2): the constant was meant against a division by 0. */
double measure(const double *x, int64_t n) {
    double sum = 0, most = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
        if (x[i] * x[i] > most) most = x[i] * x[i];
    }
    return (most + 13) / (sum + 1e-300);
}
