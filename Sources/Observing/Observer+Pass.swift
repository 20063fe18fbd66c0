import Engine
import LinearAlgebra
import Manifests
import Protocols

/// Passes over rows, mostly one: every quantity that is asked for is formed once.
extension Observer {
    func measure(rows: FirstRows, step: Int, for visits: [Visit]) throws -> Measurement {
        let pass = Measurement(step: step)
        guard let table = tables[rows.split] else { return pass }
        pass.derivatives = derivatives.bound(to: tables, split: rows.split, rows: rows.count)
        var demand = Demand(self, pass)
        for visit in visits { try demand.add(visit) }
        var streams: [(key: Measurement.Key, accumulator: any Accumulator, captures: [Capture], positions: Int)] = []
        for (key, expression) in demand.wanted.sorted(by: { $0.key < $1.key }) {
            if let captures = captures(expression, layer: key.layer) {
                if let coupled, captures.contains(where: \.needsLoss) {
                    pass.set(key, .failure(coupled))
                    continue
                }
                let positions = captures.map(positions)
                guard Set(positions).count == 1 else {
                    pass.set(key, .failure(Undefined("rows_differ")))
                    continue
                }
                let accumulator = try pass.makeAccumulator(
                    key, expression, widths: captures.map(width), samples: rows.count * positions[0])
                streams.append((key, accumulator, captures, positions[0]))
            } else if expression.arguments != [.parameterGrad] {
                try addStatic(expression, key, table, rows.count, to: pass)
            } else if let coupled {
                pass.set(key, .failure(coupled))
            }
        }
        let gradient = demand.wantsGradient ? Buffer(parameters.count) : nil
        try give(
            rows, table, to: demand.passes.first ?? [], Set(streams.flatMap(\.captures)), gradient, finished: pass
        ) { program, range in
            for stream in streams {
                stream.accumulator.add(
                    stream.captures.compactMap(program.values), rows: range.count * stream.positions)
            }
        }
        for stream in streams {
            pass.keep(stream.accumulator)
            do {
                let (data, shape) = try stream.accumulator.finish()
                pass.set(stream.key, .success(Quantity(data: .real(data), shape: shape)))
            } catch let undefined as Undefined {
                pass.set(stream.key, .failure(undefined))
            }
        }
        if let gradient {
            pass.keep(gradient)
            for block in parameters.blocks where block.isTrained {
                pass.set(
                    .init(expression: "parameter.grad", layer: block.name),
                    .success(
                        Quantity(data: .real(UnsafePointer(gradient.pointer + block.offset)), shape: [block.count])))
            }
        }
        for visits in demand.passes.dropFirst() {
            try give(rows, table, to: visits, [], nil, finished: pass) { _, _ in }
        }
        return pass
    }

    /// Gives all rows, some at a time, to those who take them.
    private func give(
        _ rows: FirstRows, _ table: DataTable, to visits: [Visit], _ further: Set<Capture>, _ gradient: Buffer?,
        finished: Measurement, each: (CaptureProgram, Range<Int>) -> Void
    ) throws {
        let sources = try rowSources(of: visits, table)
        var captures = further.union(sources.values.compactMap(\.capture))
        if !visits.isEmpty, captures.isEmpty { captures = [.modelOutput] }
        for case .layer(let index, .layerInputGrad) in captures { captures.insert(.layer(index, .layerOutputGrad)) }
        guard !captures.isEmpty || gradient != nil else { return }
        try run(rows, table, captures, gradient) { program, range in
            each(program, range)
            let pass = RowsOfPass(
                sources: sources, finished: finished, program: program, table: table, range: range)
            for visit in visits { visit.taker.add(layer: visit.subject, rows: pass, memory: visit.memory) }
        }
    }

    private func run(
        _ rows: FirstRows, _ table: DataTable, _ captures: Set<Capture>, _ gradient: Buffer?,
        each: (CaptureProgram, Range<Int>) -> Void
    ) throws {
        let held = shapes.map { $0.positions * ($0.input + $0.output) }.reduce(0, +)
        let chunk = min(Self.chunk, max(1, Self.largestPass / max(held, 1)))
        var row = 0
        while row < rows.count {
            let count = min(chunk, rows.count - row)
            let key = ProgramKey(rows: count, captures: captures, wantsGradient: gradient != nil)
            let program =
                try programs.programs[key]
                ?? CaptureProgram(
                    network, rows: count, captures: captures, wantsGradient: gradient != nil, parameters: parameters)
            programs.programs[key] = program
            program.run(on: table, from: row)
            each(program, row..<row + count)
            if let gradient {
                let chunk = parameters.gradients.assumingMemoryBound(to: Double.self)
                for i in 0..<gradient.count { gradient.pointer[i] += chunk[i] / Double(rows.count) }
            }
            row += count
        }
    }

    /// The captures an expression needs, nil if it does not depend on samples of the network.
    func captures(_ expression: QuantityExpression, layer: String) -> [Capture]? {
        var captures: [Capture] = []
        for basic in expression.arguments {
            switch basic {
            case .modelOutput: captures.append(.modelOutput)
            case .sampleLoss: captures.append(.sampleLoss)
            case .targets where network.target != nil: captures.append(.targets)
            default:
                let target = basic.member?.of ?? basic.ofLayer ?? basic
                guard target.form == .samples, target != .targets else { return nil }
                let name = basic.member.flatMap { pairs[layer]?[$0.index] } ?? layer
                let index = basic.ofLayer == nil ? layers.firstIndex(of: name) : layers.indices.last
                guard let index else { return nil }
                captures.append(.layer(index, target))
            }
        }
        return captures
    }

    private func width(_ capture: Capture) -> Int {
        switch capture {
        case .modelOutput: outputWidth
        case .sampleLoss: 1
        case .targets: network.target.map { $0.classes ?? $0.elements / targetPositions } ?? 0
        case .layer(let index, let basic):
            basic == .layerInput || basic == .layerInputGrad ? shapes[index].input : shapes[index].output
        }
    }

    /// Rows for each row of the batch.
    private func positions(_ capture: Capture) -> Int {
        switch capture {
        case .layer(let index, _): shapes[index].positions
        case .modelOutput: outputPositions
        case .targets: targetPositions
        case .sampleLoss: 1
        }
    }

    /// Where the rows come from that streaming probes take.
    private func rowSources(of tasks: [Visit], _ table: DataTable) throws -> [Measurement.Key: StreamedRows] {
        var sources: [Measurement.Key: StreamedRows] = [:]
        for task in tasks {
            for need in task.taker.streamed {
                let expression = try QuantityExpression(need.expression)
                guard expression.isOfSamples else { continue }
                let key = Measurement.Key(expression: need.expression, layer: task.subject)
                if let captures = captures(expression, layer: task.subject), let capture = captures.first {
                    if let coupled, capture.needsLoss {
                        sources[key] = .undefined(coupled)
                    } else {
                        sources[key] = .capture(
                            capture, positions: positions(capture),
                            width: capture == .sampleLoss ? nil : width(capture))
                    }
                } else if expression.isInteger, let field = table.index(of: "y"), table.fields[field].classes != nil {
                    sources[key] = .labels(field: field, positions: targetPositions)
                }
            }
        }
        return sources
    }

    /// Quantities of parameters and of the data.
    private func addStatic(
        _ expression: QuantityExpression, _ key: Measurement.Key, _ table: DataTable, _ rows: Int,
        to pass: Measurement
    ) throws {
        let basic = expression.arguments[0]
        if basic == .labels {
            guard let field = table.index(of: "y"), table.fields[field].classes != nil else { return }
            pass.setLabels(key, table.pointer(field: field), rows: rows * targetPositions)
            return
        }
        if basic == .parameters {
            let values = parameters.blocks.indices.filter { parameters.blocks[$0].isTrained }
                .flatMap(parameters.copy(block:))
            pass.set(key, pass.keep(values, shape: [values.count]))
            return
        }
        if basic == .parameterValue {
            guard let block = parameters.blocks.firstIndex(where: { $0.name == key.layer }) else { return }
            pass.set(key, pass.keep(parameters.copy(block: block), shape: [parameters.blocks[block].count]))
            return
        }
        let index = basic.ofLayer == nil ? layers.firstIndex(of: key.layer) : layers.indices.last
        guard let index else { return }
        let shape = shapes[index]
        switch basic.ofLayer ?? basic {
        case .layerBias:
            if let bias = shape.bias { pass.set(key, pass.keep(weights.values(bias), shape: [shape.output])) }
        case .layerWeight, .layerWeightInitial:
            let initial = (basic.ofLayer ?? basic) == .layerWeightInitial
            let weight = initial ? initialWeights[shape.weight] ?? [] : weights.values(shape.weight)
            try pass.setWeight(key, expression.function, weight, rows: shape.output, columns: shape.input)
        default: break
        }
    }
}
