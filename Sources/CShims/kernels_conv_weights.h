/* The weight gradient of a convolution. Included by kernels_typed.h. */

/* Numbers at places that samples, lines and positions are so far apart. */
struct FN(grid) { const T *first; int64_t sample, line, step; };

/* out[i * out_row + j] (+)= sum over samples, lines and p < length of u[i] v[j] there; the last vector has `count` columns. */
#define GRADIENT_PARAMETERS                                                                                    \
    struct FN(grid) u, struct FN(grid) v, int64_t samples, int64_t lines, int64_t length, T *out, int64_t out_row,     \
        int64_t count, int continued
static inline __attribute__((always_inline)) void FN(gradient)(const int rows, const int vectors, GRADIENT_PARAMETERS) {
    V sum[GRADIENT_ROWS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++)
            sum[i][j] = continued ? FN(load)(out + i * out_row + j * WIDTH, j == vectors - 1 ? count : WIDTH) : (V){0};
    for (int64_t s = 0; s < samples; s++)
        for (int64_t l = 0; l < lines; l++) {
            const T *from = u.first + s * u.sample + l * u.line, *x = v.first + s * v.sample + l * v.line;
            for (int64_t p = 0; p < length; p++, from += u.step, x += v.step) {
                V y[2];
#pragma clang loop unroll(full)
                for (int j = 0; j < vectors; j++) y[j] = FN(load)(x + j * WIDTH, j == vectors - 1 ? count : WIDTH);
#pragma clang loop unroll(full)
                for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
                    for (int j = 0; j < vectors; j++) sum[i][j] += from[i] * y[j];
            }
        }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++)
            FN(store)(out + i * out_row + j * WIDTH, sum[i][j], j == vectors - 1 ? count : WIDTH);
}
#define GRADIENT(R, N)                                                                                         \
    static void FN(gradient_##R##_##N)(GRADIENT_PARAMETERS) {                                                  \
        FN(gradient)(R, N, u, v, samples, lines, length, out, out_row, count, continued);                      \
    }
#define UP_TO_6(N, X) X(1, N) X(2, N) X(3, N) X(4, N) X(5, N) X(6, N)
#if GRADIENT_ROWS == 14
#define UP_TO_MOST(N, X) UP_TO_6(N, X) X(7, N) X(8, N) X(9, N) X(10, N) X(11, N) X(12, N) X(13, N) X(14, N)
#else
#define UP_TO_MOST(N, X) UP_TO_6(N, X)
#endif
#define NAME(R, N) FN(gradient_##R##_##N),
UP_TO_MOST(1, GRADIENT)
UP_TO_MOST(2, GRADIENT)
static void (*const FN(gradients)[2][GRADIENT_ROWS])(GRADIENT_PARAMETERS) = {{UP_TO_MOST(1, NAME)}, {UP_TO_MOST(2, NAME)}};
#undef GRADIENT
#undef UP_TO_6
#undef UP_TO_MOST
#undef NAME

/* out[k * width + i] = in[k * step + i] for k < n, i < width. */
static void FN(gather_columns)(const T *in, int64_t step, int64_t n, int64_t width, T *out) {
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < width; i += WIDTH) {
            const int64_t count = width - i < WIDTH ? width - i : WIDTH;
            FN(store)(out + k * width + i, FN(load)(in + k * step + i, count), count);
        }
}

#define MOST_FETCHED 32
/* What is read next is fetched into the second-level cache meanwhile, a few lines of it with every tile: `count` bytes of each
 * pixel, pixels `step` elements apart. */
struct FN(ahead) { const T *pixel; int64_t step, count, at, lines; };
static inline void FN(fetch)(struct FN(ahead) *a) {
    for (int64_t k = 0; k < a->lines; k++) {
        __builtin_prefetch((const char *)a->pixel + a->at, 0, 2);
        a->at += 64;
        if (a->at >= a->count) {
            a->at = 0;
            a->pixel += a->step;
        }
    }
}

/* Output channels [first, first + rows) of group g in n samples from `row` on, added to `out` [outputs, taps, inputs] unless
 * they are the first. A tap takes part where it sees the image. */
static void FN(weights_of)(const sz_conv *c, const struct plan *p, int64_t g, int64_t first, int64_t rows, const T *input,
                           const T *cotangent, int64_t n, int continued, T *scratch, T *out) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t inputs = p->depth, taps = h->kernel * w->kernel, tiles = (rows + GRADIENT_ROWS - 1) / GRADIENT_ROWS;
    cotangent += g * p->columns + first;
    input += g * inputs;
    for (int64_t top = 0; top < h->out; top += p->lines, continued = 1) {
        const int64_t lines = h->out - top < p->lines ? h->out - top : p->lines, places = lines * w->out;
        T *packed = scratch; /* of the cotangent, tile by tile */
        if (p->packs_cotangent) {
            for (int64_t k = 0; k < tiles; k++) {
                const int64_t begin = k * rows / tiles, height = (k + 1) * rows / tiles - begin;
                for (int64_t s = 0; s < n; s++)
                    FN(gather_columns)(cotangent + (s * h->out + top) * w->out * c->outputs + begin, c->outputs, places, height,
                                       packed + (begin * n + s * height) * places);
            }
            scratch += (n * places * rows + 15) / 16 * 16;
        }
        /* Lines of the image that these see. */
        int64_t above = top * h->stride - h->before;
        int64_t below = above + (lines - 1) * h->stride + (h->kernel - 1) * h->dilation + 1;
        if (above < 0) above = 0;
        if (below > h->in) below = h->in;
        const int64_t pixels = below > above ? (below - above) * w->in : 0;
        const int64_t next = places * n * h->stride * w->stride, calls = tiles * taps * ((inputs + 2 * WIDTH - 1) / (2 * WIDTH));
        struct FN(ahead) ahead[2] = {
            {cotangent + (top + lines) * w->out * c->outputs, c->outputs, rows * (int64_t)sizeof(T), 0, 0},
            {input + below * w->in * c->channels, c->channels, inputs * (int64_t)sizeof(T), 0, 0}};
        if (n > 1) {
            ahead[0].pixel = cotangent + n * h->out * w->out * c->outputs;
            ahead[1].pixel = input + n * h->in * w->in * c->channels;
        }
        if (!p->packs_cotangent) ahead[0].lines = (places * n * ((ahead[0].count + 63) / 64) + calls - 1) / calls;
        if (!p->packs_input) ahead[1].lines = (next * ((ahead[1].count + 63) / 64) + calls - 1) / calls;
        for (int i = 0; i < 2; i++)
            if (ahead[i].lines > MOST_FETCHED) ahead[i].lines = 0; /* there is not enough to do meanwhile */
        for (int64_t j = 0, columns; j < inputs; j += columns) {
            columns = FN(width)(inputs - j);
            struct FN(grid) image = {input + above * w->in * c->channels + j, h->in * w->in * c->channels,
                                     w->in * c->channels, c->channels};
            if (p->packs_input) {
                for (int64_t s = 0; s < n; s++)
                    FN(gather_columns)(image.first + s * image.sample, c->channels, pixels, columns, scratch + s * pixels * columns);
                image = (struct FN(grid)){scratch, pixels * columns, w->in * columns, columns};
            }
            for (int64_t k = 0; k < tiles; k++) {
                const int64_t begin = k * rows / tiles, height = (k + 1) * rows / tiles - begin;
                struct FN(grid) u = {cotangent + top * w->out * c->outputs + begin, h->out * w->out * c->outputs,
                                     w->out * c->outputs, c->outputs};
                if (p->packs_cotangent)
                    u = (struct FN(grid)){packed + begin * n * places, places * height, w->out * height, height};
                for (int64_t t = 0; t < taps; t++) {
                    const int64_t y = t / w->kernel, x = t % w->kernel;
                    int64_t from_line, to_line, from, to;
                    seen(h, y, &from_line, &to_line);
                    seen(w, x, &from, &to);
                    if (from_line < top) from_line = top;
                    if (to_line > top + lines) to_line = top + lines;
                    int64_t samples = n, count = to_line - from_line, length = to - from;
                    if (count <= 0 || length <= 0) samples = count = length = 0;
                    struct FN(grid) a = u, b = image;
                    a.first += (from_line - top) * u.line + from * u.step;
                    b.first += (from_line * h->stride + y * h->dilation - h->before - above) * image.line
                               + (from * w->stride + x * w->dilation - w->before) * image.step;
                    b.line *= h->stride;
                    b.step *= w->stride;
                    if (!samples) a.first = b.first = scratch;
                    FN(fetch)(&ahead[0]);
                    FN(fetch)(&ahead[1]);
                    if (length * a.step == a.line && length * b.step == b.line) {
                        length *= count;
                        count = 1;
                        if (length * a.step == a.sample && length * b.step == b.sample) {
                            length *= samples;
                            samples = samples > 0;
                        }
                    }
                    FN(gradients)[columns > WIDTH][height - 1](
                        a, b, samples, count, length, out + (begin * taps + t) * inputs + j, taps * inputs,
                        columns > WIDTH ? columns - WIDTH : columns, continued);
                }
            }
        }
        scratch = packed;
    }
}

/* The images of `samples` samples with zeros around them. */
static const T *FN(images)(const struct plan *p, const T *in, int64_t samples, T *scratch) {
    const struct image *m = &p->image;
    if (m->in_place) return in;
    const int64_t left = m->left;
    int64_t right = left + m->stored_width < m->width ? left + m->stored_width : m->width;
    if (right < left) right = left;
    const size_t pixel = (size_t)m->channels * sizeof(T);
    for (int64_t s = 0; s < samples; s++)
        for (int64_t y = 0; y < m->height; y++) {
            T *to = scratch + (s * m->height + y) * m->width * m->channels;
            const int64_t row = y - m->top;
            if (row < 0 || row >= m->stored_height || left == right) {
                memset(to, 0, (size_t)m->width * pixel);
                continue;
            }
            memset(to, 0, (size_t)left * pixel);
            memcpy(to + left * m->channels, in + s * p->read + row * m->stored_width * m->channels,
                   (size_t)(right - left) * pixel);
            memset(to + right * m->channels, 0, (size_t)(m->width - right) * pixel);
        }
    return scratch;
}

/* Channels [begin, end) of one copy: `images` and `cotangent` of n samples, added to `out` [channels, taps] if `continued`. */
static void FN(depthwise_weights)(const sz_conv *c, const struct plan *p, int64_t begin, int64_t end, const T *images,
                                  const T *cotangent, int64_t n, T *out, int continued) {
    const int64_t taps = c->axis[0].kernel * c->axis[1].kernel, lines = p->samples * c->axis[0].out;
    const struct segment *segment = TABLE(segment, p);
    for (int64_t j = begin, count; j < end; j += count) {
        count = end - j < WIDTH ? end - j : WIDTH;
        for (int64_t t = 0, rows; t < taps; t += rows) {
            V sum[MOST_CHANNELWISE] = {{0}};
            rows = taps - t < MOST_CHANNELWISE ? taps - t : MOST_CHANNELWISE;
            if (continued)
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t k = 0; k < count; k++) sum[r][k] = out[(j + k) * taps + t + r];
            FN(channelwise)[rows - 1](segment, n * c->axis[0].out, segment + lines, 1, TABLE(position, p) + t, images + j,
                            c->axis[1].stride * c->channels, cotangent + j, c->channels, count, sum);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t k = 0; k < count; k++) out[(j + k) * taps + t + r] = sum[r][k];
        }
    }
}

/* conv2d_weight_grad. */
static void FN(correlate_weights)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_conv *c = arguments;
    const struct plan *p = c->plan;
    T *scratch = (T *)((char *)c->scratch + thread * c->scratch_stride);
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t each = c->rows / c->copies, written = h->out * w->out * c->outputs;
    const int64_t kernel = h->kernel * w->kernel * p->depth, lines = p->samples * h->out;
    const int64_t together = p->depthwise ? c->outputs : p->columns;
    const struct segment *segment = TABLE(segment, p);
    for (int64_t o = begin, next; o < end; o = next) { /* channels [o, next) of one group of one copy; of all if depthwise */
        next = (o / together + 1) * together < end ? (o / together + 1) * together : end;
        const int64_t copy = o / c->outputs, first = o % together, g = o % c->outputs / together;
        T *out = (T *)c->out + (o - first) * kernel, *gathered = scratch + p->gathered;
        for (int64_t row = 0, n; row < each; row += n) {
            n = each - row < p->samples ? each - row : p->samples;
            const T *input = (const T *)c->a + (copy * each + row) * p->read;
            const T *cotangent = (const T *)c->b + (copy * each + row) * written;
            if (!p->depthwise && !p->turned) {
                FN(weights_of)(c, p, g, first, next - o, input, cotangent, n, row > 0, scratch, out + first * kernel);
                continue;
            }
            const T *images = FN(images)(p, input, n, scratch);
            if (p->depthwise) {
                FN(depthwise_weights)(c, p, first, first + next - o, images, cotangent, n, out, row > 0);
                continue;
            }
            for (int64_t j = first, columns; j < first + next - o; j += columns) {
                columns = FN(width)(first + next - o - j);
                FN(strip)(segment, n * h->out, segment + lines, 1, 1, TABLE(position, p), kernel, images + g * p->depth,
                          w->stride * c->channels, cotangent + g * p->columns + j, c->outputs, gathered + j, columns, row > 0);
            }
        }
        if (p->turned)
            for (int64_t j = first; j < first + next - o; j++)
                for (int64_t e = 0; e < kernel; e++) out[j * kernel + e] = gathered[e * p->columns + j];
    }
}
#undef TILE_PARAMETERS
#undef TILE_ARGUMENTS
#undef CHANNELWISE_PARAMETERS
#undef MOST_CHANNELWISE
#undef GRADIENT_PARAMETERS
#undef MOST_FETCHED
