import Engine
import Manifests
import Protocols

/// Derivatives of a network and its loss at any parameters on any rows of the dataset: programs in f64, compiled when first asked
/// for, for chunks of rows.
final class NetworkDerivatives {
    /// Rows per run, so that memory does not grow with their number.
    static let chunk = 512
    /// Numbers of gradients of samples that a run may hold.
    static let largestMatrix = 1 << 22

    let network: Network
    /// Of what is trained; statistics keep their current values.
    let parameterCount: Int
    /// Nodes by the names that `Derivatives` gives them, with the elements of one row.
    let widths: [String: Int]
    private let current: ParameterStore
    /// The parameters that programs run at, and where they write gradients.
    private lazy var store = ParameterStore(blocks: current.blocks, precision: .f64)
    private let isSeparable: Bool
    private var programs: [DerivativeProgram.Key: DerivativeProgram] = [:]
    /// Whether a sample's loss depends on other rows of its batch; nil: not known yet.
    private var couplesSamples: Bool?

    /// - Parameters:
    ///   - built: the network at one row.
    ///   - isSeparable: every sample has a loss of its own.
    ///   - current: the parameters that a null point means, f64; read at each call.
    init(_ network: Network, built: Network.Built, isSeparable: Bool, current: ParameterStore) {
        (self.network, self.isSeparable, self.current) = (network, isSeparable, current)
        let graph = built.graph
        parameterCount = graph.trainedBlocks.reduce(0) { $0 + $1.count }
        func width(_ node: Node) -> Int { graph.shape(of: node).reduce(1, *) }
        var widths = ["parameters": parameterCount, "output": width(built.output)]
        for layer in graph.layers {
            widths["\(layer.name).input"] = width(layer.input)
            widths["\(layer.name).output"] = width(layer.output)
        }
        self.widths = widths
    }

    func bound(to tables: [String: DataTable], split: String, rows: Int) -> any Derivatives {
        BoundDerivatives(self, tables, split: split, rows: rows)
    }

    /// Copies flat parameters between a caller and the blocks of a store.
    func read(_ out: UnsafeMutablePointer<Double>) {
        for (i, value) in current.copyFlat().enumerated() { out[i] = value }
    }

    func move(to point: UnsafePointer<Double>?) {
        store.copyValues(from: current)
        if let point { store.setFlat(Array(UnsafeBufferPointer(start: point, count: parameterCount))) }
    }

    // MARK: Objective

    func evaluate(
        _ quantity: ObjectiveQuantity, _ rows: DataRows, along vector: UnsafePointer<Double>?,
        into out: UnsafeMutablePointer<Double>
    ) throws {
        let isOfSamples = quantity == .sampleGradients || quantity == .sampleSquaredNorms
        if isOfSamples {
            guard isSeparable else { throw Undefined("loss_not_separable") }
            guard try !coupling(rows) else { throw Undefined("samples_coupled") }
        }
        var chunk = isSeparable ? Self.chunk : rows.count
        if quantity == .sampleGradients { chunk = max(1, min(chunk, Self.largestMatrix / max(parameterCount, 1))) }
        let size = quantity == .value ? 1 : parameterCount
        if !isOfSamples { out.update(repeating: 0, count: size) }
        for part in rows.parts(chunk) {
            let program = try program(.objective(quantity), rows: part.count)
            program.set(vector: vector)
            program.run(part)
            switch quantity {
            case .value: out[0] += program.value * Double(part.count) / Double(rows.count)
            case .gradient, .hessianProduct, .gaussNewtonProduct:
                program.addGradients(to: out, weight: Double(part.count) / Double(rows.count))
            case .sampleGradients: program.copyRows(to: out + part.begin * parameterCount)
            case .sampleSquaredNorms: program.copyRows(to: out + part.begin)
            }
        }
    }

    /// Compares the losses of samples in a batch with those of the same samples alone.
    private func coupling(_ rows: DataRows) throws -> Bool {
        if let couplesSamples { return couplesSamples }
        guard let few = rows.parts(16).first, few.count > 1 else { return false }
        var losses: [[Double]] = []
        for kind in [DerivativeProgram.Kind.lossesTogether, .lossesAlone] {
            let program = try program(kind, rows: few.count)
            program.run(few)
            var values = [Double](repeating: 0, count: few.count)
            values.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { program.copyRows(to: base) } }
            losses.append(values)
        }
        guard (losses[0] + losses[1]).allSatisfy(\.isFinite) else { return false }
        let scale = losses[0].map(abs).max() ?? 0
        let couples = zip(losses[0], losses[1]).contains { abs($0 - $1) > 1e-9 * scale }
        couplesSamples = couples
        return couples
    }

    // MARK: Jacobian

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, _ rows: DataRows,
        along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        let toParameters = variable == "parameters"
        let (outputWidth, width) = (widths[output] ?? 0, widths[variable] ?? 0)
        if toParameters, product == .backward { out.update(repeating: 0, count: parameterCount) }
        for part in rows.parts(Self.chunk) {
            let program = try program(.jacobian(product, of: output, variable: variable), rows: part.count)
            let given = product == .backward ? outputWidth : width
            if product == .forward, toParameters {
                program.set(vector: vector)
            } else {
                program.set(rowsOfVector: vector + part.begin * given, count: part.count * given)
            }
            program.run(part)
            if product == .backward, toParameters {
                program.addGradients(to: out, weight: 1)
            } else {
                program.copyRows(to: out + part.begin * (product == .forward ? outputWidth : width))
            }
        }
    }

    private func program(_ kind: DerivativeProgram.Kind, rows: Int) throws -> DerivativeProgram {
        let key = DerivativeProgram.Key(kind: kind, rows: rows)
        if let known = programs[key] { return known }
        let program = try DerivativeProgram(network, key, store: store)
        programs[key] = program
        return program
    }
}

/// The derivatives as one probe sees them: with rows of its own.
private final class BoundDerivatives: Derivatives {
    private let network: NetworkDerivatives
    private let tables: [String: DataTable]
    private let split: String
    private let ownRows: Int

    init(_ network: NetworkDerivatives, _ tables: [String: DataTable], split: String, rows: Int) {
        (self.network, self.tables, self.split, ownRows) = (network, tables, split, rows)
    }

    var parameterCount: Int { network.parameterCount }
    func readParameters(into out: UnsafeMutablePointer<Double>) { network.read(out) }
    func rowCount(_ rows: RowSelection) throws -> Int { try resolve(rows).count }

    func evaluate(
        _ quantity: ObjectiveQuantity, at point: UnsafePointer<Double>?, rows: RowSelection,
        along vector: UnsafePointer<Double>?, into out: UnsafeMutablePointer<Double>
    ) throws {
        network.move(to: point)
        try network.evaluate(quantity, try resolve(rows), along: vector, into: out)
    }

    func width(of node: String) throws -> Int {
        guard let width = network.widths[node] else {
            throw DerivativesError("no node '\(node)'" + Nearest.hint(for: node, among: network.widths.keys.sorted()))
        }
        return width
    }

    func jacobian(
        _ product: JacobianProduct, of output: String, variable: String, at point: UnsafePointer<Double>?,
        rows: RowSelection, along vector: UnsafePointer<Double>, into out: UnsafeMutablePointer<Double>
    ) throws {
        for node in [output, variable] { _ = try width(of: node) }
        guard output == "output" || output.hasSuffix(".output") else {
            throw DerivativesError("no Jacobian of '\(output)': of 'output' or '<layer>.output' only")
        }
        guard variable == "parameters" || variable.hasSuffix(".input") else {
            throw DerivativesError("no Jacobian with respect to '\(variable)': 'parameters' or '<layer>.input' only")
        }
        network.move(to: point)
        try network.jacobian(product, of: output, variable: variable, try resolve(rows), along: vector, into: out)
    }

    private func resolve(_ selection: RowSelection) throws -> DataRows {
        func table(_ name: String?) throws -> DataTable {
            let name = name ?? split
            guard let table = tables[name] else {
                throw DerivativesError(
                    "no split '\(name)'" + Nearest.hint(for: name, among: tables.keys.sorted()))
            }
            return table
        }
        switch selection {
        case .own: return try resolve(.range(split: split, begin: 0, count: ownRows))
        case .range(let name, let begin, let count):
            let table = try table(name)
            let count = count ?? table.rows - max(begin, 0)
            guard begin >= 0, count >= 1, count <= table.rows, begin <= table.rows - count else {
                throw DerivativesError(
                    "\(count) rows from row \(begin) on of split '\(name ?? split)', which has \(table.rows)")
            }
            return DataRows(table, first: begin, count: count)
        case .list(let name, let list):
            let table = try table(name)
            guard !list.isEmpty else { throw DerivativesError("a list of no rows") }
            if let row = list.first(where: { !(0..<table.rows).contains($0) }) {
                throw DerivativesError("row \(row) of split '\(name ?? split)', which has \(table.rows) rows")
            }
            return DataRows(table, list[...])
        }
    }
}

/// A question to the derivatives of a network that has no answer, in one sentence.
package struct DerivativesError: Error, CustomStringConvertible, Equatable {
    package var description: String
    init(_ description: String) { self.description = description }
}
