import CSyzygy
import Protocols

/// `syzygy.objective/1` and `syzygy.jacobian/1`: tables of C functions whose context is one of these objects, made for one call
/// of a probe or for all of an optimizer.
final class DerivativesService {
    private let derivatives: any Derivatives
    /// The first mistake of the plugin, in one sentence.
    private(set) var failure: String?
    /// The reason code of the first value that does not exist.
    private(set) var undefined: String?

    /// Before a call.
    func forget() { (failure, undefined) = (nil, nil) }

    private(set) var objective = syzygy_objective()
    private(set) var jacobian = syzygy_jacobian()

    init(_ derivatives: any Derivatives) {
        self.derivatives = derivatives
        let context = Unmanaged.passUnretained(self).toOpaque()
        objective.struct_size = UInt32(MemoryLayout<syzygy_objective>.size)
        objective.context = context
        objective.parameter_count = { context in
            DerivativesService.count(context, "parameter_count") { $0.parameterCount }
        }
        objective.row_count = { context, rows in
            DerivativesService.count(context, "row_count") { try $0.rowCount(selection(rows)) }
        }
        objective.parameters = { context, out, count in
            DerivativesService.call(context, "parameters") { derivatives in
                derivatives.readParameters(into: try target(out, count, derivatives.parameterCount))
            }
        }
        objective.value = { context, at, rows, out in
            DerivativesService.evaluate(context, "value", .value, at, rows, nil, out, 1)
        }
        objective.gradient = { context, at, rows, out, count in
            DerivativesService.evaluate(context, "gradient", .gradient, at, rows, nil, out, count)
        }
        objective.hessian_product = { context, at, rows, v, out, count in
            DerivativesService.evaluate(context, "hessian_product", .hessianProduct, at, rows, v, out, count)
        }
        objective.gauss_newton_product = { context, at, rows, v, out, count in
            DerivativesService.evaluate(context, "gauss_newton_product", .gaussNewtonProduct, at, rows, v, out, count)
        }
        objective.sample_gradients = { context, at, rows, out, count in
            DerivativesService.evaluate(context, "sample_gradients", .sampleGradients, at, rows, nil, out, count)
        }
        objective.sample_squared_norms = { context, at, rows, out, count in
            DerivativesService.evaluate(
                context, "sample_squared_norms", .sampleSquaredNorms, at, rows, nil, out, count)
        }
        jacobian.struct_size = UInt32(MemoryLayout<syzygy_jacobian>.size)
        jacobian.context = context
        jacobian.width = { context, node in
            DerivativesService.count(context, "width") { try $0.width(of: text(node)) }
        }
        jacobian.jvp = { context, output, variable, at, rows, v, vCount, out, count in
            DerivativesService.call(context, "jvp") { derivatives in
                let (output, variable, rows) = (text(output), text(variable), try selection(rows))
                let vector = try source(v, vCount, derivatives.count(variable, rows: rows))
                try derivatives.jacobian(
                    .forward, of: output, variable: variable, at: at, rows: rows, along: vector,
                    into: try target(out, count, derivatives.count(output, rows: rows)))
            }
        }
        jacobian.vjp = { context, output, variable, at, rows, u, uCount, out, count in
            DerivativesService.call(context, "vjp") { derivatives in
                let (output, variable, rows) = (text(output), text(variable), try selection(rows))
                let vector = try source(u, uCount, derivatives.count(output, rows: rows))
                try derivatives.jacobian(
                    .backward, of: output, variable: variable, at: at, rows: rows, along: vector,
                    into: try target(out, count, derivatives.count(variable, rows: rows)))
            }
        }
    }

    private static func evaluate(
        _ context: UnsafeMutableRawPointer?, _ name: String, _ quantity: ObjectiveQuantity,
        _ at: UnsafePointer<Double>?, _ rows: UnsafePointer<syzygy_rows>?, _ vector: UnsafePointer<Double>?,
        _ out: UnsafeMutablePointer<Double>?, _ count: Int64
    ) -> syzygy_status {
        call(context, name) { derivatives in
            let rows = try selection(rows)
            if quantity.needsVector, vector == nil { throw Misuse("the vector is a null pointer") }
            let out = try target(out, count, derivatives.count(quantity, rows: rows))
            try derivatives.evaluate(quantity, at: at, rows: rows, along: vector, into: out)
        }
    }

    private static func count(
        _ context: UnsafeMutableRawPointer?, _ name: String, _ body: (any Derivatives) throws -> Int
    ) -> Int64 {
        var result = -1
        return call(context, name) { result = try body($0) } == 0 ? Int64(result) : -1
    }

    private static func call(
        _ context: UnsafeMutableRawPointer?, _ name: String, _ body: (any Derivatives) throws -> Void
    ) -> syzygy_status {
        guard let context else { return Int32(SYZYGY_INVALID) }
        let service = Unmanaged<DerivativesService>.fromOpaque(context).takeUnretainedValue()
        do {
            try body(service.derivatives)
            return Int32(SYZYGY_OK)
        } catch let undefined as Undefined {
            service.undefined = service.undefined ?? undefined.reason
            return Int32(SYZYGY_UNDEFINED)
        } catch {
            service.failure = service.failure ?? "\(name): \(error)"
            return Int32(SYZYGY_INVALID)
        }
    }
}

/// What a plugin did wrong in a call.
private struct Misuse: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }

private func selection(_ rows: UnsafePointer<syzygy_rows>?) throws -> RowSelection {
    guard let rows = rows?.pointee else { return .own }
    let split = rows.split.map { String(cString: $0) }
    guard let indices = rows.indices else {
        return .range(split: split, begin: Int(rows.begin), count: rows.count == -1 ? nil : Int(rows.count))
    }
    guard (0...Int64(Int32.max)).contains(rows.count) else { throw Misuse("a list of \(rows.count) rows") }
    return .list(split: split, (0..<Int(rows.count)).map { Int(indices[$0]) })
}

private func target(
    _ out: UnsafeMutablePointer<Double>?, _ count: Int64, _ needed: Int
) throws -> UnsafeMutablePointer<Double> {
    guard let out else { throw Misuse("the place for the result is a null pointer") }
    guard count == needed else { throw Misuse("the result has \(needed) numbers, its place \(count)") }
    return out
}

private func source(
    _ vector: UnsafePointer<Double>?, _ count: Int64, _ needed: Int
) throws -> UnsafePointer<Double> {
    guard let vector else { throw Misuse("the vector is a null pointer") }
    guard count == needed else { throw Misuse("the vector has \(count) numbers; \(needed) expected") }
    return vector
}
