#include "conv.h"
#include "conv_plan.h"

/* Bytes of images worked on together: a part of a second-level cache, the rest of which holds weights. */
#define IMAGES (256 << 10)
/* Positions worked on together, if that is at least a sample: their table is not to fill the cache. */
#define POSITIONS 4096
/* Bytes of one column of weights that are multiplied at once, so that a panel of columns stays in the cache. */
#define COLUMN 4608
/* Positions that the weight gradient takes at once: two vectors of each are in a first-level cache, ... */
#define SHORT_SUM 256
/* ... or, if the gradient itself leaves the second-level cache each time, more of them. */
#define LONG_SUM 1024
#define LARGE_GRADIENT (512 << 10)
/* Pixels of more bytes than this are far apart for the cache; vectors of them are copied together. */
#define WIDE_PIXEL 256

static int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

/* The place that tap t shows to place i of the result, for a convolution or its transpose, if it is inside. Taps of the
 * transpose are counted from the last one, so that places ascend with them, as the processor expects. */
static int sees(const sz_conv_axis *a, int transposed, int64_t i, int64_t t, int64_t *source) {
    if (!transposed) {
        *source = i * a->stride + t * a->dilation - a->before;
        return *source >= 0 && *source < a->in;
    }
    const int64_t distance = i + a->before - (a->kernel - 1 - t) * a->dilation;
    *source = distance / a->stride;
    return distance >= 0 && distance % a->stride == 0 && *source < a->out;
}

/* Places begin, begin + step, ... of the result, `length` of them, that see the same taps; the first of them sees `source`. */
struct band { int64_t begin, step, length, first, taps, source; };

static struct band band_at(const sz_conv_axis *a, int transposed, int64_t i) {
    struct band b = {.begin = i, .step = transposed ? a->stride : 1, .length = 1};
    for (int64_t t = a->kernel - 1, source; t >= 0; t--)
        if (sees(a, transposed, i, t, &source)) {
            b.taps++;
            b.first = t;
            b.source = source;
        }
    return b;
}

/* The next band of an axis; the first one after {0}. */
static int next_band(const sz_conv_axis *a, int transposed, struct band *b) {
    const int64_t size = transposed ? a->in : a->out, step = transposed ? a->stride : 1;
    int64_t i = b->begin + b->length * step;
    if (i >= size) {
        i = b->begin % step + 1;
        if (i >= step || i >= size) return 0;
    }
    *b = band_at(a, transposed, i);
    for (i += step; i < size; i += step, b->length++) {
        const struct band next = band_at(a, transposed, i);
        if (next.first != b->first || next.taps != b->taps) break;
    }
    return 1;
}

/* How segments are made of the taps of an axis. */
struct steps { int64_t pixel, tap; int merged; };

/* Segments of a band, written to `s` unless it is NULL; their number. */
static int64_t segments(const sz_conv_axis *a, int transposed, const struct band *b, struct steps by, struct segment *s) {
    int64_t count = 0, source;
    if (by.merged) {
        if (s && b->taps) *s = (struct segment){0, b->first * by.tap, b->taps};
        return b->taps > 0;
    }
    for (int64_t t = 0; t < a->kernel; t++)
        if (sees(a, transposed, b->begin, t, &source)) {
            const int64_t tap = transposed ? a->kernel - 1 - t : t;
            if (s) s[count] = (struct segment){(source - b->source) * by.pixel, tap * by.tap, 1};
            count++;
        }
    return count;
}

/* Phases, positions and segments of conv2d or conv2d_input_grad. Returns the bytes of the plan; fills it if `fills`. */
static int64_t correlation(const sz_conv *c, struct plan *p, int transposed, int fills) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t read = transposed ? c->outputs : c->channels, written = transposed ? c->channels : c->outputs;
    const int64_t source_width = transposed ? w->out : w->in, width = transposed ? w->in : w->out;
    const int64_t apart = transposed ? 1 : h->stride, aside = transposed ? 1 : w->stride; /* of neighbours in a band */
    const int64_t tap = (p->depthwise ? 1 : p->depth) * c->panel;
    /* Taps of a row of the kernel are neighbours in the image. */
    const int merged = !transposed && c->groups == 1 && w->dilation == 1 && !p->depthwise && p->part == p->depth;
    const struct steps down = {source_width * read, w->kernel * tap, 0}, right = {read, tap, merged};
    int64_t rights = 0, downs = 0, columns = 0, rows = 0;
    struct band y = {0}, x = {0};
    while (next_band(w, transposed, &x)) {
        columns++;
        rights += segments(w, transposed, &x, right, 0);
    }
    while (next_band(h, transposed, &y)) {
        rows++;
        downs += segments(h, transposed, &y, down, 0);
    }
    p->phases = rows * columns;
    p->phase = sizeof *p;
    p->position = p->phase + p->phases * (int64_t)sizeof(struct phase);
    p->segment = p->position + p->samples * p->written / written * (int64_t)sizeof(struct position);
    if (fills) {
        struct phase *phase = TABLE(phase, p);
        struct position *position = TABLE(position, p);
        struct segment *segment = TABLE(segment, p);
        int64_t positions = 0, from_right = 0, from_down = rights;
        for (x = (struct band){0}; next_band(w, transposed, &x);)
            from_right += segments(w, transposed, &x, right, segment + from_right);
        for (y = (struct band){0}; next_band(h, transposed, &y);) {
            const int64_t down_count = segments(h, transposed, &y, down, segment + from_down);
            from_right = 0;
            for (x = (struct band){0}; next_band(w, transposed, &x); phase++) {
                const int64_t right_count = segments(w, transposed, &x, right, 0);
                *phase = (struct phase){positions, y.length * x.length, from_down, down_count, from_right, right_count};
                from_right += right_count;
                for (int64_t s = 0; s < p->samples; s++)
                    for (int64_t i = 0; i < y.length; i++)
                        for (int64_t j = 0; j < x.length; j++)
                            position[positions++] = (struct position){
                                s * p->read + ((y.source + i * apart) * source_width + x.source + j * aside) * read,
                                s * p->written + ((y.begin + i * y.step) * width + x.begin + j * x.step) * written};
            }
            from_down += down_count;
        }
    }
    return p->segment + (rights + downs) * (int64_t)sizeof(struct segment);
}

static struct image padded(const sz_conv *c) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    struct image i = {.channels = c->channels, .stored_height = h->in, .stored_width = w->in,
                      .top = h->before, .left = w->before};
    i.height = (h->out - 1) * h->stride + (h->kernel - 1) * h->dilation + 1;
    i.width = (w->out - 1) * w->stride + (w->kernel - 1) * w->dilation + 1;
    i.in_place = i.top == 0 && i.left == 0 && i.height <= i.stored_height && i.width <= i.stored_width;
    if (i.in_place) {
        i.height = i.stored_height;
        i.width = i.stored_width;
    }
    return i;
}

/* The weight gradient of few input channels, or of channels by themselves: positions are elements of the kernel, segments the
 * lines of the samples. */
static int64_t padded_weight_grad(const sz_conv *c, struct plan *p, int fills) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t row = p->image.width * c->channels, taps = h->kernel * w->kernel;
    const int64_t inputs = p->depthwise ? 1 : p->depth;
    p->position = sizeof *p;
    p->segment = p->position + taps * inputs * (int64_t)sizeof(struct position);
    if (fills) {
        struct position *position = TABLE(position, p);
        for (int64_t t = 0; t < taps; t++)
            for (int64_t i = 0; i < inputs; i++)
                *position++ = (struct position){
                    t / w->kernel * h->dilation * row + t % w->kernel * w->dilation * c->channels + i,
                    (t * inputs + i) * p->columns};
        struct segment *segment = TABLE(segment, p);
        for (int64_t sample = 0; sample < p->samples; sample++)
            for (int64_t y = 0; y < h->out; y++)
                *segment++ = (struct segment){(sample * p->image.height + y * h->stride) * row,
                                              (sample * h->out + y) * w->out * c->outputs, 1};
        *segment = (struct segment){0, 0, w->out};
    }
    return p->segment + (p->samples * h->out + 1) * (int64_t)sizeof(struct segment);
}

/* Lines of the image that `lines` lines of the result see, at most. */
static int64_t lines_seen(const sz_conv_axis *h, int64_t lines) {
    return min(h->in, (lines - 1) * h->stride + (h->kernel - 1) * h->dilation + 1);
}

int64_t sz_conv_plan(const sz_conv *c, int32_t kind, int32_t bytes, void *plan, int64_t *scratch) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t inputs = c->channels / c->groups, outputs = c->outputs / c->groups, taps = h->kernel * w->kernel;
    const int64_t image = h->in * w->in * c->channels, result = h->out * w->out * c->outputs, each = c->rows / c->copies;
    struct plan p = {.weights = c->groups * inputs * outputs * taps, .depthwise = inputs == 1 && outputs == 1};
    *scratch = 0;
    if (kind != SZ_CONV_WEIGHT_GRAD) {
        const int transposed = kind == SZ_CONV_INPUT_GRAD;
        p.read = transposed ? result : image;
        p.written = transposed ? image : result;
        p.columns = transposed ? inputs : outputs;
        p.depth = transposed ? outputs : inputs;
        const int64_t parts = (p.depth * taps * bytes + COLUMN - 1) / COLUMN;
        p.part = (p.depth + parts - 1) / parts;
        const int64_t together = IMAGES / max(1, p.read * bytes * p.part / p.depth);
        const int64_t positions = transposed ? h->in * w->in : h->out * w->out;
        p.samples = max(1, min(each, min(together, POSITIONS / positions)));
        const int64_t size = correlation(c, &p, transposed, 0);
        if (plan) {
            *(struct plan *)plan = p;
            correlation(c, plan, transposed, 1);
        }
        return size;
    }
    p.read = image;
    p.columns = outputs;
    p.depth = inputs;
    p.turned = !p.depthwise && inputs * bytes < 64 && outputs > inputs;
    if (p.depthwise || p.turned) {
        p.image = padded(c);
        const int64_t pixels = p.image.height * p.image.width * c->channels * bytes;
        p.samples = max(1, min(each, IMAGES / max(pixels, result * bytes)));
        const int64_t gathered = p.turned ? taps * inputs * outputs * bytes : 0;
        *scratch = p.image.in_place ? 0 : (p.samples * pixels + 63) / 64 * 64;
        p.gathered = *scratch / bytes;
        *scratch += (gathered + 63) / 64 * 64;
        const int64_t size = padded_weight_grad(c, &p, 0);
        if (plan) {
            *(struct plan *)plan = p;
            padded_weight_grad(c, plan, 1);
        }
        return size;
    }
    const int64_t together = outputs * inputs * taps * bytes > LARGE_GRADIENT ? LONG_SUM : SHORT_SUM;
    const int64_t positions = h->out * w->out;
    p.samples = max(1, min(each, together / positions));
    p.lines = p.samples > 1 ? h->out : max(1, min(h->out, together / w->out));
    p.packs_input = c->channels * bytes > WIDE_PIXEL;
    p.packs_cotangent = c->outputs * bytes > WIDE_PIXEL;
    if (p.packs_input) *scratch += p.samples * lines_seen(h, p.lines) * w->in * 128; /* two vectors of at most 64 bytes */
    if (p.packs_cotangent) *scratch += (p.samples * p.lines * w->out * outputs * bytes + 63) / 64 * 64 + 64;
    if (plan) *(struct plan *)plan = p;
    return sizeof p;
}
