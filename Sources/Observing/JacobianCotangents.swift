import LinearAlgebra

/// What is sent back from the outputs of the network.
enum JacobianCotangents {
    /// One output after the other.
    case outputs(Int)
    /// For each row signs of its own at all outputs, over √count: the sum of outer products is JᵀJ on average (Hutchinson).
    case signs(count: Int)

    var count: Int {
        switch self {
        case .outputs(let count), .signs(let count): count
        }
    }

    /// Cotangent number `index` of rows `row` on; zero behind the last one.
    func write(_ index: Int, row: Int, into buffer: UnsafeMutableBufferPointer<Double>, _ width: Int) {
        guard index < count else { return buffer.update(repeating: 0) }
        switch self {
        case .outputs:
            buffer.update(repeating: 0)
            for i in stride(from: index, to: buffer.count, by: width) { buffer[i] = 1 }
        case .signs(let count):
            // The same signs for a row, however rows are divided into chunks.
            let stream = Stream(seed: UInt64(index), name: "cotangents"), size = 1 / Double(count).squareRoot()
            stream.uniform(from: row * width, into: buffer)
            for i in buffer.indices { buffer[i] = buffer[i] < 0.5 ? -size : size }
        }
    }
}
