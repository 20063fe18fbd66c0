#include "loops.h"
#include <string.h>

static inline void move(const sz_move *m, int32_t count) {
    for (int32_t i = 0; i < count; i++) memcpy(m[i].to, m[i].from, (size_t)m[i].bytes);
}

void sz_scan_run(const void *arguments, int64_t begin, int64_t end, int32_t thread) {
    (void)thread;
    if (begin == end) return;
    const sz_scan *s = arguments;
    move(s->start, s->starts);
    for (int64_t i = 0; i < s->length; i++) {
        const int64_t t = s->reverse ? s->length - 1 - i : i;
        for (const sz_move *m = s->element; m < s->element + s->elements; m++)
            memcpy(m->to, (const char *)m->from + t * m->bytes, (size_t)m->bytes);
        sz_run(s->body);
        for (const sz_move *m = s->result; m < s->result + s->results; m++)
            memcpy((char *)m->to + t * m->bytes, m->from, (size_t)m->bytes);
        for (const sz_move *m = s->carry; m < s->carry + s->carries; m++)
            memcpy(m->to, (const char *)m->from + t * m->bytes, (size_t)m->bytes);
    }
}
