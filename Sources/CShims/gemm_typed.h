/* One precision of one instruction set: elements T in vectors of LANES, register tiles of TILE_ROWS x (VECTORS * LANES). */
#define WIDTH (VECTORS * LANES)
#define DEPTH ((int64_t)(PANEL_BYTES / (WIDTH * sizeof(T))))
#define V FN(vector)
#define LOAD(p) (*(const FN(unaligned) *)(p))
#define STORE(p, x) (*(FN(unaligned) *)(p) = (x))
typedef T V __attribute__((vector_size(LANES * sizeof(T))));
typedef double FN(pairs) __attribute__((vector_size(LANES * sizeof(T))));
typedef T FN(unaligned) __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias));

/* out[i][j] (+)= sum over p of u[i][p] v[p][j]; u has any strides, the columns of v and out are adjacent. Rows of u that are
 * adjacent in memory are too many streams for the processor to see: those of the tile below are fetched meanwhile. */
typedef void (*FN(tile))(int64_t depth, const T *u, int64_t u_row, int64_t u_col, const T *v, int64_t v_row,
                         T *out, int64_t out_row, int continued);
static inline __attribute__((always_inline)) void FN(multiply)(
    const int rows, const int vectors, int64_t depth, const T *u, int64_t u_row, int64_t u_col,
    const T *v, int64_t v_row, T *out, int64_t out_row, int continued) {
    V sum[TILE_ROWS][VECTORS];
    const T *from[TILE_ROWS];
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
        from[i] = u + i * u_row;
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++) sum[i][j] = continued ? LOAD(out + i * out_row + j * LANES) : (V){0};
    }
    for (int64_t p = 0; p < depth; p++) {
        if (u_col == 1 && p % (64 / sizeof(T)) == 0) {
#pragma clang loop unroll(full)
            for (int i = 0; i < rows; i++) __builtin_prefetch(from[i] + rows * u_row + p);
        }
        V right[VECTORS];
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++) right[j] = LOAD(v + j * LANES);
#pragma clang loop unroll(full)
        for (int i = 0; i < rows; i++) {
            T left = from[i][p * u_col];
#pragma clang loop unroll(full)
            for (int j = 0; j < vectors; j++) sum[i][j] += left * right[j];
        }
        v += v_row;
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (int j = 0; j < vectors; j++) STORE(out + i * out_row + j * LANES, sum[i][j]);
}
#define TILE(R, N)                                                                                              \
    static void FN(tile_##R##_##N)(int64_t depth, const T *u, int64_t u_row, int64_t u_col, const T *v,        \
                                   int64_t v_row, T *out, int64_t out_row, int continued) {                    \
        FN(multiply)(R, N, depth, u, u_row, u_col, v, v_row, out, out_row, continued);                         \
    }
#define UP_TO_6(N, X) X(1, N) X(2, N) X(3, N) X(4, N) X(5, N) X(6, N)
#define UP_TO_12(N, X) UP_TO_6(N, X) X(7, N) X(8, N) X(9, N) X(10, N) X(11, N) X(12, N)
#define NAME(R, N) FN(tile_##R##_##N),
UP_TO_12(1, TILE)
#if VECTORS == 4
UP_TO_12(2, TILE)
UP_TO_6(3, TILE)
UP_TO_6(4, TILE)
static const FN(tile) FN(tiles)[VECTORS][TILE_ROWS] = {
    {UP_TO_12(1, NAME)}, {UP_TO_12(2, NAME)}, {UP_TO_6(3, NAME)}, {UP_TO_6(4, NAME)}
};
static const int8_t FN(heights)[VECTORS] = {12, 12, 6, 6};
#else
UP_TO_6(2, TILE)
static const FN(tile) FN(tiles)[VECTORS][TILE_ROWS] = {{UP_TO_12(1, NAME)}, {UP_TO_6(2, NAME)}};
static const int8_t FN(heights)[VECTORS] = {12, 6};
#endif
#undef UP_TO_12
#undef UP_TO_6
#undef NAME
#undef TILE

/* The first `count` elements of a vector; the others are 0. */
static inline V FN(load_part)(const T *p, int64_t count) {
    if (count >= LANES) return LOAD(p);
#ifdef LOAD_MASKED
    return LOAD_MASKED(p, count);
#else
    V x = {0};
    for (int64_t i = 0; i < count; i++) x[i] = p[i];
    return x;
#endif
}
static inline void FN(store_part)(T *p, V x, int64_t count) {
    if (count >= LANES) STORE(p, x);
#ifdef STORE_MASKED
    else STORE_MASKED(p, x, count);
#else
    else for (int64_t i = 0; i < count; i++) p[i] = x[i];
#endif
}

/* x[j][i] <- x[i][j]: pairs of rows exchange elements, then pairs of elements, then lanes of 16 bytes. */
static inline __attribute__((always_inline)) void FN(transpose_square)(V *x) {
    int apart = 1;
#define EXCHANGE(TYPE, LOW, HIGH)                                       \
    for (int q = 0; q < LANES; q++)                                     \
        if (!(q & apart)) {                                             \
            const TYPE low = (TYPE)x[q], high = (TYPE)x[q + apart];     \
            x[q] = (V)LOW(low, high);                                   \
            x[q + apart] = (V)HIGH(low, high);                          \
        }                                                               \
    apart *= 2
#ifdef LOW_4
    EXCHANGE(V, LOW_4, HIGH_4);
#endif
    EXCHANGE(FN(pairs), LOW_8, HIGH_8);
    while (apart < LANES) { EXCHANGE(FN(pairs), LOW_16, HIGH_16); }
#ifdef LOW_4
    for (int q = 1; q < LANES; q += 4) {
        const V second = x[q];
        x[q] = x[q + 1];
        x[q + 1] = second;
    }
#endif
#undef EXCHANGE
}

/* out[j][i] = in[i][j]. If `padded`, rows of `out` are written up to the next multiple of LANES, with zeros. */
static void FN(transpose)(const T *in, int64_t in_row, int64_t rows, int64_t columns, T *out, int64_t out_row, int padded) {
    V x[LANES];
    for (int64_t i = 0; i < rows; i += LANES)
        for (int64_t j = 0; j < columns; j += LANES) {
            const T *from = in + i * in_row + j;
            T *to = out + j * out_row + i;
            if (rows - i >= LANES && columns - j >= LANES) {
                for (int q = 0; q < LANES; q++, from += in_row) x[q] = LOAD(from);
                FN(transpose_square)(x);
                for (int q = 0; q < LANES; q++, to += out_row) STORE(to, x[q]);
            } else {
                const int64_t tall = rows - i, wide = columns - j, width = padded ? LANES : tall;
                for (int q = 0; q < LANES; q++, from += in_row) x[q] = q < tall ? FN(load_part)(from, wide) : (V){0};
                FN(transpose_square)(x);
                for (int q = 0; q < LANES && q < wide; q++, to += out_row) FN(store_part)(to, x[q], width);
            }
        }
}

/* v[p][j] = in[p * row + j * column] for j < columns, then zeros up to a multiple of LANES; rows of v have WIDTH elements. */
static void FN(pack)(const T *in, int64_t row, int64_t column, int64_t depth, int64_t columns, T *v) {
    if (column != 1) {
        FN(transpose)(in, column, columns, depth, v, WIDTH, 1);
        return;
    }
    for (int64_t p = 0; p < depth; p++)
        for (int64_t j = 0; j < columns; j += LANES)
            STORE(v + p * WIDTH + j, FN(load_part)(in + p * row + j, columns - j));
}

/* The panel of v for depths [p, p + depth). It is read in place for few rows, for many only if its own rows are so long
 * that the strides between them do not matter, and do not lead to the same few places of the cache. */
struct FN(panel) { const T *v; int64_t row; };
static struct FN(panel) FN(panel)(const T *in, int64_t row, int64_t column, int64_t depth, int64_t columns, int64_t rows,
                                  T *packed) {
    const int64_t direct = WIDTH * sizeof(T) < 256 ? 12 : row * sizeof(T) % PAGE_PART == 0 ? BLOCK_ROWS : 200;
    if (column == 1 && columns % LANES == 0 && rows <= direct) return (struct FN(panel)){in, row};
    FN(pack)(in, row, column, depth, columns, packed);
    return (struct FN(panel)){packed, WIDTH};
}

static void FN(copy)(const T *in, int64_t in_row, int64_t rows, int64_t columns, T *out, int64_t out_row) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j += LANES)
            FN(store_part)(out + i * out_row + j, FN(load_part)(in + i * in_row + j, columns - j), columns - j);
}

/* out [rows, columns] from u [rows, depth] and a panel; columns at most WIDTH. Memory like a panel, `next`, is fetched
 * meanwhile, if there is any. */
static inline void FN(strip)(const T *u, int64_t u_row, int64_t u_col, int64_t rows, int64_t depth, struct FN(panel) v,
                             int64_t columns, T *out, int64_t out_row, int continued, struct FN(panel) next) {
    const int64_t vectors = (columns + LANES - 1) / LANES, tallest = FN(heights)[vectors - 1];
    const int64_t height = rows <= tallest ? rows : (rows + (rows - 1) / tallest) / ((rows - 1) / tallest + 1);
    const int64_t fetched = next.v ? (depth * height + rows - 1) / rows : 0;
    for (int64_t i = 0; i < rows; i += height) {
        for (int64_t q = 0; q < fetched; q++, next.v += next.row)
            for (int64_t j = 0; j < columns; j += 64 / sizeof(T)) __builtin_prefetch(next.v + j, 0, 2);
        const int64_t r = rows - i < height ? rows - i : height;
        const FN(tile) tile = FN(tiles)[vectors - 1][r - 1];
        const T *from = u + i * u_row;
        T *to = out + i * out_row;
        if (columns % LANES == 0) {
            tile(depth, from, u_row, u_col, v.v, v.row, to, out_row, continued);
        } else {
            T edge[TILE_ROWS * WIDTH] __attribute__((aligned(64)));
            if (continued) FN(copy)(to, out_row, r, columns, edge, WIDTH);
            tile(depth, from, u_row, u_col, v.v, v.row, edge, WIDTH, continued);
            FN(copy)(edge, WIDTH, r, columns, to, out_row);
        }
    }
}

/* Vectors along the columns of C, panels of B. */
static void FN(wide)(const sz_gemm *g, const void *left, const void *right, void *c, int64_t rows, void *packed) {
    for (int64_t j = 0; j < g->n; j += WIDTH) {
        const int64_t columns = g->n - j < WIDTH ? g->n - j : WIDTH;
        int64_t p = 0;
        do {
            const int64_t depth = g->k - p < DEPTH ? g->k - p : DEPTH;
            const T *a = (const T *)left + p * g->a_col, *b = (const T *)right + p * g->b_row + j * g->b_col;
            const struct FN(panel) v = FN(panel)(b, g->b_row, g->b_col, depth, columns, rows, packed);
            struct FN(panel) next = {NULL, g->b_row};
            if (g->b_col == 1 && v.v == packed) {
                if (p + DEPTH < g->k) next.v = b + DEPTH * g->b_row;
                else if (j + WIDTH < g->n) next.v = (const T *)right + j + WIDTH;
            }
            FN(strip)(a, g->a_row, g->a_col, rows, depth, v, columns, (T *)c + j, g->c_row, g->accumulate || p, next);
            p += DEPTH;
        } while (p < g->k);
    }
}

/* The same for a transposed A with strides near whole pages, whose columns would fall on the same few places of the
 * cache: blocks of its rows are copied first. */
static void FN(blocked)(const sz_gemm *g, const void *left, const void *right, void *c, int64_t rows, void *packed) {
    sz_gemm block = *g;
    block.a_col = BLOCK_ROWS;
    T *a = (T *)packed + DEPTH * WIDTH;
    for (int64_t i = 0; i < rows; i += BLOCK_ROWS) {
        const int64_t r = rows - i < BLOCK_ROWS ? rows - i : BLOCK_ROWS;
        FN(copy)((const T *)left + i, g->a_col, g->k, r, a, BLOCK_ROWS);
        FN(wide)(&block, a, right, (T *)c + i * g->c_row, r, packed);
    }
}

/* Vectors along the rows of C, panels of A: the transposed product is gathered and written transposed. What it reads of B
 * stays in the cache for all the rows that are gathered. */
static void FN(tall_rows)(const sz_gemm *g, const void *left, const void *right, void *c, int64_t rows, void *packed) {
    T *gathered = (T *)packed + DEPTH * WIDTH;
    for (int64_t j = 0; j < g->n; j += GATHERED) {
        const int64_t height = g->n - j < GATHERED ? g->n - j : GATHERED;
        int64_t p = 0;
        do {
            const int64_t depth = g->k - p < DEPTH ? g->k - p : DEPTH;
            const T *b = (const T *)right + p * g->b_row + j * g->b_col;
            for (int64_t i = 0; i < rows; i += WIDTH) {
                const int64_t width = rows - i < WIDTH ? rows - i : WIDTH;
                const T *a = (const T *)left + i * g->a_row + p * g->a_col;
                T *out = gathered + i * GATHERED;
                if (g->accumulate && !p)
                    FN(transpose)((T *)c + i * g->c_row + j, g->c_row, width, height, out, WIDTH, 1);
                const struct FN(panel) v = FN(panel)(a, g->a_col, g->a_row, depth, width, height, packed);
                FN(strip)(b, g->b_col, g->b_row, height, depth, v, (width + LANES - 1) / LANES * LANES, out, WIDTH,
                          g->accumulate || p, (struct FN(panel)){NULL, 0});
            }
            p += DEPTH;
        } while (p < g->k);
        for (int64_t i = 0; i < rows; i += WIDTH) {
            const int64_t width = rows - i < WIDTH ? rows - i : WIDTH;
            FN(transpose)(gathered + i * GATHERED, WIDTH, height, width, (T *)c + i * g->c_row + j, g->c_row, 0);
        }
    }
}

static void FN(tall)(const sz_gemm *g, const void *left, const void *right, void *c, int64_t rows, void *packed) {
    for (int64_t i = 0; i < rows; i += STRIPS * WIDTH)
        FN(tall_rows)(g, (const T *)left + i * g->a_row, right, (T *)c + i * g->c_row,
                      rows - i < STRIPS * WIDTH ? rows - i : STRIPS * WIDTH, packed);
}

static T FN(inner)(const T *x, const T *y, int64_t k) {
    V sum[4] = {{0}, {0}, {0}, {0}};
    int64_t p = 0;
    for (; p + 4 * LANES <= k; p += 4 * LANES)
        for (int q = 0; q < 4; q++) sum[q] += LOAD(x + p + q * LANES) * LOAD(y + p + q * LANES);
    for (; p < k; p += LANES) sum[0] += FN(load_part)(x + p, k - p) * FN(load_part)(y + p, k - p);
    V s = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    for (int apart = LANES / 2; apart; apart /= 2)
        for (int i = 0; i < apart; i++) s[i] += s[i + apart];
    return s[0];
}

static void FN(dot)(const sz_gemm *g, const void *a, const void *b, void *c, int64_t rows, void *scratch) {
    (void)scratch;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < g->n; j++) {
            T *out = (T *)c + i * g->c_row + j;
            const T x = FN(inner)((const T *)a + i * g->a_row, (const T *)b + j * g->b_col, g->k);
            *out = g->accumulate ? *out + x : x;
        }
}

/* `wide` and `tall` give the same bits, so that the choice may depend on the share. Times are counted in multiply-adds of
 * vectors. */
static rows_function FN(choose)(const sz_gemm *g, int64_t m) {
    if (g->dot) return FN(dot);
    const int64_t n = g->n, k = g->k;
    const int64_t wide = m * k * ((n + LANES - 1) / LANES) + (g->b_col == 1 ? 0 : n * k * TRANSPOSED / LANES);
    const int64_t tall = n * k * ((m + LANES - 1) / LANES)
                         + (m * n + (g->a_row == 1 ? 0 : m * k)) * TRANSPOSED / LANES;
    if (tall < wide) return FN(tall);
    return g->blocked ? FN(blocked) : FN(wide);
}

static const struct sz_gemm_variant FN(variant) = {FN(choose), LANES, (DEPTH + STRIPS * GATHERED) * WIDTH * sizeof(T)};
#undef WIDTH
#undef DEPTH
#undef V
#undef LOAD
#undef STORE
