/* Calls of C functions described at run time, through libffi. */
#ifndef SYZYGY_BINDING_H
#define SYZYGY_BINDING_H
#include <stddef.h>
#include <stdint.h>

/* Types of arguments and results. `pointer` covers every T*. */
enum {
    SZ_VOID = 0, SZ_I8, SZ_U8, SZ_I16, SZ_U16, SZ_I32, SZ_U32, SZ_I64, SZ_U64, SZ_F32, SZ_F64, SZ_POINTER
};

typedef struct sz_signature sz_signature;

/* Prepares a call of `count` arguments; NULL if libffi refuses. Not thread-safe; the result is immutable. */
sz_signature *sz_signature_create(int32_t result, const int32_t *arguments, int32_t count);
void sz_signature_destroy(sz_signature *);

/* Calls `function`. `values[i]` points to argument i; `result` points to 16 aligned bytes, integers arrive widened.
 * The floating-point control state (rounding, flush-to-zero) is set to the default before and restored after.
 * Returns 1 if the function changed it, else 0. */
int32_t sz_call(const sz_signature *, void *function, void *const *values, void *result);

/* The control word of the floating-point unit: saved before a library is opened, restored after. */
uint64_t sz_float_mode(void);
void sz_set_float_mode(uint64_t);

/* dlopen with RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND. */
void *sz_open(const char *path);
#endif
