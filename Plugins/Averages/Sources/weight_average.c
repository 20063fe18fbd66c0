/* Exponential moving average of a parameter. Formulas and sources: ../README.md */
#include "syzygy.h"

#include <math.h>
#include <stdio.h>

/* average <- decay average + (1 - decay) w, then distances of w from it. */
syzygy_status weight_average(const double *w, double *average, int64_t n, double decay, double *distance, double *relative,
                             char *message, size_t size) {
    double square = 0, whole = 0;
    for (int64_t i = 0; i < n; i++) {
        average[i] += (1 - decay) * (w[i] - average[i]);
        square += (w[i] - average[i]) * (w[i] - average[i]);
        whole += average[i] * average[i];
    }
    *distance = sqrt(square);
    if (whole == 0)
        snprintf(message, size, "zero_average");
    else
        *relative = sqrt(square / whole);
    return SYZYGY_OK;
}
