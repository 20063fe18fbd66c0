/* The mean of |x| of each neuron, x: [n, d], and the fraction of neurons without any. */
#include "newname.h"

#include <math.h>

void newname(const double *x, int64_t n, int64_t d, double floor, double *value) {
    for (int64_t j = 0; j < d; j++) {
        double sum = 0;
        for (int64_t i = 0; i < n; i++) {
            const double size = fabs(x[i * d + j]);
            if (size > floor) sum += size;
        }
        value[j] = sum / (double)n;
    }
}

double newname_silent(const double *activity, int64_t d) {
    int64_t silent = 0;
    for (int64_t j = 0; j < d; j++) silent += activity[j] == 0;
    return (double)silent / (double)d;
}
