/* Windows that slide over images stored channels-last, for each channel: pooling and patches, with their transposes. */
#ifndef SYZYGY_POOL_H
#define SYZYGY_POOL_H
#include "conv.h"

/* x [rows, h, w, c], windows [rows, oh, ow, c]. Units: rows. Input outside the image is ignored by max_*, 0 for the others.
 *   max_gather         a = x, b = values at x          -> windows: b where the window's x is largest (b = a: the maximum)
 *   max_scatter        a = x, b = values at windows    -> x: the transpose in b
 *   window_sum         a = x                           -> windows: scale * the sum
 *   window_spread      a = windows                     -> x: the transpose
 *   patches            a = x                           -> [rows, oh, ow, kh, kw, c]: copies of the windows
 *   patches_transpose  a = patches                     -> x: sums over the windows that contain an element
 * The first of equal elements is the largest; a NaN is larger than any number. */
typedef struct {
    const void *a, *b;
    void *out;
    int64_t channels;
    double scale;
    sz_conv_axis axis[2];
} sz_pool;
#endif
