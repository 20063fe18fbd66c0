import Foundation
import Manifests
import OrderedCollections

/// What `syzygy bench` measured.
package struct BenchmarkResult: Sendable {
    package var work: Workload.Work
    package var run: PlannedRun
    /// Runs that train together; a step is one of each.
    package var copies: Int
    /// Of a step, for each block, ascending.
    package var microseconds: [Double]
    /// Steps in all blocks.
    package var steps: Int
    /// Of a step: those of the graph, without the optimizer's.
    package var flops: Double
    /// Flops per second of a large product in the same precision on the same threads.
    package var peak: Double
    package var firstStep: [(name: String, duration: Duration)]
    /// In bytes.
    package var peakMemory: Int

    /// The median block's.
    package var microsecondsPerStep: Double {
        let n = microseconds.count
        return n == 0 ? .nan : (microseconds[(n - 1) / 2] + microseconds[n / 2]) / 2
    }
    package var flopsPerSecond: Double { flops / (microsecondsPerStep * 1e-6) }
    package var shareOfPeak: Double { flopsPerSecond / peak }
    private var product: String { run.configuration.train.precision == .f32 ? "SGEMM" : "DGEMM" }

    package func json(workload: String) -> JSON {
        let train = run.configuration.train
        let parts = firstStep.map { ($0.name, JSON.double($0.duration.milliseconds)) }
        return .object([
            "format": .int(1), "workload": .string(workload), "work": .string(work.rawValue), "copies": .int(copies),
            "threads": .int(train.threads), "precision": .string(train.precision.rawValue),
            "us_per_step": .double(microsecondsPerStep), "us_per_step_min": .double(microseconds.first ?? .nan),
            "us_per_step_max": .double(microseconds.last ?? .nan), "blocks": .int(microseconds.count),
            "steps": .int(steps), "steps_per_second": .double(1e6 / microsecondsPerStep),
            "flops_per_step": .double(flops), "gflops": .double(flopsPerSecond * 1e-9),
            "peak_gflops": .double(peak * 1e-9), "share_of_peak": .double(shareOfPeak),
            "first_step_ms": .object(OrderedDictionary(uniqueKeysWithValues: parts + [("total", .double(total))])),
            "peak_memory_mb": .double(Double(peakMemory) * 1e-6),
            "host": .object(Host.description(threads: train.threads)), "seed": .int(run.seed),
            "configuration": run.configuration.json,
        ])
    }

    /// Milliseconds from reading the study to the end of the first step.
    private var total: Double { firstStep.reduce(0) { $0 + $1.duration.milliseconds } }

    /// Lines for people.
    package func text(workload: String) -> String {
        let train = run.configuration.train
        let parts = firstStep.map { name, duration in
            "\(name.replacingOccurrences(of: "_", with: " ")) \(Words.short(duration.milliseconds))"
        }
        let range = "\(Words.amount(microseconds.first ?? .nan)) to \(Words.amount(microseconds.last ?? .nan))"
        let together = copies > 1 ? " \(Words.count(copies, "run")) together," : ""
        let blocks = Words.count(microseconds.count, "block")
        let share =
            "\(Words.short(100 * shareOfPeak)) % of the \(product) peak of \(Words.amount(peak * 1e-9)) GFLOP/s"
        return """
            \(workload): \(work.rawValue), \(train.precision.rawValue),\(together) \(Words.count(train.threads, "thread"))
              time        \(Words.amount(microsecondsPerStep)) us/step, the median of \(blocks) (\(range))
              rate        \(Words.rate(1e6 / microsecondsPerStep))
              arithmetic  \(Words.amount(flopsPerSecond * 1e-9)) GFLOP/s, \(share)
              first step  \(Words.amount(total)) ms: \(parts.joined(separator: ", "))
              memory      \(Words.amount(Double(peakMemory) * 1e-6)) MB at most
            """
    }
}

extension Duration {
    fileprivate var milliseconds: Double { self / .milliseconds(1) }
}
