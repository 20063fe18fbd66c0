import CSyzygy
import Manifests

/// What the function `describe` of a dataset says about its files.
struct Description {
    private(set) var rows: [String: Int] = [:]
    /// Axes of one row, by output.
    private(set) var shapes: [String: [Int]] = [:]
    /// By output; none for real values.
    private(set) var classes: [String: Int] = [:]

    /// No dataset that fits into memory has more.
    private static let most = 1 << 40

    /// Calls the function, if the dataset has one.
    /// - Parameter source: the rows that it is made of.
    init(_ loaded: LoadedComponent, _ source: SourceRows? = nil) throws {
        guard let function = loaded.component.describe else { return }
        let rank = Int(SYZYGY_MAX_RANK)
        let places = UnsafeMutablePointer<Int64>.allocate(capacity: max(function.arguments.count, 1) * rank)
        places.initialize(repeating: 0, count: max(function.arguments.count, 1) * rank)
        defer { places.deallocate() }
        var operands = try source?.operands(of: function) ?? [:]
        for (i, argument) in function.arguments.enumerated() {
            switch argument.source {
            case .rows, .classes, .shape:
                operands[argument.name] = Operand(.memory(places + i * rank), shape: [rank])
            default: break
            }
        }
        try loaded.perform(FunctionCall(function: function, operands: operands))
        for (i, argument) in function.arguments.enumerated() {
            let place = places + i * rank
            func size(_ index: Int, _ what: String, atLeast lowest: Int) throws(PluginError) -> Int {
                let size = Int(place[index])
                guard (lowest...Self.most).contains(size) else {
                    throw PluginError(
                        loaded.context.place,
                        "describes \(what) as \(size); expected a number from \(lowest) to 2^40")
                }
                return size
            }
            switch argument.source {
            case .rows(let split): rows[split] = try size(0, "the rows of '\(split)'", atLeast: 0)
            case .classes(let output):
                let count = try size(0, "the classes of '\(output)'", atLeast: 0)
                if count > 0 { classes[output] = count }
            case .shape(let output):
                var shape: [Int] = []
                // A 0 ends the shape, or eight axes do.
                for index in 0..<rank where shape.count == index && place[index] != 0 {
                    shape.append(try size(index, "axis \(index) of '\(output)'", atLeast: 1))
                }
                shapes[output] = shape
                let elements = shape.reduce(1.0) { $0 * Double($1) }
                guard elements <= Double(Self.most) else {
                    throw PluginError(
                        loaded.context.place,
                        "describes '\(output)' as \(shape), more than 2^40 elements in each row")
                }
            default: break
            }
        }
    }
}
