import Manifests

/// Sizes of a call, from its operands and options.
struct Sizes {
    let operands: [String: Operand]
    let context: CallContext
    /// Whose arguments the sizes speak of; nil: the component's `call`.
    var function: Function?

    func axis(_ name: String, _ axis: Axis) throws(PluginError) -> Int {
        guard let operand = operands[name] else { return 0 }
        switch axis {
        case .classes: return operand.field?.columns ?? operand.shape.last ?? 1
        case .labels: return operand.field?.classes ?? 0
        case .index(let index):
            guard operand.shape.indices.contains(index) else {
                throw PluginError(
                    context.place, "asks for axis \(index) of '\(name)', which has \(operand.shape.count) axes here")
            }
            return operand.shape[index]
        }
    }

    func count(_ name: String) throws(PluginError) -> Int {
        if let operand = operands[name] { return operand.shape.reduce(1, *) }
        switch (function ?? context.component.call).argument(name)?.source {
        case .parameter(let id):
            if let items = context.options[id]?.array { return items.count }
            guard let path = context.options[id]?.string, !path.isEmpty else { return 0 }
            return try context.dataFile(path).bytes.count
        case .file(let file): return try context.file(file).bytes.count
        default: return 0
        }
    }

    /// A size of `dims`.
    func named(_ name: String) throws(PluginError) -> Int {
        guard let dimension = context.component.dimensions.first(where: { $0.name == name }) else { return 0 }
        return try size(dimension.size)
    }

    /// The shape of an output, without the axis of rows and those that `describe` writes.
    func shape(of output: OutputDeclaration) throws(PluginError) -> [Int] { try shape(output.shape ?? []) }

    func shape(_ extents: [OutputDeclaration.Extent]) throws(PluginError) -> [Int] {
        var shape: [Int] = []
        for extent in extents {
            switch extent {
            case .rows, .described: continue
            case .constant(let size): shape.append(size)
            case .dimension(let name): shape.append(try named(name))
            }
        }
        guard Self.elements(shape) <= 0x1p40 else {
            throw PluginError(context.place, "asks for an array of shape \(shape), more than 2^40 elements")
        }
        return shape
    }

    /// The product of the sizes, which may be beyond integers.
    static func elements(_ shape: [Int]) -> Double { shape.reduce(1) { $0 * Double($1) } }

    /// factor · product of sizes of `dims`, at most 2^40 elements.
    func product(_ factor: Int, _ names: [String]) throws(PluginError) -> Int {
        var product = factor
        for name in names {
            let (next, overflows) = product.multipliedReportingOverflow(by: try named(name))
            guard !overflows, next <= 1 << 40 else {
                let text = ([String(factor)] + names).joined(separator: "*")
                throw PluginError(context.place, "asks for a workspace of \(text) elements, more than 2^40 here")
            }
            product = next
        }
        return product
    }

    func size(_ size: Size) throws(PluginError) -> Int {
        switch size {
        case .constant(let value): value
        case .described, .source: 0  // `PluginDataset` has asked for these
        case .parameter(let id): try number(id)
        case .axis(let of, let axis, let plus): try self.axis(of, axis) + plus
        }
    }

    private func number(_ id: String) throws(PluginError) -> Int {
        let size = context.integer(id)
        guard size >= 0 else {
            throw PluginError(context.place, "'\(id)' is \(size), but as a size it must be at least 0")
        }
        return size
    }
}
