import Foundation
import Testing

/// Counts what a run asks the C library for, by a library of its own that is loaded before it.
@Suite struct AllocationTests {
    /// Passes every request on and, when the program ends, adds a line: how many there were, and the most kilobytes that were resident.
    private static let counter = """
        #define _GNU_SOURCE
        #include <stdatomic.h>
        #include <stddef.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/resource.h>
        static _Atomic long requests;
        void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
        void *__libc_memalign(size_t, size_t);
        void *malloc(size_t n) { requests++; return __libc_malloc(n); }
        void *calloc(size_t n, size_t size) { requests++; return __libc_calloc(n, size); }
        void *realloc(void *p, size_t n) { requests++; return __libc_realloc(p, n); }
        void *aligned_alloc(size_t alignment, size_t n) { requests++; return __libc_memalign(alignment, n); }
        void *memalign(size_t alignment, size_t n) { requests++; return __libc_memalign(alignment, n); }
        int posix_memalign(void **p, size_t alignment, size_t n) {
            requests++;
            *p = __libc_memalign(alignment, n);
            return *p ? 0 : 12;
        }
        __attribute__((destructor)) static void report(void) {
            const char *path = getenv("ALLOCATION_REPORT");
            const long total = requests;
            struct rusage usage;
            getrusage(RUSAGE_SELF, &usage);
            FILE *file = path ? fopen(path, "a") : NULL;
            if (file) {
                fprintf(file, "%ld %ld\\n", total, usage.ru_maxrss);
                fclose(file);
            }
        }
        """

    /// Tanh network with a penalty and momentum: 40 rows of 6 features in batches of 7, so that epochs end within steps.
    private func study(steps: Int, threads: Int) -> String {
        """
        study: steady
        dataset: {plugin: linear_teacher, d_in: 6, d_out: 3, rank: 2, noise: 0.3, train_rows: 40, test_rows: 4}
        model: {plugin: mlp, widths: [9, 5], activation: tanh}
        loss: {plugin: mean_squared_error}
        optimizer: {plugin: sgd, lr: 0.01, momentum: 0.9, weight_decay: 1e-4}
        regularizers:
          decay: {plugin: l2, weight_decay: 1e-3}
        train: {steps: \(steps), batch_size: 7, threads: \(threads), log_every: 100000}
        """
    }

    /// Requests and resident kilobytes of a run.
    private func use(_ scratch: Scratch, steps: Int, threads: Int) throws -> (requests: Int, kilobytes: Int) {
        let name = "s\(steps)t\(threads)"
        try scratch.write(study(steps: steps, threads: threads), to: "\(name).yaml")
        let result = try Tool.run(
            [
                "LD_PRELOAD=\(scratch.path)/libcounter.so", "ALLOCATION_REPORT=\(scratch.path)/\(name).txt",
                Tool.executable.path, "run", "\(name).yaml", "--out", name,
            ],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(result.status == 0, "\(result.errors)")
        let numbers = try scratch.read("\(name).txt").split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        try #require(numbers.count >= 2 && numbers.count % 2 == 0)
        // A line for each process that took part.
        let lines = stride(from: 0, to: numbers.count, by: 2)
        return (lines.reduce(0) { $0 + numbers[$1] }, lines.map { numbers[$0 + 1] }.max() ?? 0)
    }

    /// 50,000 steps more ask for nothing more, whatever the number of threads, and memory does not grow.
    @Test(arguments: [1, 2])
    func stepsAllocateNothing(_ threads: Int) throws {
        let scratch = try Scratch()
        try scratch.compile(AllocationTests.counter, to: ".", name: "counter")
        let short = try use(scratch, steps: 500, threads: threads),
            long = try use(scratch, steps: 50_500, threads: threads)
        #expect(short.requests > 100, "the counter counts")
        // Manifests are read by all cores, so the requests before the first step vary by some thousands.
        #expect(abs(long.requests - short.requests) < 5000, "\(short.requests) requests, then \(long.requests)")
        #expect(long.kilobytes - short.kilobytes < 2048, "\(short.kilobytes) kB, then \(long.kilobytes)")
    }
}
