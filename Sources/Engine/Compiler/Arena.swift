/// Offsets in one block of memory for values that live at different times. Best fit, merging free neighbours.
struct Arena {
    static let alignment = 64
    /// Bytes needed so far.
    private(set) var size = 0
    /// Free ranges below `size`, ascending, never adjacent.
    private var free: [Range<Int>] = []

    static func rounded(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    mutating func allocate(_ bytes: Int) -> Range<Int> {
        let need = Arena.rounded(bytes)
        let fitting = free.indices.filter { free[$0].count >= need }
        if let best = fitting.min(by: { free[$0].count < free[$1].count }) {
            let range = free[best].lowerBound..<free[best].lowerBound + need
            if free[best].count == need {
                free.remove(at: best)
            } else {
                free[best] = range.upperBound..<free[best].upperBound
            }
            return range
        }
        // Nothing fits: grow, from the last free range if it reaches the end.
        var begin = size
        if let last = free.last, last.upperBound == size { begin = free.removeLast().lowerBound }
        size = begin + need
        return begin..<size
    }

    mutating func release(_ range: Range<Int>) {
        let next = free.firstIndex { $0.lowerBound >= range.upperBound } ?? free.count
        var merged = range
        if next < free.count, free[next].lowerBound == merged.upperBound {
            merged = merged.lowerBound..<free.remove(at: next).upperBound
        }
        if next > 0, free[next - 1].upperBound == merged.lowerBound {
            free[next - 1] = free[next - 1].lowerBound..<merged.upperBound
        } else {
            free.insert(merged, at: next)
        }
    }
}
