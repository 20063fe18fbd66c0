/// The name a user probably meant.
package enum Nearest {
    /// The candidate with the smallest edit distance to `name`, the first among equals; nil if none is near: at most
    /// one edit for every three characters (at least one, at most three).
    package static func name(to name: String, among candidates: some Sequence<String>) -> String? {
        let limit = min(3, max(1, name.count / 3))
        var best: (name: String, distance: Int)?
        for candidate in candidates where abs(candidate.count - name.count) <= limit {
            // One letter for another is no misspelling: "x" is not a hint for "y".
            let distance = distance(name.lowercased(), candidate.lowercased())
            guard distance <= limit, distance < max(name.count, candidate.count) else { continue }
            if distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.name
    }

    /// `; did you mean 'symbol'?`, or nothing if no candidate is near. `form` writes the candidate as the user would.
    package static func question(
        for name: String, among candidates: some Sequence<String>, _ form: (String) -> String = { $0 }
    ) -> String {
        Nearest.name(to: name, among: candidates).map { "; did you mean '\(form($0))'?" } ?? ""
    }

    /// The end of a sentence about an unknown name: `; did you mean 'symbol'? (allowed: symbol, returns, args)`.
    package static func hint(for name: String, among candidates: [String], label: String = "allowed") -> String {
        let nearest = question(for: name, among: candidates)
        return candidates.isEmpty ? nearest : "\(nearest) (\(label): \(candidates.joined(separator: ", ")))"
    }

    /// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a), b = Array(b)
        var twoAbove = [Int](), above = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var best = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, twoAbove[j - 1] + 1) }
                row.append(best)
            }
            (twoAbove, above) = (above, row)
        }
        return above[b.count]
    }
}
