import Engine
import Manifests
import PluginHost
import Protocols

/// The rows of some epochs that a sampler chooses, of a training split that is given by its columns.
///
/// - Parameter columns: by field, all rows.
package func sampledRows(
    _ choice: Choice, rows: Int, batchSize: Int, columns: [String: (field: Field, data: [Double])] = [:],
    epochs: [Int], loader: ComponentLoader
) throws -> [[Int]] {
    let sampler = try loader.sampler(choice)
    let fields = columns.sorted { $0.key < $1.key }.map(\.value)
    let memory = fields.map { field in
        let values = UnsafeMutablePointer<Double>.allocate(capacity: max(field.data.count, 1))
        values.initialize(from: field.data, count: field.data.count)
        return values
    }
    defer { for values in memory { values.deallocate() } }
    let seen = SampledRows(count: rows, batchSize: batchSize, fields: fields.map(\.field)) {
        UnsafePointer(memory[$0])
    }
    let attached = try sampler.attach(to: seen)
    let order = UnsafeMutableBufferPointer<Int64>.allocate(capacity: try sampler.epochRows(of: rows))
    defer { order.deallocate() }
    order.initialize(repeating: 0)
    return try epochs.map { epoch in
        try attached.write(epoch: epoch, into: order)
        return order.map { Int($0) }
    }
}

/// First values that an initializer gives a parameter.
package func initialValues(
    _ choice: Choice, shape: [Int], values: [Double], name: String = "w", role: ParameterRole = .weight,
    fanIn: Int? = nil, fanOut: Int? = nil, loader: ComponentLoader
) throws -> [Double] {
    let graph = Graph()
    _ = try graph.parameter(
        name, role: role, shape: shape, initializer: Initializer(scheme: .constant, scale: 0), fanIn: fanIn,
        fanOut: fanOut)
    return try loader.initializer(choice).values(of: graph.blocks[0], initial: values)
}

extension ExampleRun {
    /// The columns that the example gives a sampler, by field.
    static func columns(
        of component: Component, options: [String: JSON], classes: Int?,
        _ array: (String) -> (shape: [Int], data: [Double])?
    ) -> [String: (field: Field, data: [Double])] {
        var columns: [String: (field: Field, data: [Double])] = [:]
        for argument in component.call.arguments {
            guard case .column(let choice) = argument.source, let given = array(argument.name) else { continue }
            let name = component.text(of: choice, options: options)
            let isLabels = argument.type == .pointer(.i32) || classes != nil && name == "y"
            let labels = classes ?? Int(given.data.max() ?? 0) + 1
            columns[name] = (
                Field(name: name, shape: Array(given.shape.dropFirst()), classes: isLabels ? labels : nil), given.data
            )
        }
        return columns
    }

    func sampler(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let columns = Self.columns(of: component, options: choice.options, classes: integer("classes"), array)
        let rows = integer("row_count") ?? columns.values.first.map { $0.data.count / $0.field.elements } ?? 0
        let orders = try sampledRows(
            choice, rows: rows, batchSize: integer("batch_size") ?? rows, columns: columns,
            epochs: [integer("epoch") ?? 0], loader: loader)
        return ["order": orders[0].map { .number(Double($0)) }]
    }

    func initializer(_ loader: ComponentLoader) throws -> [String: [Observation.Value]] {
        let names = component.call.arguments.compactMap { argument -> String? in
            if case .quantity = argument.source { argument.name } else { nil }
        }
        guard let value = names.first.flatMap(array) else {
            throw PluginError(component.fullID, "an example must give the argument bound to parameter.value")
        }
        let roles = ParameterRole.allCases, role = integer("role") ?? 0
        let values = try initialValues(
            choice, shape: value.shape, values: value.data, role: roles.indices.contains(role) ? roles[role] : .other,
            fanIn: integer("fan_in"), fanOut: integer("fan_out"), loader: loader)
        return ["value": values.map { .number($0) }]
    }
}
