/// Which threads touched which bytes since all threads last met.
struct Footprint {
    /// Segment i begins at `starts[i]` and ends where the next one begins.
    private var starts: [UInt] = [0]
    private var marks = [Mark()]

    private struct Mark: Equatable {
        static let nobody = -1, several = -2
        var writer = nobody
        var reader = nobody
    }

    /// Whether another thread wrote there, or read what this one is to write.
    func conflicts(_ bytes: Range<UInt>, thread: Int, isWrite: Bool) -> Bool {
        guard !bytes.isEmpty else { return false }
        var i = segment(at: bytes.lowerBound)
        while i < starts.count, starts[i] < bytes.upperBound {
            let mark = marks[i]
            if mark.writer != Mark.nobody, mark.writer != thread { return true }
            if isWrite, mark.reader != Mark.nobody, mark.reader != thread { return true }
            i += 1
        }
        return false
    }

    mutating func record(_ bytes: Range<UInt>, thread: Int, isWrite: Bool) {
        guard !bytes.isEmpty else { return }
        var i = split(at: bytes.lowerBound)
        let end = split(at: bytes.upperBound)
        while i < end {
            if isWrite {
                marks[i].writer =
                    marks[i].writer == Mark.nobody ? thread : marks[i].writer == thread ? thread : Mark.several
            } else {
                marks[i].reader =
                    marks[i].reader == Mark.nobody ? thread : marks[i].reader == thread ? thread : Mark.several
            }
            i += 1
        }
    }

    /// The last segment that begins at or before an address.
    private func segment(at address: UInt) -> Int {
        var low = 0, high = starts.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= address { low = middle } else { high = middle }
        }
        return low
    }

    /// The segment that begins at an address, made if there is none.
    private mutating func split(at address: UInt) -> Int {
        let i = segment(at: address)
        if starts[i] == address { return i }
        starts.insert(address, at: i + 1)
        marks.insert(marks[i], at: i + 1)
        return i + 1
    }
}
