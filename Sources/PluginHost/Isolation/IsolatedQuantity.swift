import Manifests
import Protocols

/// A quantity that another process makes. What goes wrong there makes it undefined, with the reason.
final class IsolatedQuantity: DefinedQuantity {
    private let isolated: IsolatedComponent
    private let binding: Binding
    /// Expressions by the names that the other process knows: those of open arguments, else the expressions themselves.
    private let needed, taken: [(name: String, expression: String)]
    private let note: (String) -> Void

    init(_ isolated: IsolatedComponent, given: [String: String], note: @escaping (String) -> Void) throws {
        (self.isolated, self.note) = (isolated, note)
        let component = isolated.component, binding = component.binding(given: given)
        self.binding = binding
        func named(_ function: Function?) -> [(String, String)] {
            binding.quantities.compactMap { argument, expression in
                guard function?.argument(argument) != nil else { return nil }
                return (given[argument] == nil ? expression : argument, expression)
            }
        }
        (needed, taken) = (named(component.call), named(component.add))
        // A library that ends the process while it is opened makes values undefined too; the first call tries again.
        do { try isolated.open() } catch is SandboxFailure {}
    }

    var needs: [Need] { isolated.component.needs(isolated.component.call, binding) }
    var streamed: [Need] { isolated.component.needs(isolated.component.add, binding) }

    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {
        rows.formFinished(taken.map(\.expression), layer: layer)
        do {
            try isolated.add(taken.map(\.name), of: Renamed(rows, taken), layer: layer, memory, note: note)
        } catch {
            memory.failures[binding.name] = IsolatedComponent.reason(
                error, IsolatedComponent.pass(of: layer), note: note)
        }
    }

    func value(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory
    ) throws -> (value: Quantity, owner: AnyObject) {
        quantities.form(needed.map(\.expression), layer: layer)
        do {
            var answer = try isolated.measure(
                needed.map(\.name), of: Renamed(quantities, needed), step: step, layer: layer, memory)
            let value = try KeptQuantity(&answer)
            for _ in 0..<(try answer.integer()) { note(try answer.text()) }
            return (try value.quantity(), value)
        } catch let undefined as Undefined {
            throw undefined
        } catch {
            throw Undefined(IsolatedComponent.reason(error, IsolatedComponent.place(step, layer), note: note))
        }
    }
}

/// Quantities under other names.
private struct Renamed: QuantitySource {
    let source: any QuantitySource
    let expressions: [String: String]
    var derivatives: (any Derivatives)? { source.derivatives }

    init(_ source: any QuantitySource, _ names: [(name: String, expression: String)]) {
        self.source = source
        expressions = Dictionary(names.map { ($0.name, $0.expression) }) { first, _ in first }
    }

    func quantity(_ expression: String, layer: String) throws -> Quantity? {
        try expressions[expression].flatMap { try source.quantity($0, layer: layer) }
    }
}

/// A value in memory of its own: an answer is valid until the next message only.
private final class KeptQuantity {
    private var shape: [Int] = []
    private var isOfSamples = false
    private var undefined: Undefined?
    private let memory: UnsafeMutablePointer<Double>

    init(_ answer: inout MessageReader) throws {
        let received = try ReceivedQuantities(&answer, nil)
        do {
            guard let quantity = try received.quantity("", layer: ""), case .real(let numbers) = quantity.data else {
                throw Channel.Broken.malformed
            }
            (shape, isOfSamples) = (quantity.shape, quantity.isOfSamples)
            let count = shape.reduce(1, *)
            memory = .allocate(capacity: max(count, 1))
            memory.initialize(from: numbers, count: count)
        } catch let reason as Undefined {
            undefined = reason
            memory = .allocate(capacity: 1)
        }
    }

    deinit { memory.deallocate() }

    func quantity() throws -> Quantity {
        if let undefined { throw undefined }
        return Quantity(data: .real(UnsafePointer(memory)), shape: shape, isOfSamples: isOfSamples)
    }
}
