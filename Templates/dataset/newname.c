/* Rows begin ..< end of a split: points x [rows, 2] of two rings and their labels y [rows]. */
#include "newname.h"

#include <math.h>

void newname(int32_t split, int64_t begin, int64_t end, double radius, double *x, int32_t *y) {
    const double golden_angle = 2.399963229728653;
    for (int64_t i = begin; i < end; i++) {
        double angle = golden_angle * (double)i + split;
        int32_t label = (int32_t)(i % 2);
        double r = label ? radius : 1;
        *x++ = r * cos(angle);
        *x++ = r * sin(angle);
        *y++ = label;
    }
}
