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

/* Prepares a call of `count` arguments; NULL if libffi refuses. Not thread-safe; the result is immutable. `place` says whose function
 * it is. */
sz_signature *sz_signature_create(int32_t result, const int32_t *arguments, int32_t count, const char *place);
void sz_signature_destroy(sz_signature *);

/* Calls `function`. `values[i]` points to argument i; `result` points to 16 aligned bytes, integers arrive widened.
 * The floating-point control state (rounding, flush-to-zero) is set to the default before and restored after.
 * Returns 1 if the function changed it, else 0. */
int32_t sz_call(const sz_signature *, void *function, void *const *values, void *result);

/* The place of the function that this thread calls, or of the library that it opens; NULL outside. */
const char *sz_current_call(void);

/* This process ends with the one that started it, whose number is in SYZYGY_PARENT. */
void sz_end_with_parent(void);

/* From now on, if a function ends the process by a signal or by exit, a line {"calling": "<place>"} is written to `descriptor`
 * first. */
void sz_report_crashes(int32_t descriptor);

/* One function called for parts of arrays that belong together, from several threads. */
typedef struct {
    int32_t argument;  /* its index */
    int32_t bytes;     /* of an element of the array; 0: the argument is the number of elements */
    char *base;        /* the whole array */
} sz_moving;

typedef struct {
    void **values;     /* as `sz_call` takes them, those that differ between calls pointing to `slots` */
    uint64_t *slots;   /* one for each moving argument, and one for the message */
    char *message;     /* what the function may write its message to, or NULL; kept once a call has failed */
    char *spare;       /* for the messages of later calls */
    int32_t status;    /* of the first call that failed, SZ_CHANGED_MODE if it changed the floating-point mode; 0: none */
    int64_t part;      /* its part */
} sz_parts_thread;
#define SZ_CHANGED_MODE INT32_MIN

enum { SZ_GIVES_NOTHING = 0, SZ_GIVES_STATUS, SZ_GIVES_VALUE };

typedef struct {
    const sz_signature *signature;
    void *function;
    int64_t count, unit, grain; /* elements; elements of a unit; units of a part, a call each */
    const sz_moving *moving;
    int32_t moves;
    int32_t gives;
    double *results;            /* of each part, if the function gives a value */
    sz_parts_thread *threads;
    int32_t *failed;            /* set to 1 when a call fails */
} sz_parts;

/* A kernel (kernels.h) whose arguments are sz_parts; shares begin at multiples of `grain`. A call that fails ends the part
 * only; later ones go on. */
void sz_call_parts(const void *arguments, int64_t begin, int64_t end, int32_t thread);

/* The control word of the floating-point unit: saved before a library is opened, restored after. */
uint64_t sz_float_mode(void);
void sz_set_float_mode(uint64_t);

/* dlopen with RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND. */
void *sz_open(const char *path);
/* `SEGV`; NULL if there is no such signal. */
const char *sz_signal_name(int32_t number);
#endif
