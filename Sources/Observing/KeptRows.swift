/// Rows of the first pass that later ones take too: the first of them, as many as fit.
final class KeptRows {
    /// Numbers that are kept at most: 64 MB, whatever the number of samples.
    private static let most = 1 << 23

    let captures: Set<Capture>
    /// Samples that fit, and that are here; chunks of the first pass are kept whole.
    private let count: Int
    private var filled = 0
    private var buffers: [Capture: (buffer: Buffer, size: Int)] = [:]

    /// - Parameter size: numbers of a capture for each sample.
    init(_ captures: Set<Capture>, samples: Int, size: (Capture) -> Int) {
        self.captures = captures
        count = min(samples, Self.most / max(1, captures.reduce(0) { $0 + size($1) }))
        for capture in captures {
            buffers[capture] = (Buffer(count * size(capture), unset: true), size(capture))
        }
    }

    func has(_ range: Range<Int>) -> Bool { range.upperBound <= filled }

    func keep(_ range: Range<Int>, _ values: (Capture) -> UnsafePointer<Double>?) {
        guard range.upperBound <= count else { return }
        filled = range.upperBound
        for (capture, (buffer, size)) in buffers {
            guard let values = values(capture) else { continue }
            (buffer.pointer + range.lowerBound * size).update(from: values, count: range.count * size)
        }
    }

    func values(_ capture: Capture, from row: Int) -> UnsafePointer<Double>? {
        buffers[capture].map { UnsafePointer($0.buffer.pointer + row * $0.size) }
    }
}
