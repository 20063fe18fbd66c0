/* syzygy.h: everything a Syzygy plugin may share with its host.
 *
 * Most plugins do not need this file: their functions take plain pointers and
 * numbers, and the manifest (plugin.json) says where each argument comes from.
 * Include it only for functions that call back into the host. Such a function
 * takes a pointer to one of the services below; the manifest binds it with
 *     { "name": "g", "type": "service", "from": "service", "service": "syzygy.graph/1" }
 *
 * Rules for every service: `struct_size` comes first and only grows; a pointer is
 * valid during the call only; call a service from the thread that was called;
 * matrices are row-major and dense; strings are UTF-8 and borrowed.
 */
#ifndef SYZYGY_H
#define SYZYGY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Status of a function declared with "returns": "status". Numbers never change. */
typedef int32_t syzygy_status;
enum {
    SYZYGY_OK = 0,
    SYZYGY_CANCELLED = 1,
    SYZYGY_INVALID = 2,      /* the arguments make no sense; say why in `message` */
    SYZYGY_UNSUPPORTED = 3,
    SYZYGY_UNDEFINED = 4,    /* no value exists for this input: not a failure; `message` may hold the reason code */
    SYZYGY_NO_MEMORY = 5,
    SYZYGY_IO = 6,
    SYZYGY_INTERNAL = 7
};

/* A node of a graph under construction; negative after an error, which the host
 * has already recorded. Every function accepts negative nodes and passes them on,
 * so a model may build to its end and return SYZYGY_INVALID once. */
typedef int32_t syzygy_node;

#define SYZYGY_MAX_RANK 8

/* How a parameter gets its first values. `scale` is the standard deviation (normal),
 * the half width (uniform) or the value (constant); for all others it multiplies the scheme's width,
 * which depends on the fans declared with the parameter (docs/plugins/graph.md). */
typedef struct {
    const char *scheme;      /* constant normal uniform glorot_normal glorot_uniform he_normal he_uniform
                                lecun_normal torch_linear orthogonal */
    double scale;
} syzygy_initializer;

/* A named option of an operation, e.g. {"transpose_b", 1}. */
typedef struct {
    const char *name;
    double value;
} syzygy_attribute;

/* syzygy.graph/1: build a static graph once; the host runs and differentiates it. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    /* A trained block. role: "weight", "bias", "scale" or "other"; or "statistic", kept but not trained (see `assign`).
     * For weights [out, in] the fans are out and in; for others give them through `fan_in`, `fan_out` (0: from shape). */
    syzygy_node (*parameter)(void *context, const char *name, const char *role, const int64_t *shape, int32_t rank,
                             syzygy_initializer initializer, int64_t fan_in, int64_t fan_out);

    /* A rank-0 constant. */
    syzygy_node (*constant)(void *context, double value);

    /* Apply the operation named `op` (docs/plugins/graph.md lists them). */
    syzygy_node (*apply)(void *context, const char *op, const syzygy_node *inputs, int32_t input_count,
                         const syzygy_attribute *attributes, int32_t attribute_count);

    /* "reshape" and "broadcast" to `shape`; "permute": axis i of the result is axis shape[i] of the input; "sum", "mean",
     * "max", "min", "prod", "var", "logsumexp" over the axes listed in `shape`, which disappear (-1 is the last). */
    syzygy_node (*shaped)(void *context, const char *op, syzygy_node input, const int64_t *shape, int32_t rank);

    /* Writes at most SYZYGY_MAX_RANK sizes to `shape` and returns the rank, or -1 for a negative node. */
    int32_t (*shape)(void *context, syzygy_node node, int64_t *shape);

    /* Declares output = input * weight^T (before any bias) as a layer that probes can observe.
     * bias: the bias parameter, or -1. The last layer declared is the head. */
    syzygy_status (*layer)(void *context, const char *name, syzygy_node input, syzygy_node weight, syzygy_node bias,
                           syzygy_node output);

    /* Records an error in the author's words; returns a negative node. The first error wins. */
    syzygy_node (*fail)(void *context, const char *message);

    /* A constant tensor; the values are copied. */
    syzygy_node (*tensor)(void *context, const double *values, const int64_t *shape, int32_t rank);

    /* 1 while the graph of a training step is built, 0 for an evaluation: all that observes, measures or differentiates a
     * network from outside. Both must declare the same parameters and layers. */
    int32_t (*is_training)(void *context);

    /* The new value of a parameter with role "statistic", written at the end of each training step, after everything has read
     * the old one. Without effect in an evaluation. */
    syzygy_status (*assign)(void *context, syzygy_node statistic, syzygy_node value);

    /* Random numbers, new in every step, from the run's seed: distribution "uniform" (in [0, 1)), "normal" (mean 0, variance
     * 1) or "bernoulli" (1 with the given probability, else 0; ignored by the others). The n-th use of a stream's name in a
     * graph is a stream of its own. For training only. */
    syzygy_node (*random)(void *context, const char *distribution, double probability, const char *stream,
                          const int64_t *shape, int32_t rank);

    /* In training, elements are set to 0 with probability `rate` and others divided by 1 - rate; in an evaluation, input. */
    syzygy_node (*dropout)(void *context, syzygy_node input, double rate, const char *stream);
} syzygy_graph;

/* syzygy.random/1: counter-based streams. Element i of a stream depends on the component's seed, the stream's
 * name and i only, so rows can be produced in any order and in pieces. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    void (*uniform)(void *context, const char *stream, int64_t begin, int64_t count, double *out);  /* in (0, 1) */
    void (*normal)(void *context, const char *stream, int64_t begin, int64_t count, double *out);   /* mean 0, variance 1 */
    void (*permutation)(void *context, const char *stream, int64_t count, int64_t *out);            /* of 0 ..< count */
} syzygy_random;

/* syzygy.linalg/1: dense f64 linear algebra, row-major. Results are written by the host, scratch is the host's. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    /* c [m, n] = alpha * op(a) op(b) + beta * c, op(a) is [m, k]; transpose_a: a is stored [k, m]. */
    void (*gemm)(void *context, int32_t transpose_a, int32_t transpose_b, int64_t m, int64_t n, int64_t k,
                 double alpha, const double *a, const double *b, double beta, double *c);
    /* Symmetric a [n, n] = V diag(values) V^T; values ascending, row i of `vectors` is the i-th eigenvector. */
    syzygy_status (*eigh)(void *context, int64_t n, const double *a, double *values, double *vectors);
    /* a [m, n] = U diag(s) Vt, r = min(m, n): u [m, r], s [r] descending, vt [r, n]. */
    syzygy_status (*svd)(void *context, int64_t m, int64_t n, const double *a, double *u, double *s, double *vt);
    /* Solves a x = b for symmetric positive definite a [n, n]; b [n, k] becomes x. SYZYGY_UNDEFINED if not definite. */
    syzygy_status (*cholesky_solve)(void *context, int64_t n, int64_t k, const double *a, double *b);
} syzygy_linalg;

/* Rows of the dataset. A null pointer instead of this struct: the rows that the study gives the probe. */
typedef struct {
    const char *split;      /* NULL: the probe's */
    const int64_t *indices; /* `count` rows, in this order; NULL: rows begin ..< begin + count */
    int64_t begin;
    int64_t count;          /* without indices, -1: to the end of the split */
} syzygy_rows;

/* syzygy.objective/1: the loss as a function of the P parameters, which are numbered in the order of their declaration, without
 * gaps. `at`: the point, NULL for the current parameters. The value is the mean of the samples' losses over the rows (a loss that
 * couples samples: of the rows as one batch); no regularizer is part of it. `count` is the size of `out` and must be what the
 * function writes. Everything is computed in f64; SYZYGY_UNDEFINED where no value exists (gradients of samples of a loss that
 * couples them). Nothing that a function does here changes the run. docs/plugins/services.md has formulas and costs. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    int64_t (*parameter_count)(void *context);                          /* P */
    int64_t (*row_count)(void *context, const syzygy_rows *rows);       /* -1 after an error */
    syzygy_status (*parameters)(void *context, double *out, int64_t count); /* the current ones, [P] */
    syzygy_status (*value)(void *context, const double *at, const syzygy_rows *rows, double *out);
    syzygy_status (*gradient)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
    /* Products of the Hessian, and of the Gauss-Newton matrix, with v [P]. */
    syzygy_status (*hessian_product)(void *context, const double *at, const syzygy_rows *rows, const double *v, double *out,
                                     int64_t count);
    syzygy_status (*gauss_newton_product)(void *context, const double *at, const syzygy_rows *rows, const double *v,
                                          double *out, int64_t count);
    /* The gradient of each sample's loss, [rows, P], and its squared norm, [rows], without forming the gradients. */
    syzygy_status (*sample_gradients)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
    syzygy_status (*sample_squared_norms)(void *context, const double *at, const syzygy_rows *rows, double *out, int64_t count);
} syzygy_objective;

/* syzygy.jacobian/1: products with the Jacobian J of the model's `output`, or of a layer's output "<layer>.output" (before the
 * bias), with respect to "parameters" or a layer's input "<layer>.input", row by row. Outputs and inputs of layers are
 * [rows, width]. `at`, `rows` and counts as in syzygy.objective/1. */
typedef struct {
    uint32_t struct_size;
    uint32_t reserved;
    void *context;

    int64_t (*width)(void *context, const char *node); /* elements of a row; of "parameters": P; -1 after an error */
    /* out [rows, width of output] = J v, v [P] or [rows, width of variable]. */
    syzygy_status (*jvp)(void *context, const char *output, const char *variable, const double *at, const syzygy_rows *rows,
                         const double *v, int64_t v_count, double *out, int64_t count);
    /* out [P], summed over the rows, or [rows, width of variable] = u^T J, u [rows, width of output]. */
    syzygy_status (*vjp)(void *context, const char *output, const char *variable, const double *at, const syzygy_rows *rows,
                         const double *u, int64_t u_count, double *out, int64_t count);
} syzygy_jacobian;

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(syzygy_initializer) == 16, "syzygy_initializer");
_Static_assert(sizeof(syzygy_attribute) == 16, "syzygy_attribute");
_Static_assert(sizeof(syzygy_graph) == 112 && offsetof(syzygy_graph, parameter) == 16 &&
               offsetof(syzygy_graph, tensor) == 72, "syzygy_graph");
_Static_assert(sizeof(syzygy_random) == 40 && offsetof(syzygy_random, uniform) == 16, "syzygy_random");
_Static_assert(sizeof(syzygy_linalg) == 48 && offsetof(syzygy_linalg, gemm) == 16, "syzygy_linalg");
_Static_assert(sizeof(syzygy_rows) == 32 && offsetof(syzygy_rows, begin) == 16, "syzygy_rows");
_Static_assert(sizeof(syzygy_objective) == 88 && offsetof(syzygy_objective, value) == 40, "syzygy_objective");
_Static_assert(sizeof(syzygy_jacobian) == 40 && offsetof(syzygy_jacobian, width) == 16, "syzygy_jacobian");
#endif

#ifdef __cplusplus
}
#endif
#endif
