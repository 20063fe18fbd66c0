/* What the convolution kernels walk over; offsets in elements from the first of a sample. */

/* A position of the result: the first pixel that it sees, where it is written. */
struct position { int64_t from, to; };

/* Taps of the kernel along one axis: where they are in the image, from the first one on, and in the weights. `length` taps that
 * follow each other in both are one. */
struct segment { int64_t u, v, length; };

/* Positions that see the same taps: all rows of some with all columns of others. */
struct phase { int64_t position, positions, down, downs, right, rights; };

/* Zeros around an image, in scratch, for the kernels that want them. */
struct image {
    int64_t channels;
    int64_t height, width, stored_height, stored_width;
    int64_t top, left; /* where the stored one begins */
    int32_t in_place;  /* nothing must be added */
};

struct plan {
    int64_t read, written;      /* elements of a sample */
    int64_t weights;            /* elements of the weights of a copy */
    int64_t columns, depth;     /* of a group: columns of the result, and products in each sum of a tap */
    int64_t part;               /* of the depth, added at once */
    int32_t depthwise;          /* every channel by itself: vectors hold channels */
    int32_t turned;             /* weight gradient: vectors hold output channels */
    int32_t packs_input, packs_cotangent;
    int64_t samples, lines;     /* worked on together: samples, or lines of one */
    struct image image;
    int64_t gathered;           /* where the turned weight gradient is in scratch, in elements */
    int64_t phases, phase, position, segment; /* their number; byte offsets of the tables from the plan */
};
#define TABLE(TYPE, p) ((struct TYPE *)((char *)(p) + (p)->TYPE))

/* Positions of the result on an axis at which a tap is inside the image. */
static inline void seen(const sz_conv_axis *a, int64_t tap, int64_t *begin, int64_t *end) {
    const int64_t first = tap * a->dilation - a->before, left = a->in - first;
    *begin = first >= 0 ? 0 : (-first + a->stride - 1) / a->stride;
    *end = left <= 0 ? 0 : (left + a->stride - 1) / a->stride;
    if (*end > a->out) *end = a->out;
}
