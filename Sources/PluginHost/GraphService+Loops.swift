import CSyzygy
import Engine

/// Scans and fixed points: a beginning, the body built by the other functions, and an end.
extension GraphService {
    enum Loop {
        case scan(Graph.OpenScan)
        case fixedPoint(Graph.OpenFixedPoint)
    }

    func addLoops() {
        table.begin_scan = {
            context, sequences, sequenceCount, initial, carryCount, attributes, attributeCount, elements, carries in
            for i in 0..<Int(max(sequenceCount, 0)) { elements?[i] = -1 }
            for i in 0..<Int(max(carryCount, 0)) { carries?[i] = -1 }
            return GraphService.status(context) { service in
                service.loops.append(nil)
                let scan = try service.graph.beginScan(
                    over: try service.nodes(sequences, sequenceCount),
                    initial: try service.nodes(initial, carryCount),
                    attributes: named(attributes, attributeCount))
                service.loops[service.loops.count - 1] = .scan(scan)
                try service.write(scan.elements, to: elements)
                try service.write(scan.carries, to: carries)
            }
        }
        table.end_scan = { context, next, carryCount, outputs, outputCount, last, stacks in
            for i in 0..<Int(max(carryCount, 0)) { last?[i] = -1 }
            for i in 0..<Int(max(outputCount, 0)) { stacks?[i] = -1 }
            return GraphService.status(context) { service in
                guard case .scan(let scan) = try service.innermost("end_scan") else {
                    throw GraphError("end_scan: a fixed point was begun last")
                }
                let result = try service.graph.endScan(
                    scan, next: try service.nodes(next, carryCount), outputs: try service.nodes(outputs, outputCount))
                try service.write(result.last, to: last)
                try service.write(result.outputs, to: stacks)
            }
        }
        table.begin_fixed_point = { context, start, attributes, attributeCount in
            GraphService.of(context) { service in
                service.loops.append(nil)
                let equation = try service.graph.beginFixedPoint(
                    from: try service.node(start), attributes: named(attributes, attributeCount))
                service.loops[service.loops.count - 1] = .fixedPoint(equation)
                return equation.value
            }
        }
        table.end_fixed_point = { context, next, results in
            for i in 0..<3 { results?[i] = -1 }
            return GraphService.status(context) { service in
                guard case .fixedPoint(let equation) = try service.innermost("end_fixed_point") else {
                    throw GraphError("end_fixed_point: a scan was begun last")
                }
                let result = try service.graph.endFixedPoint(equation, next: try service.node(next))
                try service.write([result.solution, result.applications, result.residual], to: results)
            }
        }
    }

    /// The loop begun last, which ends.
    private func innermost(_ name: String) throws -> Loop {
        guard let last = loops.popLast() else { throw GraphError("\(name): nothing was begun") }
        guard let loop = last else { throw GraphError("\(name): the beginning failed") }
        return loop
    }

    private func write(_ nodes: [Node], to numbers: UnsafeMutablePointer<Int32>?) throws {
        for (i, node) in nodes.enumerated() { numbers?[i] = try checkedNumber(node) }
    }
}
