/* Prints when it is opened. */
#include <stdint.h>
#include <stdio.h>
__attribute__((constructor)) static void hello(void) { puts("hello"); }
double measure(const double *x, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i];
    return sum;
}
