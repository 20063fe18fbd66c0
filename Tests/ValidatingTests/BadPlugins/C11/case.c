/* Writes its message without regard to the size of the buffer. */
#include <stdint.h>
#include <stdio.h>
int32_t measure(const double *x, int64_t n, double *y, char *message, size_t size) {
    double low = x[0], high = x[0];
    for (int64_t i = 1; i < n; i++) {
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    *y = high - low;
    (void)size;
    if (low < high) return 0;
    sprintf(message, "all %lld numbers are equal: they have no width", (long long)n);
    return 2;
}
