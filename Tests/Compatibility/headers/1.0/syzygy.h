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

    /* A trained block. role: "weight", "bias", "scale" or "other".
     * For weights [out, in] the fans are out and in; for others give them through `fan_in`, `fan_out` (0: from shape). */
    syzygy_node (*parameter)(void *context, const char *name, const char *role, const int64_t *shape, int32_t rank,
                             syzygy_initializer initializer, int64_t fan_in, int64_t fan_out);

    /* A rank-0 constant. */
    syzygy_node (*constant)(void *context, double value);

    /* Apply the operation named `op` (docs/plugins/graph.md lists them). */
    syzygy_node (*apply)(void *context, const char *op, const syzygy_node *inputs, int32_t input_count,
                         const syzygy_attribute *attributes, int32_t attribute_count);

    /* Reshape or broadcast to `shape`. op: "reshape" or "broadcast". */
    syzygy_node (*shaped)(void *context, const char *op, syzygy_node input, const int64_t *shape, int32_t rank);

    /* Writes at most SYZYGY_MAX_RANK sizes to `shape` and returns the rank, or -1 for a negative node. */
    int32_t (*shape)(void *context, syzygy_node node, int64_t *shape);

    /* Declares output = input * weight^T (before any bias) as a layer that probes can observe.
     * bias: the bias parameter, or -1. The last layer declared is the head. */
    syzygy_status (*layer)(void *context, const char *name, syzygy_node input, syzygy_node weight, syzygy_node bias,
                           syzygy_node output);

    /* Records an error in the author's words; returns a negative node. The first error wins. */
    syzygy_node (*fail)(void *context, const char *message);
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

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L && UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(syzygy_initializer) == 16, "syzygy_initializer");
_Static_assert(sizeof(syzygy_attribute) == 16, "syzygy_attribute");
_Static_assert(sizeof(syzygy_graph) == 72 && offsetof(syzygy_graph, parameter) == 16, "syzygy_graph");
_Static_assert(sizeof(syzygy_random) == 40 && offsetof(syzygy_random, uniform) == 16, "syzygy_random");
_Static_assert(sizeof(syzygy_linalg) == 48 && offsetof(syzygy_linalg, gemm) == 16, "syzygy_linalg");
#endif

#ifdef __cplusplus
}
#endif
#endif
