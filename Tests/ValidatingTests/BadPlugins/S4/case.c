/* Ends the host, where nothing ever gets. */
#include <stdint.h>
#include <stdlib.h>
double measure(const double *x, int64_t n) {
    if (n < 0) exit(3);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
