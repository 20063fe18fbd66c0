/// Names and attributes of the operations with sliding windows.
extension Graph {
    static var windowOperations: [String: NamedOperation] {
        func pool(
            _ build: @escaping (Graph, Node, [Int], WindowSteps) throws -> Node
        ) -> NamedOperation {
            NamedOperation(attributes: Attributes.pairs("size") + Attributes.steps) { graph, x, options in
                let size = try options.pair("size", default: nil)
                return try build(graph, x[0], size, try options.steps(stride: size))
            }
        }
        return [
            "conv2d": NamedOperation(inputCount: 2, attributes: Attributes.steps + ["groups"]) { graph, x, options in
                try graph.conv2d(
                    x[0], x[1], steps: try options.steps(stride: [1, 1]), groups: try options.integer("groups") ?? 1)
            },
            "max_pool": pool { try $0.maxPool($1, size: $2, steps: $3) },
            "average_pool": pool { try $0.averagePool($1, size: $2, steps: $3) },
            "patches": NamedOperation(attributes: Attributes.pairs("size") + Attributes.steps) { graph, x, options in
                try graph.patches(
                    x[0], kernel: try options.pair("size", default: nil), steps: try options.steps(stride: [1, 1]))
            },
        ]
    }
}

extension Attributes {
    static func pairs(_ name: String) -> [String] { [name, "\(name)_h", "\(name)_w"] }

    static let steps =
        pairs("stride") + pairs("dilation")
        + ["padding", "padding_top", "padding_bottom", "padding_left", "padding_right"]

    /// `name_h` and `name_w`, each `name` where it is absent.
    func pair(_ name: String, default value: [Int]?) throws -> [Int] {
        let both = try integer(name)
        return try ["h", "w"].enumerated().map { i, side in
            guard let size = try integer("\(name)_\(side)") ?? both ?? value?[i] else {
                throw GraphError("\(operation): the attribute '\(name)' is missing")
            }
            return size
        }
    }

    /// Without attributes: the given stride, no padding, no dilation.
    func steps(stride: [Int]) throws -> WindowSteps {
        let padding = try integer("padding") ?? 0
        var steps = WindowSteps(
            stride: try pair("stride", default: stride), dilation: try pair("dilation", default: [1, 1]))
        steps.before = [try integer("padding_top") ?? padding, try integer("padding_left") ?? padding]
        steps.after = [try integer("padding_bottom") ?? padding, try integer("padding_right") ?? padding]
        return steps
    }
}
