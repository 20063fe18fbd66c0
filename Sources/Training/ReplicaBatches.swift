import Engine
import Observing

/// Copies each run's rows of the training split into the inputs of a program for all runs, `[runs, batch] + shape`.
final class ReplicaBatches {
    private struct Source {
        /// One table for each run, in the program's precision.
        let tables: [UnsafeMutableRawPointer]
        let target: UnsafeMutableRawPointer
        /// Of a row.
        let bytes: Int
    }
    private var sources: [Source] = []
    private var owned: [UnsafeMutableRawPointer] = []
    private let samplers: [Sampler]
    /// All runs see the same rows at every step.
    private let isOne: Bool
    private var isLoaded = false

    /// - Parameter tables: for each run; runs may share one.
    init(tables: [DataTable], seeds: [UInt64], batch: Int, isOne: Bool, program: Program) {
        self.isOne = isOne
        let rows = tables[0].rows
        samplers = (isOne ? seeds.prefix(1) : seeds[...]).map { Sampler(rows: rows, batch: batch, seed: $0) }
        for (index, field) in tables[0].fields.enumerated() {
            guard let target = program.inputBuffer(field.name) else { continue }
            var converted: [ObjectIdentifier: UnsafeMutableRawPointer] = [:]
            let own = tables.prefix(isOne ? 1 : tables.count).map { table in
                let id = ObjectIdentifier(table)
                if let known = converted[id] { return known }
                let copy = table.copy(field: index, program.precision)
                converted[id] = copy
                owned.append(copy)
                return copy
            }
            sources.append(Source(tables: own, target: target, bytes: field.elements * program.precision.bytes))
        }
    }

    deinit { for pointer in owned { pointer.deallocate() } }

    func load(step: Int) {
        if isLoaded, samplers[0].isFull { return }
        isLoaded = true
        for (run, sampler) in samplers.enumerated() {
            let rows = sampler.rows(step: step)
            for source in sources {
                let table = source.tables[run], bytes = source.bytes
                var target = source.target + run * rows.count * bytes
                // Rows of a few numbers cost more to ask for than to copy.
                if bytes <= 32, bytes % 4 == 0 {
                    for row in rows {
                        let from = table + Int(row) * bytes
                        for offset in stride(from: 0, to: bytes, by: 4) {
                            (target + offset).storeBytes(of: from.load(fromByteOffset: offset, as: UInt32.self), as: UInt32.self)
                        }
                        target += bytes
                    }
                } else {
                    for row in rows {
                        target.copyMemory(from: table + Int(row) * bytes, byteCount: bytes)
                        target += bytes
                    }
                }
            }
        }
    }
}
