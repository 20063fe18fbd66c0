/* w scaled to a root mean square of rms / sqrt(fan_in). */
#include "newname.h"

#include <math.h>

void newname(const double *w, int64_t n, int64_t fan_in, double rms, double *value) {
    double largest = 0, sum = 0; /* relative to the largest, so that no square leaves the range of numbers */
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs(w[i]));
    for (int64_t i = 0; i < n && largest > 0; i++) sum += w[i] / largest * (w[i] / largest);
    const double size = sqrt(sum / (double)n * (double)fan_in);
    for (int64_t i = 0; i < n; i++) value[i] = largest > 0 ? rms * (w[i] / largest) / size : 0;
}
