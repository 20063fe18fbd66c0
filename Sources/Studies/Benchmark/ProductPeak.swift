import Engine

/// What the machine's matrix products reach, measured in this process: the roof of every network's arithmetic.
enum ProductPeak {
    /// Rows and columns: large enough that memory and the ends of blocks do not count, a few milliseconds of work.
    private static let size = 1024

    /// The fastest of many products [n, n] · [n, n] through the engine, on as many threads as programs have.
    static func flopsPerSecond(_ precision: Precision) throws -> Double {
        let graph = Graph()
        let a = graph.input("a", shape: [size, size]), b = graph.input("b", shape: [size, size])
        let product = try graph.apply(named: "matmul", [a, b])
        let program = try Program(graph, outputs: [product], precision: precision, parameters: nil)
        for (name, factor) in [("a", 7), ("b", 5)] {
            program.setInput(name, (0..<size * size).map { Double($0 * factor % 13 - 6) })
        }
        var best = UInt64.max
        let begin = nanosecondsNow()
        repeat {
            let start = nanosecondsNow()
            program.run()
            best = min(best, nanosecondsNow() - start)
        } while nanosecondsNow() - begin < 400_000_000
        return program.flops / (Double(best) * 1e-9)
    }
}
