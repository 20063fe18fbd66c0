/* Convolution, by register tiles of up to TILE_ROWS x 2 vectors. Included by kernels_typed.h. */

/* out[at_i.to + j] (+)= sum over segments a of `down`, b of `right` and p < b.length * depth of
 * u[at_i.from + a.u + b.u + p * u_step] v[a.v + b.v + p * v_step + j]. The last vector has `count` columns. */
#define TILE_PARAMETERS                                                                                        \
    const struct segment *down, int64_t downs, const struct segment *right, int64_t rights, int64_t depth,     \
        const struct position *at, const T *u, int64_t u_step, const T *v, int64_t v_step, T *out, int64_t count,  \
        int continued
#define TILE_ARGUMENTS down, downs, right, rights, depth, at, u, u_step, v, v_step, out, count, continued
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
    for (const struct segment *a = down; a < down + downs; a++)
        for (const struct segment *b = right; b < right + rights; b++) {
            const T *x = v + a->v + b->v;
            const int64_t begin = a->u + b->u, end = begin + b->length * depth * u_step;
            for (int64_t p = begin; p < end; p += u_step, x += v_step) {
                V y[2];
#pragma clang loop unroll(full)
                for (int j = 0; j < vectors; j++) y[j] = FN(load)(x + j * WIDTH, j == vectors - 1 ? count : WIDTH);
#pragma clang loop unroll(full)
                for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
                    for (int j = 0; j < vectors; j++) sum[i][j] += from[i][p] * y[j];
            }
        }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++)
            FN(store)(out + at[i].to + j * WIDTH, sum[i][j], j == vectors - 1 ? count : WIDTH);
}
#define TILE(R, N) static void FN(tile_##R##_##N)(TILE_PARAMETERS) { FN(multiply)(R, N, TILE_ARGUMENTS); }
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
static void FN(strip)(const struct segment *down, int64_t downs, const struct segment *right, int64_t rights, int64_t depth,
                      const struct position *at, int64_t rows, const T *u, int64_t u_step, const T *v, int64_t v_step, T *out,
                      int64_t columns, int continued) {
    const int64_t tiles = (rows + TILE_ROWS - 1) / TILE_ROWS, two = columns > WIDTH, count = columns - two * WIDTH;
    for (int64_t k = 0, next; k < tiles; k++, at += next) {
        next = (k + 1) * rows / tiles - k * rows / tiles;
        FN(tile)[two][next - 1](TILE_ARGUMENTS);
    }
}
static inline int64_t FN(width)(int64_t columns) { return columns < 2 * WIDTH ? columns : 2 * WIDTH; }

/* sum[i][j] += the same with u[at_i.from + ... + j] v[... + j], for channels j. */
#define CHANNELWISE_PARAMETERS                                                                                 \
    const struct segment *down, int64_t downs, const struct segment *right, int64_t rights,                    \
        const struct position *at, const T *u, int64_t u_step, const T *v, int64_t v_step, int64_t count, V *sum
#define CHANNELWISE(R)                                                                                         \
    static void FN(channelwise_##R)(CHANNELWISE_PARAMETERS) {                                                  \
        V total[R];                                                                                            \
        const T *from[R];                                                                                      \
        for (int i = 0; i < R; i++) total[i] = sum[i];                                                         \
        for (int i = 0; i < R; i++) from[i] = u + at[i].from;                                                  \
        for (const struct segment *a = down; a < down + downs; a++)                                            \
            for (const struct segment *b = right; b < right + rights; b++) {                                   \
                const T *x = v + a->v + b->v;                                                                  \
                const int64_t begin = a->u + b->u, end = begin + b->length * u_step;                           \
                for (int64_t p = begin; p < end; p += u_step, x += v_step) {                                   \
                    const V y = FN(load)(x, count);                                                            \
                    for (int i = 0; i < R; i++) total[i] += FN(load)(from[i] + p, count) * y;                  \
                }                                                                                              \
            }                                                                                                  \
        for (int i = 0; i < R; i++) sum[i] = total[i];                                                         \
    }
#define TILES(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define NAME(R) FN(channelwise_##R),
#define MOST_CHANNELWISE 9
TILES(CHANNELWISE)
static void (*const FN(channelwise)[MOST_CHANNELWISE])(CHANNELWISE_PARAMETERS) = {TILES(NAME)};
#undef CHANNELWISE
#undef TILES
#undef NAME

/* Positions of n samples, `channels` of them each by itself. */
static void FN(depthwise)(const struct plan *p, int64_t channels, int64_t n, const T *images, const T *weights, T *out) {
    const struct segment *segment = TABLE(segment, p);
    for (int64_t j = 0, count; j < channels; j += count) {
        count = channels - j < WIDTH ? channels - j : WIDTH;
        for (const struct phase *f = TABLE(phase, p); f < TABLE(phase, p) + p->phases; f++)
            for (int64_t i = 0, rows; i < n * f->positions; i += rows) {
                const struct position *at = TABLE(position, p) + f->position + i;
                V sum[MOST_CHANNELWISE] = {{0}};
                rows = n * f->positions - i < MOST_CHANNELWISE ? n * f->positions - i : MOST_CHANNELWISE;
                FN(channelwise)[rows - 1](segment + f->down, f->downs, segment + f->right, f->rights, at, images + j, 1,
                                          weights + j, 0, count, sum);
                for (int64_t r = 0; r < rows; r++) FN(store)(out + at[r].to + j, sum[r], count);
            }
    }
}

/* conv2d and conv2d_input_grad: columns are channels of the result, tiles hold positions. */
static void FN(correlate)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_conv *c = arguments;
    const struct plan *p = c->plan;
    const struct segment *segment = TABLE(segment, p);
    const int64_t each = c->rows / c->copies;
    const int64_t group = p->weights / c->groups, panel = group / p->columns * c->panel;
    (void)thread;
    for (int64_t row = begin, n; row < end; row += n) {
        const int64_t copy = row / each, left = (copy + 1) * each < end ? (copy + 1) * each - row : end - row;
        n = left < p->samples ? left : p->samples;
        const T *images = (const T *)c->a + row * p->read, *weights = (const T *)c->b + copy * p->weights;
        T *out = (T *)c->out + row * p->written;
        if (p->depthwise) {
            FN(depthwise)(p, c->channels, n, images, weights, out);
            continue;
        }
        for (int64_t g = 0; g < c->groups; g++)
            for (int64_t j = 0, columns; j < p->columns; j += columns) {
                columns = FN(width)(c->panel - j % c->panel);
                const T *v = weights + g * group + j / c->panel * panel + j % c->panel;
                for (int64_t d = 0, depth; d < p->depth; d += depth) {
                    depth = p->depth - d < p->part ? p->depth - d : p->part;
                    for (const struct phase *f = TABLE(phase, p); f < TABLE(phase, p) + p->phases; f++)
                        FN(strip)(segment + f->down, f->downs, segment + f->right, f->rights, depth,
                                  TABLE(position, p) + f->position, n * f->positions, images + g * p->depth + d, 1,
                                  v + d * c->panel, c->panel, out + g * p->columns + j, columns, d > 0);
                }
            }
    }
}
