/* What the convolution kernels walk over; offsets in elements from the first of a sample. */

/* The image a kernel reads: the stored one with zeros around it, in scratch, or where it is if nothing must be added. */
struct image {
    int64_t channels;
    int64_t height, width, stored_height, stored_width;
    int64_t top, left; /* where the stored one begins */
    int32_t in_place;
};

/* A position of the result: where its patch begins in the image, where it is written. */
struct position { int64_t from, to; };

/* A run of products: consecutive steps in both operands. */
struct segment { int64_t u, v, length; };

/* Positions whose patches have the same taps: all of a convolution, those of one remainder of the stride for its transpose. */
struct phase { int64_t position, positions, segment, segments; };

struct plan {
    struct image image;
    int64_t read, written;      /* elements of a sample */
    int64_t weights;            /* elements of the weights of a copy */
    int64_t columns, depth;     /* of a group: columns of the result, and products in each sum of a tap */
    int64_t depthwise;          /* every channel by itself: vectors hold channels */
    int64_t samples;            /* worked on together while they and a panel of weights are in cache */
    int64_t runs, run;          /* weight gradient: rows of the kernel (or taps), and the elements of each */
    int64_t phases, phase, position, segment; /* their number; byte offsets of the tables from the plan */
};
#define TABLE(TYPE, p) ((struct TYPE *)((char *)(p) + (p)->TYPE))
