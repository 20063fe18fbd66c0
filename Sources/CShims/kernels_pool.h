/* Pooling and patches. Included by kernels_typed.h. */

#define EACH_SAMPLE                                                                                            \
    const sz_pool *s = arguments;                                                                              \
    const int64_t channels = s->channels, height = s->axis[0].out, width = s->axis[1].out;                     \
    const int64_t image = s->axis[0].in * s->axis[1].in * channels;                                            \
    const int64_t right = s->axis[1].dilation * channels, down = s->axis[0].dilation * s->axis[1].in * channels;   \
    (void)thread;                                                                                              \
    for (int64_t row = begin; row < end; row++)
#define EACH_WINDOW for (int64_t y = 0; y < height; y++) for (int64_t x = 0; x < width; x++)
/* `at`: the first channel of the tap's pixel, in elements from the sample. */
#define EACH_TAP(m)                                                                                            \
    for (int64_t i = m.top, line = pixel_at(s, y, x, m.top, m.left) * channels; i < m.bottom; i++, line += down)   \
        for (int64_t j = m.left, at = line; j < m.right; j++, at += right)
#define EACH_PIXEL                                                                                             \
    for (int64_t i = 0; i < rows; i++) for (int64_t j = 0, at = i * down; j < columns; j++, at += right)
#define EACH_VECTOR                                                                                            \
    for (int64_t first = 0, n; n = channels - first < WIDTH ? channels - first : WIDTH, first < channels; first += n)

/* A window of rows x columns pixels. Finds the largest value of `a` in each channel, the first of equals, a NaN before numbers,
 * and takes what `b` has there to `out` [channels], or, if `scatters`, adds `b` [channels] to `out` there (`apart`: sets all of
 * the window). */
static inline __attribute__((always_inline)) void FN(at_largest)(
    const int64_t rows, const int64_t columns, int64_t down, int64_t right, int64_t channels, int64_t next, const T *a,
    const T *b, T *out, const int scatters, const int apart) {
    EACH_VECTOR {
        FN(mask) tap = {0}, index = {0};
        V top = FN(load)(a + first, n);
        EACH_PIXEL {
            __builtin_prefetch(a + first + at + next); /* for the window below: too many rows at once for the processor to see */
            const V value = FN(load)(a + first + at, n);
            const FN(mask) larger = (value > top) | ((value != value) & (top == top));
            top = FN(choose)(larger, value, top);
            tap = (larger & index) | (~larger & tap);
            index += 1;
        }
        index = (FN(mask)){0};
        if (scatters) {
            const V given = FN(load)(b + first, n);
            EACH_PIXEL {
                const V part = (V)((FN(mask))given & (tap == index));
                FN(store)(out + first + at, apart ? part : FN(load)(out + first + at, n) + part, n);
                index += 1;
            }
        } else {
            if (a != b)
                EACH_PIXEL {
                    top = FN(choose)(tap == index, FN(load)(b + first + at, n), top);
                    index += 1;
                }
            FN(store)(out + first, top, n);
        }
    }
}
#define AT_LARGEST(A, B, OUT, SCATTERS, APART)                                                                 \
    do {                                                                                                       \
        const int64_t rows = m.bottom - m.top, columns = m.right - m.left;                                     \
        const int64_t next = s->axis[0].stride * s->axis[1].in * channels;                                     \
        if (rows == 2 && columns == 2) FN(at_largest)(2, 2, down, right, channels, next, A, B, OUT, SCATTERS, APART);   \
        else FN(at_largest)(rows, columns, down, right, channels, next, A, B, OUT, SCATTERS, APART);           \
    } while (0)

static void FN(max_gather)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            const int64_t from = row * image + pixel_at(s, y, x, m.top, m.left) * channels;
            AT_LARGEST((const T *)s->a + from, (const T *)s->b + from,
                       (T *)s->out + ((row * height + y) * width + x) * channels, 0, 0);
        }
    }
}

static void FN(max_scatter)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const int apart = are_disjoint(arguments);
    EACH_SAMPLE {
        if (!apart) memset((T *)s->out + row * image, 0, (size_t)image * sizeof(T));
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            const int64_t to = row * image + pixel_at(s, y, x, m.top, m.left) * channels;
            const T *b = (const T *)s->b + ((row * height + y) * width + x) * channels;
            if (apart) AT_LARGEST((const T *)s->a + to, b, (T *)s->out + to, 1, 1);
            else AT_LARGEST((const T *)s->a + to, b, (T *)s->out + to, 1, 0);
        }
    }
}

static void FN(window_sum)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    EACH_SAMPLE {
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            EACH_VECTOR {
                const T *a = (const T *)s->a + row * image + first;
                T *out = (T *)s->out + ((row * height + y) * width + x) * channels + first;
                double total[WIDTH] = {0};
                EACH_TAP(m) {
                    const V from = FN(load)(a + at, n);
                    for (int64_t c = 0; c < WIDTH; c++) total[c] += (double)from[c];
                }
                for (int64_t c = 0; c < n; c++) out[c] = (T)(s->scale * total[c]);
            }
        }
    }
}

static void FN(window_spread)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const int apart = are_disjoint(arguments);
    EACH_SAMPLE {
        T *out = (T *)s->out + row * image;
        const T scale = (T)s->scale;
        if (!apart) memset(out, 0, (size_t)image * sizeof(T));
        EACH_WINDOW {
            const struct window m = window_at(s, y, x);
            EACH_VECTOR {
                const V part = scale * FN(load)((const T *)s->a + ((row * height + y) * width + x) * channels + first, n);
                EACH_TAP(m) {
                    T *to = out + at + first;
                    FN(store)(to, apart ? part : FN(load)(to, n) + part, n);
                }
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
                const T *from = (const T *)s->a + row * image + at;
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
                T *to = out + at;
                for (int64_t c = 0; c < channels; c++) to[c] += a[(i * columns + j) * channels + c];
            }
        }
    }
}
#undef EACH_SAMPLE
#undef EACH_WINDOW
#undef EACH_TAP
#undef EACH_VECTOR
#undef EACH_PIXEL
#undef AT_LARGEST
