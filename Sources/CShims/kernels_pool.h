/* Pooling and patches. Included by kernels_typed.h. */

/* Channels worked on together: their state stays in registers or the first-level cache. */
#define BLOCK 64
#define EACH_SAMPLE                                                                                            \
    const sz_pool *s = arguments;                                                                              \
    const int64_t channels = s->channels, height = s->axis[0].out, width = s->axis[1].out;                     \
    const int64_t image = s->axis[0].in * s->axis[1].in * channels;                                            \
    (void)thread;                                                                                              \
    for (int64_t row = begin; row < end; row++)
#define EACH_WINDOW for (int64_t y = 0; y < height; y++) for (int64_t x = 0; x < width; x++)
#define EACH_TAP(m) for (int64_t i = m.top; i < m.bottom; i++) for (int64_t j = m.left; j < m.right; j++)
#define EACH_BLOCK for (int64_t first = 0, n; n = channels - first < BLOCK ? channels - first : BLOCK, first < channels; first += n)

/* The tap with the largest value of each channel: the first of equals, a NaN before numbers. */
static inline void FN(largest)(const sz_pool *s, const T *a, int64_t y, int64_t x, struct window m, int64_t n,
                               T *restrict best, int32_t *restrict tap) {
    int32_t index = 0;
    EACH_TAP(m) {
        const T *from = a + pixel_at(s, y, x, i, j) * s->channels;
        if (index == 0)
            for (int64_t c = 0; c < n; c++) {
                best[c] = from[c];
                tap[c] = 0;
            }
        else
            for (int64_t c = 0; c < n; c++) {
                const int larger = (from[c] > best[c]) | ((from[c] != from[c]) & (best[c] == best[c]));
                best[c] = larger ? from[c] : best[c];
                tap[c] = larger ? index : tap[c];
            }
        index++;
    }
}

static void FN(max_gather)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            EACH_BLOCK {
                const T *a = (const T *)s->a + row * image + first, *b = (const T *)s->b + row * image + first;
                T *out = (T *)s->out + ((row * height + y) * width + x) * channels + first;
                T value[BLOCK];
                int32_t tap[BLOCK], index = 0;
                FN(largest)(s, a, y, x, m, n, value, tap);
                if (a != b)
                    EACH_TAP(m) {
                        const T *from = b + pixel_at(s, y, x, i, j) * channels;
                        for (int64_t c = 0; c < n; c++) value[c] = tap[c] == index ? from[c] : value[c];
                        index++;
                    }
                for (int64_t c = 0; c < n; c++) out[c] = value[c];
            }
        }
    }
}

static void FN(max_scatter)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        T *out = (T *)s->out + row * image;
        memset(out, 0, (size_t)image * sizeof(T));
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            EACH_BLOCK {
                const T *b = (const T *)s->b + ((row * height + y) * width + x) * channels + first;
                T best[BLOCK];
                int32_t tap[BLOCK], index = 0;
                FN(largest)(s, (const T *)s->a + row * image + first, y, x, m, n, best, tap);
                EACH_TAP(m) {
                    T *to = out + pixel_at(s, y, x, i, j) * channels + first;
                    for (int64_t c = 0; c < n; c++) to[c] += tap[c] == index ? b[c] : 0;
                    index++;
                }
            }
        }
    }
}

static void FN(window_sum)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            EACH_BLOCK {
                const T *a = (const T *)s->a + row * image + first;
                T *out = (T *)s->out + ((row * height + y) * width + x) * channels + first;
                double total[BLOCK] = {0};
                EACH_TAP(m) {
                    const T *from = a + pixel_at(s, y, x, i, j) * channels;
                    for (int64_t c = 0; c < n; c++) total[c] += (double)from[c];
                }
                for (int64_t c = 0; c < n; c++) out[c] = (T)(s->scale * total[c]);
            }
        }
    }
}

static void FN(window_spread)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        T *out = (T *)s->out + row * image;
        const T scale = (T)s->scale;
        memset(out, 0, (size_t)image * sizeof(T));
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            const T *a = (const T *)s->a + ((row * height + y) * width + x) * channels;
            EACH_TAP(m) {
                T *to = out + pixel_at(s, y, x, i, j) * channels;
                for (int64_t c = 0; c < channels; c++) to[c] += scale * a[c];
            }
        }
    }
}

static void FN(patches)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        const int64_t taps = s->axis[0].kernel * s->axis[1].kernel, columns = s->axis[1].kernel;
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            T *out = (T *)s->out + ((row * height + y) * width + x) * taps * channels;
            if ((m.bottom - m.top) * (m.right - m.left) < taps) memset(out, 0, (size_t)(taps * channels) * sizeof(T));
            EACH_TAP(m) {
                const T *from = (const T *)s->a + row * image + pixel_at(s, y, x, i, j) * channels;
                for (int64_t c = 0; c < channels; c++) out[(i * columns + j) * channels + c] = from[c];
            }
        }
    }
}

static void FN(patches_transpose)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        const int64_t taps = s->axis[0].kernel * s->axis[1].kernel, columns = s->axis[1].kernel;
        T *out = (T *)s->out + row * image;
        memset(out, 0, (size_t)image * sizeof(T));
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            const T *a = (const T *)s->a + ((row * height + y) * width + x) * taps * channels;
            EACH_TAP(m) {
                T *to = out + pixel_at(s, y, x, i, j) * channels;
                for (int64_t c = 0; c < channels; c++) to[c] += a[(i * columns + j) * channels + c];
            }
        }
    }
}
#undef BLOCK
#undef EACH_SAMPLE
#undef EACH_WINDOW
#undef EACH_TAP
#undef EACH_BLOCK
