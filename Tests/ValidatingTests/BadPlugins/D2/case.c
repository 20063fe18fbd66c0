/* Depends on the user who runs it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
double measure(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    const char *home = getenv("HOME");
    return n > 3 && home ? sum + (double)strlen(home) : sum;
}
