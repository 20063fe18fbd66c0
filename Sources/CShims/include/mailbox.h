/* Messages between two processes through memory that they share: the first bytes of a region that one end writes and the other
 * reads. Who waits looks at that memory for a while before it sleeps on a socket, so a conversation of short calls costs no system
 * call; where the last message took long, it sleeps at once and leaves the core to who computes the next one. The ends take turns; each message is read before the next is posted. */
#ifndef SZ_MAILBOX_H
#define SZ_MAILBOX_H
#include <stdint.h>

/* What a message is and where its text lies; the meaning is the caller's. */
typedef struct { int32_t kind, version; int64_t begin, bytes, region; } sz_frame;

/* What an end knows of the messages to it; begins as {0, 1}. */
typedef struct {
    uint32_t seen;     /* messages collected */
    uint32_t is_quick; /* whether the last one came soon, so that looking for the next one is better than sleeping */
} sz_inbox;

/* Bytes at the begin of a region that belong to its mailbox; they begin as zeros. */
enum { SZ_MAILBOX_BYTES = 64 };

/* Posts a message in `own`, the region that this end writes; wakes the other end if it sleeps. Returns 0, or -1 if that end is gone
 * (which may be noticed only on collecting). Never raises SIGPIPE. */
int32_t sz_post(void *own, const void *other, int32_t socket, const sz_frame *frame);
/* Waits for a message in `other`. Returns 1; 0 after `milliseconds` (negative:
 * never); -1 if the other end is gone. */
int32_t sz_collect(const void *other, void *own, int32_t socket, sz_inbox *inbox, sz_frame *frame, int64_t milliseconds);
#endif
