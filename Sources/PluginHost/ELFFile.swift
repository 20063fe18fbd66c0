import ArrayFiles
import Manifests

/// What a shared library says about itself without being opened: 64 bits, little-endian (System V ABI, chapters 4 and 5).
///
/// A reader of our own because four tables are all that is needed, and because it reads files that strangers made: every offset
/// is checked, and no library has to be installed with the program.
package struct ELFFile {
    package struct Symbol: Hashable {
        package var name: String
        package var isWeak: Bool
        /// One in the process, whoever defines it (STB_GNU_UNIQUE).
        package var isUnique: Bool
    }

    package private(set) var machine = 0
    package private(set) var isShared = false
    package private(set) var needed: [String] = []
    package private(set) var runPaths: [String] = []
    package private(set) var hasTextRelocations = false
    package private(set) var hasExecutableStack = false
    /// Functions that run when the library is opened.
    package private(set) var initializers = 0
    package private(set) var sections: Set<String> = []
    package private(set) var exported: [Symbol] = []
    package private(set) var imported: Set<String> = []

    /// The file's own name, by which others need it.
    package private(set) var soname = ""
    /// Code that sets flush-to-zero and denormals-are-zero, as linking with -ffast-math adds it to what runs on loading.
    package private(set) var hasFastMath = false

    private let bytes: [UInt8]

    package init(path: String) throws {
        let file = try FileContents(path: path)
        bytes = [UInt8](file.bytes)
        guard bytes.count >= 64, bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46, 2, 1]) else {
            throw PluginError(path, "is no 64-bit little-endian ELF file")
        }
        isShared = number(16, 2) == 3
        machine = number(18, 2)
        readSegments()
        readSections()
    }

    /// An unsigned number of some bytes; 0 beyond the end.
    private func number(_ offset: Int, _ size: Int) -> Int {
        guard offset >= 0, offset <= bytes.count - size else { return 0 }
        return (0..<size).reversed().reduce(0) { $0 &<< 8 | Int(bytes[offset + $1]) }
    }

    private func text(_ offset: Int) -> String {
        guard bytes.indices.contains(offset) else { return "" }
        return String(decoding: bytes[offset...].prefix(4096).prefix { $0 != 0 }, as: UTF8.self)
    }

    // MARK: Segments

    private var segments: [(type: Int, flags: Int, offset: Int, address: Int, size: Int)] {
        let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2))
        return (0..<count).map { i in
            let at = start &+ i * size
            return (number(at, 4), number(at &+ 4, 4), number(at &+ 8, 8), number(at &+ 16, 8), number(at &+ 32, 8))
        }
    }

    private mutating func readSegments() {
        let segments = segments
        for segment in segments where segment.type == 1 && segment.flags & 1 != 0 {
            hasFastMath = hasFastMath || setsFlushToZero(segment.offset, segment.size)
        }
        let stack = segments.first { $0.type == 0x6474_e551 }
        hasExecutableStack = stack.map { $0.flags & 1 != 0 } ?? true
        func offset(of address: Int) -> Int {
            let segment = segments.first { $0.type == 1 && address >= $0.address && address &- $0.address < $0.size }
            return segment.map { address &- $0.address &+ $0.offset } ?? -1
        }
        guard let dynamic = segments.first(where: { $0.type == 2 }) else { return }
        var entries: [(tag: Int, value: Int)] = []
        for i in 0..<max(0, min(dynamic.size / 16, 4096)) {
            let tag = number(dynamic.offset &+ 16 * i, 8)
            if tag == 0 { break }
            entries.append((tag, number(dynamic.offset &+ 16 * i &+ 8, 8)))
        }
        let names = offset(of: entries.first { $0.tag == 5 }?.value ?? -1)
        for (tag, value) in entries {
            switch tag {
            case 1: needed.append(text(names &+ value))
            case 14: soname = text(names &+ value)
            case 15, 29: runPaths += text(names &+ value).split(separator: ":").map(String.init)
            case 22: hasTextRelocations = true
            case 30 where value & 4 != 0: hasTextRelocations = true
            case 27: initializers = value / 8
            default: continue
            }
        }
    }

    /// Looks for crtfastmath.o: on x86-64 `ldmxcsr` after an `or` with 0x8040, on aarch64 `msr fpcr` after a move of bit 24.
    private func setsFlushToZero(_ begin: Int, _ size: Int) -> Bool {
        guard begin >= 0, begin <= bytes.count else { return false }
        let end = begin + max(0, min(size, bytes.count - begin))
        return bytes.withUnsafeBufferPointer { bytes in
            var i = begin
            if machine == 62 {
                while i + 4 <= end {
                    if bytes[i] == 0x40, bytes[i + 1] == 0x80, bytes[i + 2] == 0, bytes[i + 3] == 0 {
                        for j in i + 4..<max(i + 4, min(i + 24, end - 2))
                        where bytes[j] == 0x0F && bytes[j + 1] == 0xAE && bytes[j + 2] >> 3 & 7 == 2 { return true }
                    }
                    i += 1
                }
            } else if machine == 183 {
                func word(_ i: Int) -> UInt32 { (0..<4).reduce(0) { $0 | UInt32(bytes[i + $1]) << (8 * $1) } }
                while i + 4 <= end {
                    if word(i) & 0x7FFF_FFE0 == 0x52A0_2000 {
                        for j in stride(from: i + 4, to: min(i + 24, end - 3), by: 4)
                        where word(j) & 0xFFFF_FFE0 == 0xD51B_4400 { return true }
                    }
                    i += 4
                }
            }
            return false
        }
    }

    // MARK: Sections

    private mutating func readSections() {
        let (start, size, count, namesIndex) = (number(40, 8), number(58, 2), number(60, 2), number(62, 2))
        func header(_ i: Int) -> Int { start &+ i * size }
        let names = number(header(namesIndex) &+ 24, 8)
        for i in 0..<count {
            let at = header(i)
            sections.insert(text(names &+ number(at, 4)))
            if number(at &+ 4, 4) == 11 {  // SHT_DYNSYM
                let strings = number(header(number(at &+ 40, 4)) &+ 24, 8)
                readSymbols(number(at &+ 24, 8), count: number(at &+ 32, 8) / 24, strings)
            }
        }
    }

    private mutating func readSymbols(_ table: Int, count: Int, _ strings: Int) {
        for i in 0..<max(0, min(count, bytes.count / 24)) {
            let at = table &+ 24 * i
            let name = text(strings &+ number(at, 4)), info = number(at &+ 4, 1)
            let isHidden = number(at &+ 5, 1) & 3 != 0, isLocal = info >> 4 == 0
            guard !name.isEmpty, !isLocal else { continue }
            if number(at &+ 6, 2) == 0 {
                imported.insert(name)
            } else if !isHidden {
                exported.append(Symbol(name: name, isWeak: info >> 4 == 2, isUnique: info >> 4 == 10))
            }
        }
    }
}
