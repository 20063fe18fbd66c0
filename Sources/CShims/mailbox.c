#define _GNU_SOURCE
#include "mailbox.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

struct mailbox {
    _Atomic uint32_t posted;  /* messages so far */
    _Atomic uint32_t asleep;  /* whether the end that writes this region wants to be woken */
    sz_frame frame;
};
_Static_assert(sizeof(struct mailbox) <= SZ_MAILBOX_BYTES, "mailbox");

static int64_t now(void) { /* ns */
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000 + t.tv_nsec;
}

/* How long to look before sleeping: longer than waking takes, shorter than anyone minds. Nothing where both ends share a core. */
static int64_t patience(void) {
    static _Atomic int64_t known = -1;
    if (known < 0) {
        cpu_set_t cores;
        known = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1 ? 50000 : 0;
    }
    return known;
}

static int is_new(const struct mailbox *other, uint32_t seen) {
    return atomic_load_explicit(&other->posted, memory_order_acquire) != seen;
}

static int has_come(const struct mailbox *other, uint32_t seen, int64_t begin) {
    const int64_t wait = patience();
    if (wait == 0) return 0;
    for (int64_t time = begin; time < begin + wait; time = now()) {
        /* Soon the core may be wanted, perhaps by the end that is to answer. */
        if (time > begin + wait / 8) sched_yield();
        for (int i = 0; i < 32; i++) {
            if (is_new(other, seen)) return 1;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            __asm__ volatile("yield");
#endif
        }
    }
    return 0;
}

int32_t sz_post(void *own, const void *other, int32_t socket, const sz_frame *frame) {
    struct mailbox *mine = own;
    const struct mailbox *theirs = other;
    /* Code of a plugin may have closed it; then nobody could be woken, and the other end is to know. */
    if (fcntl(socket, F_GETFD) < 0) return -1;
    mine->frame = *frame;
    /* Sequentially consistent, as are the store of `asleep` and the load that follows it: one of the two ends sees the other. */
    atomic_fetch_add(&mine->posted, 1);
    if (!atomic_load(&theirs->asleep)) return 0;
    /* A full socket has woken it already. */
    const ssize_t sent = send(socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == 1 || errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static int32_t sleep_until(const struct mailbox *other, int32_t socket, uint32_t seen, int64_t milliseconds) {
    const int64_t end = now() + milliseconds * 1000000;
    for (;;) {
        if (atomic_load(&other->posted) != seen) return 1;
        struct pollfd wanted = {.fd = socket, .events = POLLIN};
        int64_t left = milliseconds < 0 ? -1 : (end - now() + 999999) / 1000000;
        if (milliseconds >= 0 && left <= 0) return 0;
        const int ready = poll(&wanted, 1, left > 1 << 30 ? 1 << 30 : (int)left);
        if (ready < 0 && errno != EINTR) return -1;
        if (ready <= 0) continue;
        char byte;
        const ssize_t got = recv(socket, &byte, 1, MSG_DONTWAIT);
        if (got == 1 || (got < 0 && (errno == EINTR || errno == EAGAIN))) continue;
        return atomic_load(&other->posted) != seen ? 1 : -1; /* it may have posted and then ended */
    }
}

int32_t sz_collect(const void *other, void *own, int32_t socket, sz_inbox *inbox, sz_frame *frame, int64_t milliseconds) {
    const struct mailbox *theirs = other;
    struct mailbox *mine = own;
    if (!is_new(theirs, inbox->seen)) {
        const int64_t begin = now();
        if (!inbox->is_quick || !has_come(theirs, inbox->seen, begin)) {
            atomic_store(&mine->asleep, 1);
            const int32_t result = sleep_until(theirs, socket, inbox->seen, milliseconds);
            atomic_store(&mine->asleep, 0);
            if (result != 1) return result;
        }
        /* Twice the patience: who has slept needs time to wake. */
        inbox->is_quick = now() - begin < 2 * patience();
    }
    inbox->seen = atomic_load_explicit(&theirs->posted, memory_order_acquire);
    *frame = theirs->frame;
    return 1;
}
