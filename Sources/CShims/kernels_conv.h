/* Convolution, by register tiles of up to TILE_ROWS positions (or output channels) x 2 vectors. Included by kernels_typed.h. */
/* out[at_i.to + j] (+)= sum over segments and p < length of u[at_i.from + s.u + p * u_step] v[s.v + p * v_step + j].
 * The last vector has `count` columns. */
#define TILE_PARAMETERS                                                                                        \
    const struct segment *segment, int64_t segments, const struct position *at, const T *u, int64_t u_step,   \
        const T *v, int64_t v_step, T *out, int64_t count, int continued
static inline __attribute__((always_inline)) void FN(multiply)(const int rows, const int vectors, TILE_PARAMETERS) {
    V sum[TILE_ROWS][2];
    const T *from[TILE_ROWS];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        from[i] = u + at[i].from;
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++)
            sum[i][j] = continued ? FN(load)(out + at[i].to + j * WIDTH, j == vectors - 1 ? count : WIDTH) : (V){0};
    }
    for (const struct segment *s = segment; s < segment + segments; s++) {
        const T *right = v + s->v;
        const int64_t end = s->u + s->length * u_step;
        for (int64_t p = s->u; p < end; p += u_step, right += v_step) {
            V x[2];
#pragma clang loop unroll(full)
            for (int j = 0; j < vectors; j++) x[j] = FN(load)(right + j * WIDTH, j == vectors - 1 ? count : WIDTH);
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
                for (int j = 0; j < vectors; j++) sum[i][j] += from[i][p] * x[j];
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++)
            FN(store)(out + at[i].to + j * WIDTH, sum[i][j], j == vectors - 1 ? count : WIDTH);
}
#define TILE(R, N)                                                                                             \
    static void FN(tile_##R##_##N)(TILE_PARAMETERS) {                                                          \
        FN(multiply)(R, N, segment, segments, at, u, u_step, v, v_step, out, count, continued);                \
    }
#define TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(1, 2) X(2, 2) X(3, 2) X(4, 2) X(5, 2) X(6, 2)
#define NAME(R, N) [N - 1][R - 1] = FN(tile_##R##_##N),
TILES(TILE)
#if TILE_ROWS == 8
TILE(7, 1) TILE(8, 1) TILE(7, 2) TILE(8, 2)
static void (*const FN(tile)[2][TILE_ROWS])(TILE_PARAMETERS) = {TILES(NAME) NAME(7, 1) NAME(8, 1) NAME(7, 2) NAME(8, 2)};
#else
static void (*const FN(tile)[2][TILE_ROWS])(TILE_PARAMETERS) = {TILES(NAME)};
#endif
#undef NAME
#undef TILES
#undef TILE

/* `columns` <= 2 WIDTH columns of `rows` rows, in tiles of about equal height. */
static void FN(strip)(const struct segment *segment, int64_t segments, const struct position *at, int64_t rows, const T *u,
                      int64_t u_step, const T *v, int64_t v_step, T *out, int64_t columns, int continued) {
    const int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, two = columns > WIDTH;
    for (int64_t k = 0, i = 0; k < tiles; k++) {
        const int64_t next = (k + 1) * rows / tiles;
        FN(tile)[two][next - i - 1](segment, segments, at + i, u, u_step, v, v_step, out, columns - two * WIDTH, continued);
        i = next;
    }
}
static inline int64_t FN(width)(int64_t columns) { return columns < 2 * WIDTH ? columns : 2 * WIDTH; }

/* sum[i][j] += sum over segments and p < length of u[at_i.from + s.u + p * u_step + j] v[s.v + p * v_step + j], channels j. */
#define CHANNELWISE(R)                                                                                         \
    static void FN(channelwise_##R)(const struct segment *segment, int64_t segments, const struct position *at,\
                                    const T *u, int64_t u_step, const T *v, int64_t v_step, int64_t count, V *sum) {     \
        V total[R];                                                                                            \
        for (int i = 0; i < R; i++) total[i] = sum[i];                                                         \
        for (const struct segment *s = segment; s < segment + segments; s++)                                   \
            for (int64_t p = 0; p < s->length; p++) {                                                          \
                const V right = FN(load)(v + s->v + p * v_step, count);                                        \
                for (int i = 0; i < R; i++)                                                                    \
                    total[i] += FN(load)(u + at[i].from + s->u + p * u_step, count) * right;                   \
            }                                                                                                  \
        for (int i = 0; i < R; i++) sum[i] = total[i];                                                         \
    }
CHANNELWISE(1)
CHANNELWISE(6)
#undef CHANNELWISE
/* `rows` <= 6 of them. */
static inline void FN(channelwise)(const struct segment *segment, int64_t segments, const struct position *at, int64_t rows,
                                   const T *u, int64_t u_step, const T *v, int64_t v_step, int64_t count, V *sum) {
    if (rows == 6) FN(channelwise_6)(segment, segments, at, u, u_step, v, v_step, count, sum);
    else for (int64_t i = 0; i < rows; i++) FN(channelwise_1)(segment, segments, at + i, u, u_step, v, v_step, count, sum + i);
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

static void FN(depthwise)(const sz_conv *c, const struct plan *p, const T *image, const T *weights, T *out) {
    for (int64_t j = 0, count; j < c->channels; j += count) {
        count = c->channels - j < WIDTH ? c->channels - j : WIDTH;
        for (const struct phase *f = TABLE(phase, p); f < TABLE(phase, p) + p->phases; f++)
            for (int64_t i = 0, rows; i < f->positions; i += rows) {
                const struct position *at = TABLE(position, p) + f->position + i;
                V sum[6] = {{0}};
                rows = f->positions - i < 6 ? f->positions - i : 6;
                FN(channelwise)(TABLE(segment, p) + f->segment, f->segments, at, rows, image + j, 0, weights + j, 0, count, sum);
                for (int64_t r = 0; r < rows; r++) FN(store)(out + at[r].to + j, sum[r], count);
            }
    }
}

/* Channels [begin, end) of one copy: `images` and `cotangent` of n samples, added to `out` [channels, taps] if `continued`. */
static void FN(depthwise_weights)(const sz_conv *c, const struct plan *p, int64_t begin, int64_t end, const T *images,
                                  const T *cotangent, int64_t n, T *out, int continued) {
    const int64_t taps = c->axis[0].kernel * c->axis[1].kernel;
    for (int64_t j = begin, count; j < end; j += count) {
        count = end - j < WIDTH ? end - j : WIDTH;
        for (int64_t t = 0, rows; t < taps; t += rows) {
            V sum[6] = {{0}};
            rows = taps - t < 6 ? taps - t : 6;
            if (continued)
                for (int64_t r = 0; r < rows; r++)
                    for (int64_t k = 0; k < count; k++) sum[r][k] = out[(j + k) * taps + t + r];
            FN(channelwise)(TABLE(segment, p), n * c->axis[0].out, TABLE(position, p) + t, rows, images + j,
                            c->axis[1].stride * c->channels, cotangent + j, c->channels, count, sum);
            for (int64_t r = 0; r < rows; r++)
                for (int64_t k = 0; k < count; k++) out[(j + k) * taps + t + r] = sum[r][k];
        }
    }
}

/* conv2d and conv2d_input_grad: columns are channels of the result, tiles hold positions. */
static void FN(correlate)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_conv *c = arguments;
    const struct plan *p = c->plan;
    T *scratch = (T *)((char *)c->scratch + thread * c->scratch_stride);
    const int64_t each = c->rows / c->copies, size = p->image.height * p->image.width * p->image.channels;
    const int64_t group = p->weights / c->groups, panel = group / p->columns * c->panel;
    for (int64_t row = begin, n; row < end; row += n) {
        const int64_t copy = row / each, left = (copy + 1) * each < end ? (copy + 1) * each - row : end - row;
        n = left < p->samples ? left : p->samples;
        const T *images = FN(images)(p, (const T *)c->a + row * p->read, n, scratch);
        const T *weights = (const T *)c->b + copy * p->weights;
        T *out = (T *)c->out + row * p->written;
        if (p->depthwise) {
            for (int64_t s = 0; s < n; s++) FN(depthwise)(c, p, images + s * size, weights, out + s * p->written);
            continue;
        }
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t j = 0, columns; j < p->columns; j += columns) {
                columns = FN(width)(c->panel - j % c->panel);
                const T *v = weights + g * group + j / c->panel * panel + j % c->panel;
                for (int64_t s = 0; s < n; s++)
                    for (const struct phase *f = TABLE(phase, p); f < TABLE(phase, p) + p->phases; f++)
                        FN(strip)(TABLE(segment, p) + f->segment, f->segments, TABLE(position, p) + f->position,
                                  f->positions, images + s * size + g * p->depth, 1, v, c->panel,
                                  out + s * p->written + g * p->columns + j, columns, 0);
            }
    }
}

/* conv2d_weight_grad: columns are elements of a row of the kernel, tiles hold output channels. */
static void FN(correlate_weights)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_conv *c = arguments;
    const struct plan *p = c->plan;
    T *scratch = (T *)((char *)c->scratch + thread * c->scratch_stride);
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t each = c->rows / c->copies, outputs = c->outputs / c->groups, channels = c->channels;
    const int64_t taps = p->runs / h->kernel, written = h->out * w->out * c->outputs;
    const int64_t together = p->depthwise ? c->outputs : outputs;
    for (int64_t o = begin, next; o < end; o = next) { /* channels [o, next) of one group of one copy; of all if depthwise */
        next = (o / together + 1) * together < end ? (o / together + 1) * together : end;
        const int64_t copy = o / c->outputs, first = o % together, g = o % c->outputs / together;
        T *out = (T *)c->out + (o - first) * p->runs * p->run;
        for (int64_t row = 0, n; row < each; row += n) {
            n = each - row < p->samples ? each - row : p->samples;
            const T *images = FN(images)(p, (const T *)c->a + (copy * each + row) * p->read, n, scratch);
            const T *cotangent = (const T *)c->b + (copy * each + row) * written + g * outputs;
            if (p->depthwise) {
                FN(depthwise_weights)(c, p, first, first + next - o, images, cotangent, n, out, row > 0);
                continue;
            }
            for (int64_t r = 0; r < p->runs; r++) {
                const T *v = images + r / taps * h->dilation * p->image.width * channels
                             + r % taps * w->dilation * channels + g * (channels / c->groups);
                for (int64_t j = 0; j < p->run; j += 2 * WIDTH)
                    FN(strip)(TABLE(segment, p), n * h->out, TABLE(position, p) + first, next - o, cotangent, c->outputs,
                              v + j, w->stride * channels, out + r * p->run + j, FN(width)(p->run - j), row > 0);
            }
        }
    }
}
#undef TILE_PARAMETERS
