/* What a process that runs code of plugins gives up, and memory that two processes share. */
#ifndef SZ_SANDBOX_H
#define SZ_SANDBOX_H
#include <stdint.h>

enum {
    SZ_NO_NEW_PRIVILEGES = 1,
    SZ_LANDLOCK = 2,   /* no file is written, made or removed; no TCP; no signals to others, as far as the kernel knows these */
    SZ_SECCOMP = 4,    /* no sockets, programs, processes or tracing */
    SZ_LIMITS = 8,     /* address space, files, core dumps */
};

/* Restricts this process for good, its address space to so many bytes more than it has. Returns a mask of what took effect; the rest the kernel lacks. */
int32_t sz_sandbox_enter(int64_t more_bytes);
/* The mask that sz_sandbox_enter would give, without entering. */
int32_t sz_sandbox_available(void);

/* An anonymous file of memory that can grow but not shrink, and a descriptor that can only read it; -1 if there is none. */
int32_t sz_memory_file(int64_t bytes, int32_t *read_only);

/* A pair of sockets that keep messages apart, closed on exec. Returns 0, or -1. */
int32_t sz_socket_pair(int32_t ends[2]);
#endif
