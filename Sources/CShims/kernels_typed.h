/* Kernels for elements of type T. Included for each instruction set and precision with FN, T, LANES and the functions
 * F_EXP, … defined; defines the tables FN(maps) and FN(kernels) of kernels.c. */

/* `out` may be an operand, so no restrict; element i depends on elements i only. */
#define EACH _Pragma("clang loop vectorize(assume_safety) interleave(enable)") for (int64_t i = 0; i < n; i++)

#define UNARY(NAME, VALUE) MAP_LOOP(NAME, VALUE, EACH)
#define LIBM(NAME, VALUE) MAP_LOOP(NAME, VALUE, F_EACH) /* f64: libm, one element after the other */
#define MAP_LOOP(NAME, VALUE, LOOP)                                                                            \
    static void FN(map_##NAME)(int64_t n, void *out, const void *a, const void *b, const void *c) {            \
        (void)b; (void)c;                                                                                      \
        T *o = out;                                                                                            \
        const T *p = a;                                                                                        \
        LOOP { T x = p[i]; o[i] = VALUE; }                                                                     \
    }
#define BINARY(NAME, VALUE)                                                                                    \
    static void FN(map_##NAME)(int64_t n, void *out, const void *a, const void *b, const void *c) {            \
        (void)c;                                                                                               \
        T *o = out;                                                                                            \
        const T *p = a, *q = b;                                                                                \
        EACH { T x = p[i], y = q[i]; o[i] = VALUE; }                                                           \
    }

UNARY(identity, x)
UNARY(neg, -x)
UNARY(reciprocal, (T)1 / x)
UNARY(square, x * x)
UNARY(abs, F_ABS(x))
UNARY(sqrt, F_SQRT(x))
UNARY(sign, x > 0 ? (T)1 : x < 0 ? (T)-1 : x)   /* NaN stays NaN */
UNARY(relu, x < 0 ? (T)0 : x)                   /* NaN stays NaN */
UNARY(step, x > 0 ? (T)1 : (T)0)
UNARY(floor, F_FLOOR(x))
UNARY(exp, F_EXP(x))
UNARY(log, F_LOG(x))
UNARY(log1p, F_LOG1P(x))
UNARY(expm1, F_EXPM1(x))
UNARY(tanh, F_TANH(x))
UNARY(sigmoid, F_SIGMOID(x))
UNARY(softplus, F_SOFTPLUS(x))
LIBM(erf, F_ERF(x))
LIBM(normal_cdf, F_NORMAL_CDF(x))
LIBM(sin_small, F_SIN_SMALL(x))
LIBM(cos_small, F_COS_SMALL(x))
BINARY(add, x + y)
BINARY(sub, x - y)
BINARY(mul, x *y)
BINARY(div, x / y)
BINARY(maximum, x > y || x != x ? x : y) /* NaN of either side stays */
BINARY(minimum, x < y || x != x ? x : y)
BINARY(greater, x > y ? (T)1 : (T)0)
BINARY(greater_equal, x >= y ? (T)1 : (T)0)
BINARY(equal, x == y ? (T)1 : (T)0)

static void FN(map_pow)(int64_t n, void *out, const void *a, const void *b, const void *c) {
    (void)c;
    for (int64_t i = 0; i < n; i++) ((T *)out)[i] = F_POW(((const T *)a)[i], ((const T *)b)[i]);
}

static void FN(map_select)(int64_t n, void *out, const void *a, const void *b, const void *c) {
    T *o = out;
    const T *p = a, *q = b, *r = c;
    EACH { T x = q[i], y = r[i]; o[i] = p[i] != 0 ? x : y; }
}

/* Large, infinite and NaN angles take libm's reduction, each by itself: neighbours do not matter. */
static inline int FN(is_small)(T x) { return F_ABS(x) <= F_SMALL_ANGLE; }
static int FN(all_small)(int64_t n, const T *a) {
    int large = 0;
    for (int64_t i = 0; i < n; i++) large |= !FN(is_small)(a[i]);
    return !large;
}
#define ANGLE(NAME)                                                                                            \
    static void FN(map_##NAME)(int64_t n, void *out, const void *a, const void *b, const void *c) {            \
        const T *x = a;                                                                                        \
        T *o = out;                                                                                            \
        if (FN(all_small)(n, x)) {                                                                             \
            FN(map_##NAME##_small)(n, out, a, b, c);                                                           \
            return;                                                                                            \
        }                                                                                                      \
        for (int64_t i = 0; i < n; i++)                                                                        \
            if (FN(is_small)(x[i])) FN(map_##NAME##_small)(1, o + i, x + i, b, c);                             \
            else o[i] = (T)NAME((double)x[i]);                                                                 \
    }
ANGLE(sin)
ANGLE(cos)
#undef ANGLE

/* Elements [begin, begin + n) of a broadcast operand. */
static void FN(expand)(T *restrict out, const sz_load *load, int64_t begin, int64_t n) {
    int64_t index[SZ_MAX_RANK], rest = begin, offset = 0;
    const int32_t last = load->rank - 1;
    const T *source = load->source;
    if (last < 0) { /* a single number */
        for (int64_t i = 0; i < n; i++) out[i] = source[0];
        return;
    }
    for (int32_t d = last; d >= 0; d--) {
        index[d] = rest % load->dims[d];
        rest /= load->dims[d];
        offset += index[d] * load->strides[d];
    }
    for (int64_t done = 0; done < n;) {
        int64_t run = load->dims[last] - index[last];
        if (run > n - done) run = n - done;
        const T *from = source + offset;
        if (load->strides[last]) for (int64_t i = 0; i < run; i++) out[done + i] = from[i];
        else { T x = from[0]; for (int64_t i = 0; i < run; i++) out[done + i] = x; }
        done += run;
        index[last] += run;
        offset += run * load->strides[last];
        for (int32_t d = last; d > 0 && index[d] == load->dims[d]; d--) {
            offset += load->strides[d - 1] - index[d] * load->strides[d];
            index[d] = 0;
            index[d - 1]++;
        }
    }
}

static void FN(tiles)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    const sz_tiles *p = arguments;
    char *scratch = (char *)p->scratch + thread * p->scratch_stride;
    void *slot[SZ_MAX_SLOTS];
    const int64_t width = p->width;
    begin *= p->unit;
    end *= p->unit;
    for (int32_t s = 0; s < p->slots; s++) slot[s] = scratch + s * p->slot_bytes;
    const int64_t most = p->tile < p->count ? p->tile : p->count;
    for (int32_t l = 0; l < p->loads; l++)
        if (p->load[l].mode == SZ_HOISTED)
            FN(expand)(slot[p->load[l].slot], &p->load[l], 0, p->load[l].per_row ? most / width : most);
    for (int64_t n; begin < end; begin += n) {
        /* Tiles begin at multiples of their size, so that hoisted operands fit whatever the share. */
        const int64_t phase = p->period ? begin % p->period : 0, within = begin % p->tile, left = p->tile - within;
        n = left < end - begin ? left : end - begin;
        if (p->period && n > p->period - phase) n = p->period - phase;
        const int64_t row = width > 1 ? begin / width : begin, rows = width > 1 ? n / width : n;
        for (int32_t s = 0; s < p->outputs; s++)
            slot[s] = (T *)p->output[s].out + (p->output[s].per_row ? row : begin);
        for (int32_t l = 0; l < p->loads; l++) {
            const sz_load *load = &p->load[l];
            const int64_t at = load->per_row ? row : begin;
            if (load->mode == SZ_DIRECT) slot[load->slot] = (T *)load->source + at;
            else if (load->mode == SZ_PERIODIC) slot[load->slot] = (T *)load->source + phase;
            else if (load->mode == SZ_HOISTED)
                slot[load->slot] = (T *)(scratch + load->slot * p->slot_bytes) + (load->per_row ? 0 : within);
            else FN(expand)(slot[load->slot], load, at, load->per_row ? rows : n);
        }
        for (int32_t k = 0; k < p->instructions; k++) {
            const sz_instruction *x = &p->instruction[k];
            if (x->map) x->map(x->per_row ? rows : n, slot[x->out], slot[x->a], slot[x->b], slot[x->c]);
            else x->rows(rows, width, slot[x->out], slot[x->a], slot[x->b]);
        }
    }
}

typedef T FN(lanes) __attribute__((ext_vector_type(LANES), aligned(sizeof(T))));
typedef double FN(sums) __attribute__((ext_vector_type(LANES)));

/* By halves. */
static inline double FN(sum_of_lanes)(const FN(sums) *x) {
#if LANES == 16
    const __typeof__(x->lo) eight = x->lo + x->hi;
#else
    const FN(sums) eight = *x;
#endif
    const __typeof__(eight.lo) four = eight.lo + eight.hi;
    const __typeof__(four.lo) two = four.lo + four.hi;
    return two.x + two.y;
}

/* Sums run in f64 over LANES interleaved partial sums: the same order whatever the instruction set. */
static inline double FN(sum_of)(const T *a, int64_t n) {
    FN(sums) lanes = 0;
    double total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) lanes += __builtin_convertvector(*(const FN(lanes) *)(a + i), FN(sums));
    if (i) total = FN(sum_of_lanes)(&lanes);
    for (; i < n; i++) total += (double)a[i];
    return total;
}

/* NaN if one of them is. */
static inline T FN(max_of)(const T *a, int64_t n) {
    T best = a[0];
    int nan = best != best;
    int64_t i = 1;
    if (n >= LANES) {
        FN(lanes) top = *(const FN(lanes) *)a;
        __typeof__(top != top) is_nan = top != top;
        for (i = LANES; i + LANES <= n; i += LANES) {
            const FN(lanes) x = *(const FN(lanes) *)(a + i);
            is_nan |= x != x;
            top = x > top ? x : top;
        }
        nan = __builtin_reduce_or(is_nan) != 0;
#if LANES == 16
        const __typeof__(top.lo) eight = top.lo > top.hi ? top.lo : top.hi;
#else
        const FN(lanes) eight = top;
#endif
        const __typeof__(eight.lo) four = eight.lo > eight.hi ? eight.lo : eight.hi;
        const __typeof__(four.lo) two = four.lo > four.hi ? four.lo : four.hi;
        best = two.x > two.y ? two.x : two.y;
    }
    for (; i < n; i++) {
        nan |= a[i] != a[i];
        best = a[i] > best ? a[i] : best;
    }
    return nan ? (T)__builtin_nan("") : best;
}

/* Units are slabs [n, inner], or columns of the only one. */
#define COLUMNS 256
#define ROWS 8
static void FN(sum)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_reduce *s = arguments;
    const int64_t inner = s->inner, slab = s->n * inner;
    if (inner == 1) {
        for (int64_t o = begin; o < end; o++) ((T *)s->out)[o] = (T)FN(sum_of)((const T *)s->a + o * s->n, s->n);
        return;
    }
    const int64_t first = s->outer == 1 ? 0 : begin, last = s->outer == 1 ? 1 : end;
    const int64_t left = s->outer == 1 ? begin : 0, right = s->outer == 1 ? end : inner;
    for (int64_t o = first; o < last; o++) {
        const T *a = (const T *)s->a + o * slab;
        T *out = (T *)s->out + o * inner;
        for (int64_t j = left; j < right; j += COLUMNS) {
            double total[COLUMNS] = {0};
            const int64_t width = right - j < COLUMNS ? right - j : COLUMNS;
            int64_t i = 0;
            for (; i + ROWS <= s->n; i += ROWS) /* loads and stores of a total are worth several additions */
                for (int64_t c = 0; c < width; c++) {
                    double t = total[c];
                    for (int r = 0; r < ROWS; r++) t += (double)a[(i + r) * inner + j + c];
                    total[c] = t;
                }
            for (; i < s->n; i++)
                for (int64_t c = 0; c < width; c++) total[c] += (double)a[i * inner + j + c];
            for (int64_t c = 0; c < width; c++) out[j + c] = (T)total[c];
        }
    }
}
#undef COLUMNS
#undef ROWS

static void FN(max)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_reduce *s = arguments;
    const int64_t inner = s->inner, slab = s->n * inner;
    if (inner == 1) {
        for (int64_t o = begin; o < end; o++) ((T *)s->out)[o] = FN(max_of)((const T *)s->a + o * s->n, s->n);
        return;
    }
    const int64_t first = s->outer == 1 ? 0 : begin, last = s->outer == 1 ? 1 : end;
    const int64_t left = s->outer == 1 ? begin : 0, right = s->outer == 1 ? end : inner;
    for (int64_t o = first; o < last; o++) {
        const T *a = (const T *)s->a + o * slab;
        T *restrict out = (T *)s->out + o * inner;
        for (int64_t c = left; c < right; c++) out[c] = a[c];
        for (int64_t i = 1; i < s->n; i++) {
            const T *row = a + i * inner;
            for (int64_t c = left; c < right; c++) out[c] = row[c] > out[c] || row[c] != row[c] ? row[c] : out[c];
        }
    }
}

/* MARK: functions of rows */

static void FN(rows_sum)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    (void)b;
    for (int64_t r = 0; r < rows; r++) ((T *)out)[r] = (T)FN(sum_of)((const T *)a + r * n, n);
}

static void FN(rows_max)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    (void)b;
    for (int64_t r = 0; r < rows; r++) ((T *)out)[r] = FN(max_of)((const T *)a + r * n, n);
}

static void FN(rows_spread)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    (void)b;
    for (int64_t r = 0; r < rows; r++) {
        const T x = ((const T *)a)[r];
        T *restrict o = (T *)out + r * n;
        for (int64_t i = 0; i < n; i++) o[i] = x;
    }
}

/* o = x where the mask is not 0, -infinity elsewhere; `step` apart are the elements of the mask. */
static inline void FN(mask_row)(int64_t n, T *o, const T *x, const T *mask, int64_t step) {
    const T none = -(T)__builtin_inf();
    int64_t i = 0;
    if (step)
        for (; i + LANES <= n; i += LANES) {
            const FN(lanes) all = *(const FN(lanes) *)(x + i), is_in = *(const FN(lanes) *)(mask + i);
            *(FN(lanes) *)(o + i) = is_in != 0 ? all : none;
        }
    for (; i < n; i++) o[i] = mask[i * step] != 0 ? x[i] : none;
}

/* Rows of `o` minus their maximum become their softmax; a row of -infinity becomes 0. */
static inline void FN(exponentiate)(int64_t rows, int64_t n, T *o) {
    T share[1024];
    FN(map_exp)(rows * n, o, o, o, o);
    for (int64_t r = 0; r < rows; r++) {
        const double sum = FN(sum_of)(o + r * n, n);
        share[r] = (T)(1 / (sum == 0 ? 1 : sum));
    }
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i++) o[r * n + i] *= share[r];
}

/* Rows go through in blocks that fit the cache, so that exp sees long contiguous runs even for ten classes. */
#define BLOCKS                                                                                                 \
    const int64_t block = n < 1024 ? 1024 / n : 1;                                                             \
    for (int64_t row = 0, count; row < rows; row += count)                                                     \
        if ((count = rows - row < block ? rows - row : block))

static void FN(rows_softmax)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    (void)b;
    BLOCKS {
        T *o = (T *)out + row * n;
        for (int64_t r = 0; r < count; r++) {
            const T *x = (const T *)a + (row + r) * n, top = FN(max_of)(x, n);
            for (int64_t i = 0; i < n; i++) o[r * n + i] = x[i] - top;
        }
        FN(exponentiate)(count, n, o);
    }
}

static void FN(rows_masked_softmax)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    BLOCKS {
        T *o = (T *)out + row * n;
        for (int64_t r = 0; r < count; r++) {
            FN(mask_row)(n, o + r * n, (const T *)a + (row + r) * n, (const T *)b + (row + r) * n, 1);
            const T top = FN(max_of)(o + r * n, n), shift = top == -(T)__builtin_inf() ? 0 : top;
            for (int64_t i = 0; i < n; i++) o[r * n + i] -= shift;
        }
        FN(exponentiate)(count, n, o);
    }
}

static void FN(rows_log_softmax)(int64_t rows, int64_t n, void *out, const void *a, const void *b) {
    (void)b;
    T scratch[1024], total[1024];
    BLOCKS {
        T *o = (T *)out + row * n;
        for (int64_t r = 0; r < count; r++) {
            const T *x = (const T *)a + (row + r) * n, top = FN(max_of)(x, n);
            for (int64_t i = 0; i < n; i++) o[r * n + i] = x[i] - top;
        }
        if (n <= 1024) {
            FN(map_exp)(count * n, scratch, o, o, o);
            for (int64_t r = 0; r < count; r++) total[r] = (T)FN(sum_of)(scratch + r * n, n);
        } else {
            double sum = 0;
            for (int64_t i = 0; i < n; i += 1024) {
                const int64_t width = n - i < 1024 ? n - i : 1024;
                FN(map_exp)(width, scratch, o + i, o, o);
                sum += FN(sum_of)(scratch, width);
            }
            total[0] = (T)sum;
        }
        FN(map_log)(count, total, total, total, total);
        for (int64_t r = 0; r < count; r++)
            for (int64_t i = 0; i < n; i++) o[r * n + i] -= total[r];
    }
}

#define ROW_KERNEL(NAME)                                                                                       \
    static void FN(NAME)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {                  \
        (void)thread;                                                                                          \
        const sz_reduce *s = arguments;                                                                        \
        const int64_t at = begin * s->n;                                                                       \
        FN(rows_##NAME)(end - begin, s->n, (T *)s->out + at, (const T *)s->a + at, 0);                         \
    }
ROW_KERNEL(softmax)
ROW_KERNEL(log_softmax)
#undef ROW_KERNEL

static void FN(masked_softmax)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_masked *s = arguments;
    const int64_t n = s->n, rows = end - begin;
    BLOCKS {
        T *o = (T *)s->out + (begin + row) * n;
        for (int64_t r = 0; r < count; r++) {
            const T *a = (const T *)s->a + (begin + row + r) * n, *mask = s->mask;
            int64_t rest = begin + row + r;
            for (int32_t d = s->rank - 1; d >= 0; d--) {
                mask += rest % s->dims[d] * s->strides[d];
                rest /= s->dims[d];
            }
            FN(mask_row)(n, o + r * n, a, mask, s->step);
            const T top = FN(max_of)(o + r * n, n), shift = top == -(T)__builtin_inf() ? 0 : top;
            for (int64_t i = 0; i < n; i++) o[r * n + i] -= shift;
        }
        FN(exponentiate)(count, n, o);
    }
}
#undef BLOCKS

static void FN(copy)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_copy *s = arguments;
    memcpy((T *)s->out + begin, (const T *)s->a + begin, (size_t)(end - begin) * sizeof(T));
}

static void FN(gather)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    const sz_gather *s = arguments;
    const int64_t *order = *s->order;
    for (int64_t i = begin; i < end; i++)
        memcpy((char *)s->out + i * s->bytes, (const char *)s->rows + order[i] * s->bytes, (size_t)s->bytes);
}

static void FN(fixed_point)(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    if (begin == end) return;
    const sz_fixed_point *s = arguments;
    for (int32_t i = 0; i < s->starts; i++) memcpy(s->start[i].to, s->start[i].from, (size_t)s->start[i].bytes);
    T *z = s->z;
    const T *next = s->next;
    const int64_t all = s->copies * s->count;
    int64_t runs = 0;
    for (int64_t moving = 1; moving && runs < s->maximum; runs++) {
        sz_run(s->body);
        moving = 0; /* NaN never arrives */
        for (int64_t first = 0; first < all; first += s->count) {
            T size = 1;
            if (s->linear) {
                size = 0;
                for (int64_t i = first; i < first + s->count; i++) size = F_ABS(z[i]) > size ? F_ABS(z[i]) : size;
            }
            for (int64_t i = first; i < first + s->count; i++)
                moving += !(F_ABS(next[i] - z[i]) <= (T)s->tolerance * (size + F_ABS(z[i])));
        }
        memcpy(z, next, (size_t)all * sizeof(T));
    }
    memcpy(s->out, z, (size_t)all * sizeof(T));
    ((T *)s->out)[all] = (T)runs;
}

#include "kernels_move.h"
#include "kernels_random.h"
#include "kernels_vector.h"
#include "kernels_conv.h"
#include "kernels_conv_weights.h"
#include "kernels_pool.h"

#define MAP(NAME) {#NAME, FN(map_##NAME)}
static const struct named_map FN(maps)[] = {
    MAP(identity), MAP(neg), MAP(reciprocal), MAP(square), MAP(abs), MAP(sqrt), MAP(sign), MAP(relu), MAP(step), MAP(floor),
    MAP(exp), MAP(log), MAP(log1p), MAP(expm1), MAP(tanh), MAP(sigmoid), MAP(softplus), MAP(erf), MAP(normal_cdf), MAP(sin), MAP(cos),
    MAP(add), MAP(sub), MAP(mul), MAP(div), MAP(maximum), MAP(minimum), MAP(greater), MAP(greater_equal), MAP(equal), MAP(pow), MAP(select), {0}};
static const struct named_kernel FN(kernels)[] = {
    {"tiles", FN(tiles)}, {"sum", FN(sum)}, {"max", FN(max)}, {"softmax", FN(softmax)},
    {"log_softmax", FN(log_softmax)}, {"masked_softmax", FN(masked_softmax)}, {"matmul", sz_gemm_run},
    {"copy", FN(copy)}, {"gather", FN(gather)}, {"permute", FN(permute)}, {"slice", FN(slice)}, {"pad", FN(pad)},
    {"concat", FN(concat)}, {"take_rows", FN(take_rows)}, {"scatter_add", FN(scatter_add)}, {"cumsum", FN(cumsum)},
    {"random", FN(random)}, {"call_parts", sz_call_parts}, {"scan", sz_scan_run}, {"fixed_point", FN(fixed_point)},
    {"conv2d", FN(correlate)}, {"conv2d_input_grad", FN(correlate)}, {"conv2d_weight_grad", FN(correlate_weights)},
    {"max_gather", FN(max_gather)}, {"max_scatter", FN(max_scatter)}, {"window_sum", FN(window_sum)},
    {"window_spread", FN(window_spread)}, {"patches", FN(patches)}, {"patches_transpose", FN(patches_transpose)}, {0}};

#define ROWS(NAME) {#NAME, FN(rows_##NAME)}
static const struct named_row_map FN(row_maps)[] = {
    ROWS(sum), ROWS(max), ROWS(spread), ROWS(softmax), ROWS(masked_softmax), ROWS(log_softmax), {0}};

#undef ROWS
#undef EACH
#undef UNARY
#undef LIBM
#undef MAP_LOOP
#undef BINARY
#undef MAP
