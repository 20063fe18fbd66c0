import Foundation
import Testing

/// Counts the products of matrices that one observation takes, by a library of its own that is loaded before BLAS and LAPACK.
@Suite struct SharedProductsTests {
    /// Passes every call on and adds a line for it: its name and sizes.
    private static let counter = """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <stdio.h>
        #include <stdlib.h>
        static FILE *file;
        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("PRODUCT_REPORT");
            if (path) file = fopen(path, "a"), setvbuf(file, NULL, _IOLBF, 0);
        }
        void cblas_dsyrk(int order, int uplo, int trans, int n, int k, double alpha, const double *a, int lda, double beta,
                         double *c, int ldc) {
            static void (*next)(int, int, int, int, int, double, const double *, int, double, double *, int);
            if (!next) next = (void (*)(int, int, int, int, int, double, const double *, int, double, double *, int))
                dlsym(RTLD_NEXT, "cblas_dsyrk");
            if (file) fprintf(file, "moment %d %d\\n", n, k);
            next(order, uplo, trans, n, k, alpha, a, lda, beta, c, ldc);
        }
        void cblas_dgemm(int order, int ta, int tb, int m, int n, int k, double alpha, const double *a, int lda,
                         const double *b, int ldb, double beta, double *c, int ldc) {
            static void (*next)(int, int, int, int, int, int, double, const double *, int, const double *, int, double,
                                double *, int);
            if (!next) next = (void (*)(int, int, int, int, int, int, double, const double *, int, const double *, int,
                                        double, double *, int))dlsym(RTLD_NEXT, "cblas_dgemm");
            if (file) fprintf(file, "product %dx%d %d\\n", m, n, k);
            next(order, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
        }
        int LAPACKE_dsyevd(int order, char job, char uplo, int n, double *a, int lda, double *w) {
            static int (*next)(int, char, char, int, double *, int, double *);
            if (!next) next = (int (*)(int, char, char, int, double *, int, double *))dlsym(RTLD_NEXT, "LAPACKE_dsyevd");
            if (file) fprintf(file, "eigensystem %d 1\\n", n);
            return next(order, job, uplo, n, a, lda, w);
        }
        """

    /// A network 30-20-14-5 on 700 rows, more than one pass holds.
    private static let rows = 700
    private static func study(_ probes: String) -> String {
        """
        study: counted
        dataset: {plugin: noise, d_in: 30, classes: 5, train_rows: \(rows), test_rows: 0}
        model: {plugin: mlp, widths: [20, 14], activation: relu}
        loss: {plugin: cross_entropy}
        optimizer: {plugin: sgd, lr: 0.1}
        train: {steps: 1, batch_size: 100, precision: f64}
        probes:
        \(probes)
        """
    }

    /// The sum of the last numbers of lines, by what stands before: how many rows went into moments of each width.
    private func count(_ probes: String, _ name: String, _ scratch: Scratch) throws -> [String: Int] {
        try scratch.write(Self.study(probes), to: "\(name).yaml")
        let run = try Tool.run(
            [
                "LD_PRELOAD=\(scratch.path)/libcounter.so", "PRODUCT_REPORT=\(scratch.path)/\(name).txt",
                Tool.executable.path, "run", "\(name).yaml", "--out", name, "--isolate", "none",
            ],
            with: URL(fileURLWithPath: "/usr/bin/env"), in: scratch)
        try #require(run.status == 0, "\(run.errors)")
        var counts: [String: Int] = [:]
        for line in try scratch.read("\(name).txt").split(separator: "\n") {
            let words = line.split(separator: " ")
            counts["\(words[0]) \(words[1])", default: 0] += Int(words[2]) ?? 0
        }
        return counts
    }

    private static let core = """
          crh: {plugin: alignment, variant: [raw, normalized], at: last}
          pah: {plugin: exponents, at: last}
          modes: {plugin: modes, at: last}
          phase: {plugin: phase, at: last}
          balance: {plugin: fact, weight_decay: 1e-3, at: last}
          nfa: {plugin: feature_ansatz, remove_init: false, at: last}
          ranks: {plugin: feature_spectrum, at: last}
        """

    /// Each moment over rows, each cross moment and each eigensystem once, for seven probes together.
    @Test func oneObservation() throws {
        let scratch = try Scratch()
        try scratch.compile(Self.counter, to: ".", name: "counter")
        let counts = try count(Self.core, "core", scratch), n = Self.rows
        // Of representations the centred moments at the input, since `ranks` asks for those at the output: with the means they give the
        // raw ones, with W both at the output. Raw ones of gradients at the output give those at the input. Normalized rows have
        // moments of their own on both sides. Of Jacobians there are 5 rows a sample, at the output.
        #expect(counts["moment 30"] == 3 * n, "h_a centred, normalized; g_a normalized")
        #expect(
            counts["moment 20"] == (3 + 3 + 5) * n,
            "those of fc2; g_b raw, normalized and h_b normalized of fc1; AGOP")
        #expect(counts["moment 14"] == (3 + 3 + 5) * n)
        #expect(counts["moment 5"] == (3 + 5) * n)
        // E[h_a g_b^T]; products of small matrices have fewer than n terms.
        for sizes in ["30x20", "20x14", "14x5"] {
            let rest = (counts["product \(sizes)"] ?? 0) - n
            #expect(rest >= 0 && rest < n, "\(sizes): \(counts)")
        }
        #expect(counts["product 20x20"] ?? 0 < n && counts["product 30x30"] ?? 0 < n, "\(counts)")
        // Of W^T W and the root of the AGOP; of W W^T and the covariance of the output.
        #expect(counts["eigensystem 30"] == 2 && counts["eigensystem 20"] == 4 && counts["eigensystem 14"] == 4)
        #expect(counts["eigensystem 5"] == 2)
    }

    /// Twice as many probes that ask for the same cost no product over rows and no eigensystem more.
    @Test func twice() throws {
        let scratch = try Scratch()
        try scratch.compile(Self.counter, to: ".", name: "counter")
        let again = Self.core.split(separator: "\n").map { line in
            line.replacing("  ", with: "  again_", maxReplacements: 1)
        }.joined(separator: "\n")
        let one = try count(Self.core, "one", scratch), two = try count(Self.core + "\n" + again, "two", scratch)
        for (name, rows) in one where !name.hasPrefix("product") { #expect(two[name] == rows, "\(name)") }
        let alone = try count("  crh: {plugin: alignment, variant: [raw], at: last}", "alone", scratch)
        #expect(alone["moment 30"] == Self.rows && alone["eigensystem 30"] == nil, "the counter tells them apart")
    }
}
