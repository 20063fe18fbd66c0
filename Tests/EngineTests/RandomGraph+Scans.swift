import Engine
import PluginTesting

extension RandomGraph {
    /// A scan over the first axis of `a` with one or two carries, whose step is drawn from what it gets and from the pool.
    func scan(_ a: Node, _ pool: [Node], _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        guard !shape.isEmpty, shape[0] < 8, elements(shape) < 300 else { return nil }
        let small = pool.filter { elements(graph.shape(of: $0)) < 30 }
        func chosen(_ count: Int) -> [Node] { (0..<count).compactMap { _ in small.randomElement(using: &random) } }
        let open = try graph.beginScan(
            over: [a], initial: chosen(Int.random(in: 1...2, using: &random)),
            truncate: Int.random(in: 0..<4, using: &random) == 0 ? 2 : nil,
            isReverse: Bool.random(using: &random))
        var inside = open.carries + open.elements
        let outside = chosen(2)
        for _ in 0..<5 {
            let node = inside.randomElement(using: &random) ?? a
            guard let result = try draw(node, inside + outside, &random) else { continue }
            if elements(graph.shape(of: result)) < 300 { inside.append(result) }
        }
        let next = try open.carries.map { carry in
            var change = inside.randomElement(using: &random) ?? carry
            let sum = try? graph.apply(named: "add", [carry, change])
            if sum.map({ graph.shape(of: $0) }) != graph.shape(of: carry) {
                change = try graph.apply(named: "mean", [change])
            }
            return try graph.apply(named: "tanh", [try graph.apply(named: "add", [carry, change])])
        }
        let result = try graph.endScan(open, next: next, outputs: [inside[inside.count - 1]])
        return (result.last + result.outputs).randomElement(using: &random)
    }

    /// By the batch's own mean and variance; the statistics are not read, only assigned.
    func batchNorm(_ a: Node, _ random: inout SplitMix) throws -> Node? {
        let shape = graph.shape(of: a)
        guard shape.count > 1, let channels = shape.last, elements(shape) > channels else { return nil }
        let statistics = try (0..<2).map { _ in
            try graph.parameter(
                "statistic \(graph.blocks.count)", role: .statistic, shape: [channels],
                initializer: Initializer(scheme: .uniform))
        }
        return try graph.apply(
            named: "batch_norm", [a] + statistics,
            attributes: ["epsilon": 0.1, "momentum": Double.random(in: 0...1, using: &random)])
    }
}
