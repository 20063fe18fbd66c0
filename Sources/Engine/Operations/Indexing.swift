import CShims

/// Rows of tables chosen by numbers: table `[copies, rows, width]`, indices `[copies, n]` -> `[copies, n, width]`.
///
/// An index that is no row (not a whole number in 0 ..< rows) gives a row of NaN: the loss shows it at once.
package struct Gather: Hashable, Sendable {}

/// The transpose of `Gather` in the table: indices `[copies, n]`, values `[copies, n, width]` -> `[copies, rows, width]`, row r
/// the sum of the values whose index is r; values whose index is no row are left out.
package struct ScatterAdd: Hashable, Sendable {
    package let rows: Int
}

extension Gather: OperationRule {
    var name: String { "gather" }
    var inputCount: Int { 2 }
    var work: Work { .kernel }

    /// Built by `Graph` and by derivatives, from shapes that fit.
    func shape(of inputs: [Operand]) throws -> [Int] {
        let (table, indices) = (inputs[0].shape, inputs[1].shape)
        guard table.count == 3, indices.count == 2, table[0] == indices[0] else {
            throw GraphError("gather: \(inputs[0]) and \(inputs[1]) do not fit")
        }
        let shape = indices + [table[2]]
        try Shape.check(shape, for: name)
        return shape
    }

    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        [inputs[1].apply(Operation(ScatterAdd(rows: inputs[0].shape[1])), c), nil]
    }

    func batched(_ inputs: [BatchedTerm], copies count: Int) -> Term {
        let (table, indices) = (inputs[0], inputs[1])
        let (copies, n, width) = (indices.shape[0], indices.shape[1], table.shape[2])
        guard table.isBatched else {  // more indices into each table
            let all = indices.term.permuted([1, 0, 2]).reshaped(to: [copies, count * n])
            let rows = table.term.apply(Operation(self), all)
            return rows.reshaped(to: [copies, count, n, width]).permuted([1, 0, 2, 3])
        }
        let all = indices.all(count).reshaped(to: [count * copies, n])
        let tables = table.term.reshaped(to: [count * copies] + table.shape.dropFirst())
        return tables.apply(Operation(self), all).reshaped(to: [count, copies, n, width])
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        let (a, index) = (inputs[0], inputs[1]), shape = a.shape
        try check(rows: shape[1], precision)
        let reads: [Access] =
            shape[0] == 1
            ? [.all, .perUnit(precision.bytes)]
            : [a, index].map { .perUnit($0.count / shape[0] * precision.bytes) }
        return KernelCall(
            "take_rows", units: shape[0] == 1 ? index.count : shape[0], flops: 0, reads: reads
        ) { _ in
            sz_take(
                a: UnsafeRawPointer(a.pointer), index: UnsafeRawPointer(index.pointer), out: output.pointer,
                copies: Int64(shape[0]), rows: Int64(shape[1]), count: Int64(index.shape[1]), width: Int64(shape[2]),
                scratch: nil, scratch_stride: 0)
        }
    }
}

extension ScatterAdd: OperationRule {
    var name: String { "scatter_add" }
    var inputCount: Int { 2 }
    var work: Work { .kernel }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let (indices, values) = (inputs[0].shape, inputs[1].shape)
        guard values.count == 3, indices == Array(values[..<2]) else {
            throw GraphError("scatter_add: \(inputs[0]) and \(inputs[1]) do not fit")
        }
        let shape = [values[0], rows, values[2]]
        try Shape.check(shape, for: name)
        return shape
    }

    /// What is left out gets 0, where `Gather` would give NaN.
    func vjp(_ inputs: [Term], _ output: Term, _ c: Term) -> [Term?] {
        let indices = inputs[0], isRow = indices.numbersRow(below: rows).reshaped(to: indices.shape + [1])
        return [nil, isRow.select(c.apply(Operation(Gather()), indices), c.constant(0))]
    }

    func batched(_ inputs: [BatchedTerm], copies count: Int) -> Term {
        let all = inputs.map { input in
            let all = input.all(count)
            return all.reshaped(to: [count * all.shape[1]] + all.shape.dropFirst(2))
        }
        let sums = all[0].apply(Operation(self), all[1])
        return sums.reshaped(to: [count, inputs[0].shape[0]] + sums.shape.dropFirst())
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        let (index, a) = (inputs[0], inputs[1]), copies = a.shape[0]
        try check(rows: rows, precision)
        return KernelCall(
            name, units: copies == 1 ? rows : copies, flops: Double(a.count),
            reads: inputs.map { copies == 1 ? .all : .perUnit($0.count / copies * precision.bytes) }
        ) { memory in
            let bytes = ((index.shape[1] + rows) * MemoryLayout<Int32>.size + 63) / 64 * 64
            return sz_take(
                a: UnsafeRawPointer(a.pointer), index: UnsafeRawPointer(index.pointer), out: output.pointer,
                copies: Int64(copies), rows: Int64(rows), count: Int64(a.shape[1]), width: Int64(a.shape[2]),
                scratch: memory.scratch(bytesPerThread: bytes), scratch_stride: Int64(bytes))
        }
    }
}

extension Term {
    /// 1 where this is a whole number in 0 ..< count, else 0.
    func numbersRow(below count: Int) -> Term {
        let isWhole = apply(.binary(.equal), apply(.floor))
        let isBelow = constant(Double(count)).apply(.binary(.greater), self)
        return isWhole * isBelow * apply(.binary(.greaterEqual), constant(0))
    }
}

/// Indices are numbers of the program's precision: f32 counts to 2^24 without gaps.
private func check(rows: Int, _ precision: Precision) throws {
    guard precision == .f64 || rows <= 1 << 24 else {
        throw GraphError("gather: \(rows) rows; f32 can number \(1 << 24) of them, use f64")
    }
}

extension Graph {
    /// Rows of a table `[rows, …]` by index (an embedding): `indices.shape + […]`. NaN for an index that is no row.
    package func gather(_ table: Node, _ indices: Node) throws -> Node {
        try check([table, indices], for: "gather")
        let (own, chosen) = (shape(of: table), shape(of: indices))
        guard let rows = own.first else { throw GraphError("gather: \(operand(table)) has no rows") }
        let rest = Array(own.dropFirst()), count = Shape.elements(chosen)
        try Shape.check(chosen + rest, for: "gather")
        let result = try apply(
            Operation(Gather()),
            [
                try reshape(table, to: [1, rows, Shape.elements(rest)]), try reshape(indices, to: [1, count]),
            ])
        return try reshape(result, to: chosen + rest)
    }

    /// The transpose of `gather`: row r of the result is the sum of the values whose index is r, in the order of the indices.
    package func scatterAdd(_ indices: Node, _ values: Node, rows: Int) throws -> Node {
        try check([indices, values], for: "scatter_add")
        let (chosen, own) = (shape(of: indices), shape(of: values))
        guard own.starts(with: chosen) else {
            throw GraphError(
                "scatter_add: values \(operand(values)) do not begin with the axes of the indices, \(operand(indices))"
            )
        }
        guard rows > 0 else { throw GraphError("scatter_add: rows is \(rows); at least 1 is expected") }
        let rest = Array(own.dropFirst(chosen.count)), count = Shape.elements(chosen)
        try Shape.check([rows] + rest, for: "scatter_add")
        let result = try apply(
            Operation(ScatterAdd(rows: rows)),
            [
                try reshape(indices, to: [1, count]), try reshape(values, to: [1, count, Shape.elements(rest)]),
            ])
        return try reshape(result, to: [rows] + rest)
    }

    /// Elements of the last axis by index: x `[…, n]`, indices `[…]` or `[…, k]` -> the shape of the indices. NaN for an index that is
    /// none.
    package func takeAlong(_ x: Node, _ indices: Node) throws -> Node {
        try check([x, indices], for: "take_along")
        let (own, chosen) = (shape(of: x), shape(of: indices))
        guard let n = own.last, chosen.starts(with: own.dropLast()), chosen.count <= own.count else {
            throw GraphError(
                "take_along: indices \(operand(indices)) do not choose from the last axis of \(operand(x)); "
                    + "\(Array(own.dropLast())), or with one more axis, expected")
        }
        let rows = Shape.elements(Array(own.dropLast()))
        let result = try apply(
            Operation(Gather()),
            [
                try reshape(x, to: [rows, n, 1]), try reshape(indices, to: [rows, Shape.elements(chosen) / rows]),
            ])
        return try reshape(result, to: chosen)
    }
}
