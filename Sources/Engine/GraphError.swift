/// Why a graph cannot be built, differentiated or compiled, in one sentence with the names and shapes concerned.
package struct GraphError: Error, Hashable, Sendable, CustomStringConvertible {
    package let message: String
    package var description: String { message }

    package init(_ message: String) { self.message = message }

    /// "unknown operation 'tahn'; did you mean 'tanh'?"
    static func unknown(_ kind: String, _ name: String, among known: some Sequence<String>) -> GraphError {
        let nearest = known.map { (distance($0, name), $0) }.min { $0 < $1 }
        guard let nearest, nearest.0 <= Swift.max(2, name.count / 3) else {
            return GraphError("unknown \(kind) '\(name)'; known: \(known.sorted().joined(separator: ", "))")
        }
        return GraphError("unknown \(kind) '\(name)'; did you mean '\(nearest.1)'?")
    }

    /// Levenshtein's edit distance.
    private static func distance(_ a: String, _ b: String) -> Int {
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let substitution = diagonal + (x == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = Swift.min(substitution, Swift.min(row[j], row[j + 1]) + 1)
            }
        }
        return row[b.count]
    }
}

/// An input of an operation as errors name it: `fc1.weight [63, 10]`, or `[32, 64]` for a node without a name.
struct Operand: CustomStringConvertible {
    let name: String?
    let shape: [Int]
    var description: String { name.map { "\($0) \(shape)" } ?? "\(shape)" }
}
