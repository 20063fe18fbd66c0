import Engine
import LinearAlgebra
import Manifests
import Protocols

/// Passes over rows, mostly one: every quantity that is asked for is formed once.
extension Observer {
    func measure(rows: FirstRows, step: Int, for visits: [Visit]) throws -> Measurement {
        let pass = Measurement(step: step)
        guard let table = tables[rows.split] else { return pass }
        pass.derivatives = observed.derivatives(on: tables, split: rows.split, rows: rows.count)
        var demand = Demand(self, pass)
        for visit in visits { try demand.add(visit) }
        for (split, asked) in demand.others {
            pass.others[split] = try measure(rows: rows.of(split, tables), step: step, for: asked)
        }
        // What probes with intervals ask for is collected a second time, by groups of samples.
        var drawn = Demand(self, Measurement())
        let replicates = visits.map(\.replicates).max() ?? 0
        if replicates > 0, rows.count > 0 {
            for visit in visits where visit.replicates > 0 { try drawn.add(visit) }
            pass.resampling = Resampling(
                self, pass, samples: rows.count, replicates: replicates, passes: drawn.passes)
        }
        var streams: [Stream] = []
        var jacobians: [JacobianStream] = []
        let there = try demand.wanted.filter { try has($0.value, of: $0.key.layer, split: rows.split) }
        let wanted = try formed(there, in: pass, split: rows.split)
        let collected = Set(drawn.wanted.keys.flatMap(pass.sources))
        for (key, expression) in wanted.sorted(by: { $0.key < $1.key }) {
            if let captures = captures(expression, layer: key.layer) {
                if let coupled = observed.coupled, captures.contains(where: \.needsLoss) {
                    pass.set(key, .failure(coupled))
                    continue
                }
                let positions = captures.map(positions)
                guard Set(positions).count == 1 else {
                    pass.set(key, .failure(Undefined("rows_differ")))
                    continue
                }
                let widths = captures.map(width)
                let accumulator = try pass.makeAccumulator(
                    key, expression, widths: widths, samples: rows.count * positions[0])
                var stream = Stream(key: key, accumulator: accumulator, captures: captures, positions: positions[0])
                if expression.function != nil, collected.contains(key) {
                    stream.grouped = try pass.resampling?.collect(
                        key, widths: widths, numbers: Double(widths[0] * widths[widths.count - 1])
                    ) { Measurement.accumulator(expression, widths: widths, samples: 0) }
                }
                streams.append(stream)
            } else if expression.arguments.first?.form == .jacobian {
                do {
                    guard var stream = try jacobianStream(key, expression, rows, in: pass) else { continue }
                    if expression.function != nil, collected.contains(key) {
                        stream.grouped = try grouped(stream, expression, rows, in: pass)
                    }
                    jacobians.append(stream)
                } catch let undefined as Undefined {
                    pass.set(key, .failure(undefined))
                }
            } else if expression.arguments != [.parameterGrad] || observed.gradient == nil {
                try addStatic(expression, key, table, rows.count, to: pass)
            } else if let coupled = observed.coupled {
                pass.set(key, .failure(coupled))
            }
        }
        let store = demand.wantsGradient ? observed.gradient : nil, gradient = store.map { Buffer($0.count) }
        let kept = try kept(for: demand.passes, rows, table)
        try give(
            rows, table, step, to: demand.visits(0), drawn.visits(0),
            Collecting(streams: streams, jacobians: jacobians, gradient: gradient), kept, in: pass)
        for (key, accumulator) in streams.map({ ($0.key, $0.accumulator) })
            + jacobians.map({ ($0.key, $0.accumulator) })
        {
            pass.keep(accumulator)
            do {
                let (data, shape) = try accumulator.finish()
                pass.set(key, .success(Quantity(data: .real(data), shape: shape)))
            } catch let undefined as Undefined {
                pass.set(key, .failure(undefined))
            }
        }
        if let gradient, let store {
            pass.keep(gradient)
            for block in store.blocks where block.isTrained {
                pass.set(
                    .init(expression: "parameter.grad", layer: block.name),
                    .success(
                        Quantity(data: .real(UnsafePointer(gradient.pointer + block.offset)), shape: [block.count])))
            }
        }
        for index in demand.passes.indices.dropFirst() {
            try give(rows, table, step, to: demand.visits(index), drawn.visits(index), nil, kept, in: pass)
        }
        return pass
    }

    /// What must be formed of rows: in the place of what others give without them, those others.
    private func formed(
        _ wanted: [Measurement.Key: QuantityExpression], in pass: Measurement, split: String
    ) throws -> [Measurement.Key: QuantityExpression] {
        var formed = wanted
        func derive(_ key: Measurement.Key, _ derivation: Derivation) {
            pass.derive(key, derivation)
            formed[key] = nil
            for base in derivation.bases { formed[base.key] = base.expression }
        }
        for (key, expression) in wanted {
            guard let derivation = Derivation(expression, key, at: .input, self) else { continue }
            let base = derivation.bases[0]
            if try has(base.expression, of: base.key.layer, split: split) { derive(key, derivation) }
        }
        // A covariance at the output is had from one at the input, which the raw moment there is had from.
        for (key, expression) in formed where expression.function == .centredMoment {
            guard let base = Derivation(expression, key, at: .output, self)?.bases[0] else { continue }
            let raw = QuantityExpression(.rawMoment, base.expression.arguments)
            if formed[.init(expression: raw.description, layer: key.layer)] != nil {
                formed[base.key] = base.expression
            }
        }
        for (key, expression) in formed {
            guard let derivation = Derivation(centring: expression, key), formed[derivation.bases[0].key] != nil
            else { continue }
            derive(key, derivation)
        }
        for (key, expression) in formed {
            guard let derivation = Derivation(expression, key, at: .output, self) else { continue }
            let base = derivation.bases[0].key
            if formed[base] != nil || pass.derivations[base] != nil {
                pass.derive(key, derivation)
                formed[key] = nil
            }
        }
        return formed
    }

    /// A quantity that is formed of rows as they come.
    private struct Stream {
        var key: Measurement.Key
        var accumulator: any Accumulator
        var captures: [Capture]
        var positions: Int
        /// The same, by groups of samples.
        var grouped: Grouped?
    }

    /// What the first pass over the rows forms.
    private struct Collecting {
        var streams: [Stream]
        var jacobians: [JacobianStream]
        var gradient: Buffer?
    }

    /// Gives all rows, some at a time, to those who take them, and as each replicate has them to those with intervals; the first
    /// time, forms what is collected, and keeps what is taken again.
    private func give(
        _ rows: FirstRows, _ table: DataTable, _ step: Int, to visits: [Visit], _ drawn: [Visit],
        _ collecting: Collecting?, _ kept: KeptRows?, in pass: Measurement
    ) throws {
        let sources = try rowSources(of: visits, rows, table)
        var key = CaptureProgram.Key(captures: taken(by: visits, from: sources))
        let kind = cotangents(rows)
        if let collecting {
            key.captures.formUnion(collecting.streams.flatMap(\.captures))
            key.captures.formUnion(kept?.captures ?? [])
            key.wantsGradient = collecting.gradient != nil
            key.jacobians = Set(collecting.jacobians.map(\.layer)).sorted()
            key.cotangents = key.jacobians.isEmpty ? 0 : min(kind.count, CaptureProgram.mostCotangents)
        }
        for case .layer(let index, .layerInputGrad) in key.captures {
            key.captures.insert(.layer(index, .layerOutputGrad))
        }
        guard key != CaptureProgram.Key() else { return }
        let replicates = drawn.isEmpty ? [] : pass.resampling?.replicates(step: step) ?? []
        for range in chunks(rows.count, cotangents: key.cotangents) {
            let values: (Capture) -> UnsafePointer<Double>?
            if let kept, collecting == nil, kept.has(range) {
                values = { kept.values($0, from: range.lowerBound) }
            } else {
                key.rows = range.count
                let program = try observed.program(key)
                program.run(on: table, from: range.lowerBound, kind, first: 0)
                values = program.values
                if let collecting {
                    kept?.keep(range, values)
                    add(values, range, to: collecting, of: rows.count, in: pass)
                    try addJacobians(key, range, table, kind, to: collecting.jacobians, in: pass)
                }
            }
            let rows = RowsOfPass(sources: sources, finished: pass, table: table, range: range, values: values)
            for visit in visits { visit.taker.add(layer: visit.subject, rows: rows, memory: visit.memory) }
            pass.resampling?.add(rows, range, to: drawn, replicates)
        }
    }

    private func add(
        _ values: (Capture) -> UnsafePointer<Double>?, _ range: Range<Int>, to collecting: Collecting, of count: Int,
        in pass: Measurement
    ) {
        let order = collecting.streams.isEmpty ? nil : pass.resampling?.order(range)
        for stream in collecting.streams {
            let chunks = stream.captures.compactMap(values)
            stream.accumulator.add(chunks, rows: range.count * stream.positions)
            if let order { stream.grouped?.add(chunks, positions: stream.positions, order) }
        }
        guard let gradient = collecting.gradient, let store = observed.gradient else { return }
        let chunk = store.gradients.assumingMemoryBound(to: Double.self)
        for i in 0..<gradient.count { gradient.pointer[i] += chunk[i] / Double(count) }
    }

    /// Rows of a pass that are in memory together.
    private func chunks(_ count: Int, cotangents: Int) -> [Range<Int>] {
        let held = observed.shapes.map { $0.positions * ($0.input + $0.output) }.reduce(0, +) * max(1, cotangents)
        let chunk = min(Self.chunk, max(1, Self.largestPass / max(held, 1)))
        return stride(from: 0, to: count, by: chunk).map { $0..<min($0 + chunk, count) }
    }

    /// What those who take rows need of the network.
    private func taken(by visits: [Visit], from sources: [Measurement.Key: StreamedRows]) -> Set<Capture> {
        let captures = Set(sources.values.compactMap(\.capture))
        return captures.isEmpty && !visits.isEmpty ? [.modelOutput] : captures
    }

    /// Room for what later passes take; nil: there are none.
    private func kept(for passes: [[Visit]], _ rows: FirstRows, _ table: DataTable) throws -> KeptRows? {
        let captures = try passes.dropFirst().reduce(into: Set<Capture>()) { captures, visits in
            captures.formUnion(taken(by: visits, from: try rowSources(of: visits, rows, table)))
        }
        guard !captures.isEmpty else { return nil }
        return KeptRows(captures, samples: rows.count) { positions($0) * width($0) }
    }

    /// The captures an expression needs, nil if it does not depend on samples of the network.
    func captures(_ expression: QuantityExpression, layer: String) -> [Capture]? {
        var captures: [Capture] = []
        for basic in expression.arguments {
            switch basic {
            case .modelOutput: captures.append(.modelOutput)
            case .sampleLoss: captures.append(.sampleLoss)
            case .targets where observed.targetWidth != nil: captures.append(.targets)
            default:
                let target = basic.member?.of ?? basic.ofLayer ?? basic
                guard target.form == .samples, target != .targets else { return nil }
                guard let index = layerIndex(of: basic, layer) else { return nil }
                captures.append(.layer(index, target))
            }
        }
        return captures
    }

    private func width(_ capture: Capture) -> Int {
        switch capture {
        case .modelOutput: observed.outputWidth
        case .sampleLoss: 1
        case .targets: observed.targetWidth ?? 0
        case .layer(let index, let basic):
            basic == .layerInput || basic == .layerInputGrad
                ? observed.shapes[index].input : observed.shapes[index].output
        }
    }

    /// Rows for each row of the batch.
    private func positions(_ capture: Capture) -> Int {
        switch capture {
        case .layer(let index, _): observed.shapes[index].positions
        case .modelOutput: observed.outputPositions
        case .targets: observed.targetPositions
        case .sampleLoss: 1
        }
    }

    /// Where the rows come from that streaming probes take.
    private func rowSources(
        of tasks: [Visit], _ rows: FirstRows, _ table: DataTable
    ) throws -> [Measurement.Key: StreamedRows] {
        var sources: [Measurement.Key: StreamedRows] = [:]
        for task in tasks {
            for need in task.taker.streamed {
                let expression = try QuantityExpression(need.expression)
                guard expression.isOfSamples, try has(expression, of: task.subject, split: rows.split) else {
                    continue
                }
                let key = Measurement.Key(expression: need.expression, layer: task.subject)
                if let captures = captures(expression, layer: task.subject), let capture = captures.first {
                    if let coupled = observed.coupled, capture.needsLoss {
                        sources[key] = .undefined(coupled)
                    } else {
                        sources[key] = .capture(
                            capture, positions: positions(capture),
                            width: capture == .sampleLoss ? nil : width(capture))
                    }
                } else if expression.isInteger, let field = table.index(of: "y"), table.fields[field].classes != nil {
                    sources[key] = .labels(field: field, positions: observed.targetPositions)
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
            pass.setLabels(key, table.pointer(field: field), rows: rows * observed.targetPositions)
            return
        }
        let index = basic.ofLayer == nil ? layers.firstIndex(of: key.layer) : layers.indices.last
        let constant: (values: [Double], shape: [Int])?
        do throws(Undefined) {
            constant = try observed.constant(basic.ofLayer ?? basic, of: index, parameter: key.layer)
        } catch {
            return pass.set(key, .failure(error))
        }
        guard let (values, shape) = constant else { return }
        guard basic.form == .weight else { return pass.set(key, pass.keep(values, shape: shape)) }
        try pass.setWeight(key, expression.function, values, rows: shape[0], columns: shape[1])
    }

    /// Whether all that an expression is made of is there; of a network it is, or the quantity says why not.
    func has(_ expression: QuantityExpression, of subject: String, split: String) throws -> Bool {
        expression.arguments.allSatisfy { basic in
            let own = basic.member?.of ?? basic.ofLayer ?? basic
            return observed.has(own, of: layerIndex(of: basic, subject), parameter: subject, split: split)
        }
    }
}
