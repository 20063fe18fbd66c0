/* Convolution of images stored channels-last, by shares of samples or of output channels: no allocation, no threads of its own,
 * the same bits however the units are shared. */
#ifndef SYZYGY_CONV_H
#define SYZYGY_CONV_H
#include <stdint.h>

/* One spatial axis. Output position q reads input positions q * stride + tap * dilation - before, for tap < kernel; positions
 * outside [0, in) count as 0. */
typedef struct {
    int64_t in, out, kernel, stride, before, dilation;
} sz_conv_axis;

/* Sums of products over patches, for `rows` samples, of which runs of rows / copies have weights of their own:
 *   conv2d             x [rows, h, w, c], weights                    -> y [rows, oh, ow, o]        units: rows
 *   conv2d_input_grad  cotangent [rows, oh, ow, o], turned weights   -> [rows, h, w, c]            units: rows
 *   conv2d_weight_grad x, cotangent                                  -> [copies, o, kh, kw, c / g] units: copies * o
 * Output channels [j * o/g, (j + 1) * o/g) read input channels [j * c/g, (j + 1) * c/g). Weights come in panels of columns:
 *   weights         [copies, groups, (o/g) / panel, kh, kw, c/g, panel]
 *   turned weights  [copies, groups, (c/g) / panel, kh, kw, o/g, panel]
 * or, if every group has one input and one output channel, both as [copies, kh, kw, c] with panel = c.
 * Sums run in the precision of the elements, one product after the other, in an order that depends on shapes only: parts of the
 * channels, rows of the kernel, its columns, channels; those of the weight gradient over samples, then positions. What lies
 * outside the image takes no part. */
typedef struct sz_conv {
    const void *a, *b;
    void *out;
    int64_t rows, copies, groups, channels, outputs, panel;
    sz_conv_axis axis[2];     /* height, width */
    const void *plan;         /* made by sz_conv_plan */
    void *scratch;            /* scratch_stride bytes for each thread, 64-byte aligned */
    int64_t scratch_stride;
} sz_conv;

enum { SZ_CONV_FORWARD, SZ_CONV_INPUT_GRAD, SZ_CONV_WEIGHT_GRAD };

/* Works out where a kernel reads and writes, for elements of `bytes`. Returns the bytes of the plan, written to `plan` unless it
 * is NULL, and in `scratch` the bytes of scratch that a thread needs. Pointers of the argument are not looked at. */
int64_t sz_conv_plan(const sz_conv *, int32_t kind, int32_t bytes, void *plan, int64_t *scratch);
#endif
