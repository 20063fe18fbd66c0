/* A process that is ready to be copied: starting a program anew costs ten times as much as forking one that has loaded its libraries. */
#ifndef SZ_NURSERY_H
#define SZ_NURSERY_H
#include <stdint.h>

enum { SZ_PATH_BYTES = 4096, SZ_COPY_FILES = 4 };

/* What a copy is to do; a fixed size, so that it is one message. */
typedef struct { int64_t megabytes; int32_t threads; char folder[SZ_PATH_BYTES]; } sz_task;

/* Asks the nursery at the other end of `control` for a copy that has the files as its descriptors 3, 4, 5 and 6. Returns its process
 * id, or -1 if the nursery is gone or cannot fork. */
int32_t sz_nursery_start(int32_t control, const sz_task *task, const int32_t files[SZ_COPY_FILES]);
/* Waits up to so many milliseconds for a copy to end by itself, then ends it. Returns its status as waitpid gives it, and in `was_killed`
 * whether it had to be ended; -1 if the nursery is gone. */
int32_t sz_nursery_end(int32_t control, int32_t process, int32_t milliseconds, int32_t *was_killed);

/* The nursery itself, a process of one thread. `prepare` is called there before each copy is made. Returns 1 in each copy, with its task;
 * in the nursery 0 when the other end of `control` is closed, after all copies were ended. */
int32_t sz_nursery_serve(int32_t control, sz_task *task, void (*prepare)(const sz_task *));

/* Forks this process, if it has one thread, to become a nursery, with nothing to read and standard error as output. Gives each of the two
 * its end of the control socket. Returns 0 in the nursery, its process id in the caller, -1 if there is none. */
int32_t sz_nursery_fork(int32_t *control);
#endif
