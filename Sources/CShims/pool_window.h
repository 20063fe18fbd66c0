/* The part of a window that is inside the image: taps [top, bottom) x [left, right), in pixels of the sample. */
struct window { int64_t top, bottom, left, right; };

/* Taps of window q inside the image; `begin` may reach `end`. */
static inline void inside(const sz_conv_axis *a, int64_t q, int64_t *begin, int64_t *end) {
    const int64_t first = q * a->stride - a->before, left = a->in - first;
    const int64_t d = a->dilation; /* mostly 1; divisions take long */
    *begin = first >= 0 ? 0 : d == 1 ? -first : (-first + d - 1) / d;
    *end = left <= 0 ? 0 : d == 1 ? left : (left + d - 1) / d;
    if (*end > a->kernel) *end = a->kernel;
}

static inline struct window window_at(const sz_pool *s, int64_t y, int64_t x) {
    struct window w;
    inside(&s->axis[0], y, &w.top, &w.bottom);
    inside(&s->axis[1], x, &w.left, &w.right);
    return w;
}

/* The pixel under tap (i, j) of window (y, x). */
static inline int64_t pixel_at(const sz_pool *s, int64_t y, int64_t x, int64_t i, int64_t j) {
    const sz_conv_axis *h = &s->axis[0], *w = &s->axis[1];
    return (y * h->stride - h->before + i * h->dilation) * w->in + x * w->stride - w->before + j * w->dilation;
}

/* Whether every pixel is in one window and every tap inside the image. */
static inline int are_disjoint(const sz_pool *s) {
    for (const sz_conv_axis *a = s->axis; a < s->axis + 2; a++)
        if (a->kernel != a->stride || a->dilation != 1 || a->before != 0 || a->in != a->out * a->stride) return 0;
    return 1;
}
