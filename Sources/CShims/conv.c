#include "conv.h"
#include "conv_plan.h"

/* Bytes of images worked on together: a part of a second-level cache, the rest of which holds weights. */
#define IMAGES (256 << 10)

static int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

/* The cotangent position that tap t carries to input position `first` < stride. */
static int carries(const sz_conv_axis *a, int64_t first, int64_t tap, int64_t *q) {
    const int64_t distance = first + a->before - tap * a->dilation;
    *q = distance / a->stride;
    return distance % a->stride == 0;
}

/* Positions `first`, first + stride, … below `in`. */
static int64_t steps(const sz_conv_axis *a, int64_t first) {
    return a->in > first ? (a->in - first + a->stride - 1) / a->stride : 0;
}

/* What the transpose reads along an axis: zeros before the cotangent, and the length with zeros on both sides. */
static int64_t turned(const sz_conv_axis *a, int64_t *before) {
    int64_t least = 0, end = 1, q;
    for (int64_t first = 0; first < a->stride; first++)
        for (int64_t tap = 0; tap < a->kernel; tap++)
            if (steps(a, first) && carries(a, first, tap, &q)) {
                if (q < least) least = q;
                end = max(end, q + steps(a, first));
            }
    *before = -least;
    return end - least;
}

static struct image image(const sz_conv *c, int32_t kind) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    struct image i;
    if (kind == SZ_CONV_INPUT_GRAD) {
        i = (struct image){.channels = c->outputs, .stored_height = h->out, .stored_width = w->out};
        i.height = turned(h, &i.top);
        i.width = turned(w, &i.left);
    } else {
        i = (struct image){.channels = c->channels, .stored_height = h->in, .stored_width = w->in,
                           .top = h->before, .left = w->before};
        i.height = (h->out - 1) * h->stride + (h->kernel - 1) * h->dilation + 1;
        i.width = (w->out - 1) * w->stride + (w->kernel - 1) * w->dilation + 1;
    }
    i.in_place = i.top == 0 && i.left == 0 && i.height <= i.stored_height && i.width <= i.stored_width;
    if (i.in_place) {
        i.height = i.stored_height;
        i.width = i.stored_width;
    }
    return i;
}

static void plan_forward(const sz_conv *c, struct plan *p, int merged) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t row = p->image.width * p->image.channels, taps = merged ? 1 : w->kernel;
    struct position *position = TABLE(position, p);
    for (int64_t y = 0; y < h->out; y++)
        for (int64_t x = 0; x < w->out; x++)
            *position++ = (struct position){y * h->stride * row + x * w->stride * p->image.channels,
                                            (y * w->out + x) * c->outputs};
    struct segment *segment = TABLE(segment, p);
    for (int64_t y = 0; y < h->kernel; y++)
        for (int64_t x = 0; x < taps; x++)
            *segment++ = (struct segment){y * h->dilation * row + x * w->dilation * p->image.channels,
                                          (y * w->kernel + x) * p->depth * c->panel,
                                          merged ? w->kernel * p->depth : p->depth};
    *TABLE(phase, p) = (struct phase){0, h->out * w->out, 0, h->kernel * taps};
}

static void plan_input_grad(const sz_conv *c, struct plan *p) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t row = p->image.width * p->image.channels;
    struct position *position = TABLE(position, p);
    struct segment *segment = TABLE(segment, p);
    struct phase *phase = TABLE(phase, p);
    int64_t positions = 0, segments = 0, top, left;
    for (int64_t a = 0; a < h->stride; a++)
        for (int64_t b = 0; b < w->stride; b++, phase++) {
            *phase = (struct phase){positions, steps(h, a) * steps(w, b), segments, 0};
            for (int64_t y = 0; y < steps(h, a); y++)
                for (int64_t x = 0; x < steps(w, b); x++)
                    position[positions++] = (struct position){
                        y * row + x * p->image.channels,
                        ((a + y * h->stride) * w->in + b + x * w->stride) * c->channels};
            if (!phase->positions) continue;
            for (int64_t y = 0; y < h->kernel; y++)
                for (int64_t x = 0; x < w->kernel; x++)
                    if (carries(h, a, y, &top) && carries(w, b, x, &left))
                        segment[segments++] = (struct segment){
                            (top + p->image.top) * row + (left + p->image.left) * p->image.channels,
                            (y * w->kernel + x) * p->depth * c->panel, p->depth};
            phase->segments = segments - phase->segment;
        }
}

static void plan_weight_grad(const sz_conv *c, struct plan *p) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t row = p->image.width * p->image.channels;
    struct position *position = TABLE(position, p);
    if (p->depthwise)
        for (int64_t t = 0; t < h->kernel * w->kernel; t++)
            position[t] = (struct position){
                t / w->kernel * h->dilation * row + t % w->kernel * w->dilation * p->image.channels, t};
    else
        for (int64_t o = 0; o < c->outputs / c->groups; o++)
            position[o] = (struct position){o, o * p->runs * p->run};
    struct segment *segment = TABLE(segment, p);
    for (int64_t sample = 0; sample < p->samples; sample++)
        for (int64_t y = 0; y < h->out; y++, segment++) {
            const int64_t cotangent = (sample * h->out + y) * w->out * c->outputs;
            const int64_t pixel = (sample * p->image.height + y * h->stride) * row;
            *segment = p->depthwise ? (struct segment){pixel, cotangent, w->out}
                                    : (struct segment){cotangent, pixel, w->out};
        }
}

int64_t sz_conv_plan(const sz_conv *c, int32_t kind, int32_t bytes, void *plan, int64_t *scratch) {
    const sz_conv_axis *h = &c->axis[0], *w = &c->axis[1];
    const int64_t inputs = c->channels / c->groups, outputs = c->outputs / c->groups, taps = h->kernel * w->kernel;
    const int depthwise = inputs == 1 && outputs == 1;
    /* Taps of a row of the kernel are neighbours in the image. */
    const int merged = c->groups == 1 && w->dilation == 1 && !depthwise;
    struct plan p = {.image = image(c, kind), .weights = c->groups * inputs * outputs * taps, .phases = 1,
                     .depthwise = depthwise};
    p.read = p.image.stored_height * p.image.stored_width * p.image.channels;
    const int64_t size = p.image.height * p.image.width * p.image.channels * bytes;
    p.samples = max(1, IMAGES / size);
    if (p.samples > c->rows / c->copies) p.samples = c->rows / c->copies;
    *scratch = p.image.in_place ? 0 : max(IMAGES, (size + 63) / 64 * 64);
    int64_t positions, segments;
    switch (kind) {
    case SZ_CONV_FORWARD:
        p.written = h->out * w->out * c->outputs;
        p.columns = outputs;
        p.depth = inputs;
        positions = h->out * w->out;
        segments = merged ? h->kernel : taps;
        break;
    case SZ_CONV_INPUT_GRAD:
        p.written = h->in * w->in * c->channels;
        p.columns = inputs;
        p.depth = outputs;
        p.phases = h->stride * w->stride;
        positions = h->in * w->in;
        segments = taps;
        break;
    default:
        p.runs = merged ? h->kernel : taps;
        p.run = merged ? w->kernel * inputs : inputs;
        positions = p.depthwise ? taps : outputs;
        segments = p.samples * h->out;
    }
    p.phase = sizeof p;
    p.position = p.phase + p.phases * (int64_t)sizeof(struct phase);
    p.segment = p.position + positions * (int64_t)sizeof(struct position);
    if (plan) {
        *(struct plan *)plan = p;
        if (kind == SZ_CONV_FORWARD) plan_forward(c, plan, merged);
        else if (kind == SZ_CONV_INPUT_GRAD) plan_input_grad(c, plan);
        else plan_weight_grad(c, plan);
    }
    return p.segment + segments * (int64_t)sizeof(struct segment);
}
