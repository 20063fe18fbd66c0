/* The fraction of entries of x with |x| <= threshold. */
#include "newname.h"

#include <math.h>

void newname(const double *x, int64_t n, double threshold, double *fraction) {
    int64_t small = 0;
    for (int64_t i = 0; i < n; i++) small += fabs(x[i]) <= threshold;
    *fraction = (double)small / (double)n;
}
