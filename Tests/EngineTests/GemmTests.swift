import CShims
import PluginTesting
import Testing

/// One product in memory of its own. What a stride skips is NaN in A and B, so that no result can have read it, and a
/// mark in C, which must still be there afterwards.
private struct Product<Element: BinaryFloatingPoint & SIMDScalar> {
    var shape = sz_gemm()
    var a: [Element], b: [Element], c: [Element]
    var transposedA: Bool, transposedB: Bool
    private let margin = 16
    private var mark: Element { -12345.5 }

    init(
        batch: Int = 1, m: Int, n: Int, k: Int, transposedA: Bool = false, transposedB: Bool = false,
        sharedA: Bool = false, sharedB: Bool = false, gap: Int = 0, accumulate: Bool = false, widest: Int = 0,
        integers: Bool = false, using random: inout SplitMix
    ) {
        self.transposedA = transposedA
        self.transposedB = transposedB
        let aRow = (transposedA ? m : k) + gap, bRow = (transposedB ? k : n) + 2 * gap, cRow = n + 3 * gap
        let aSize = (transposedA ? k : m) * aRow + gap, bSize = (transposedB ? n : k) * bRow + gap
        let cSize = m * cRow + gap
        (a, b) = ([Element](repeating: .nan, count: batch * aSize), [Element](repeating: .nan, count: batch * bSize))
        c = []
        c = [Element](repeating: mark, count: batch * cSize + 2 * margin)
        (shape.batch, shape.m, shape.n, shape.k) = (Int64(batch), Int64(m), Int64(n), Int64(k))
        (shape.a_batch, shape.b_batch) = (sharedA ? 0 : Int64(aSize), sharedB ? 0 : Int64(bSize))
        shape.c_batch = Int64(cSize)
        (shape.a_row, shape.a_col) = transposedA ? (1, Int64(aRow)) : (Int64(aRow), 1)
        (shape.b_row, shape.b_col) = transposedB ? (1, Int64(bRow)) : (Int64(bRow), 1)
        shape.c_row = Int64(cRow)
        shape.accumulate = accumulate ? 1 : 0
        shape.widest = Int32(widest)
        func draw() -> Element {
            integers
                ? Element(Int.random(in: -4...4, using: &random)) : Element(Double.random(in: -1...1, using: &random))
        }
        for item in 0..<batch {
            for p in 0..<k {
                for i in 0..<m { a[indexA(item, i, p)] = draw() }
                for j in 0..<n { b[indexB(item, p, j)] = draw() }
            }
            if accumulate { for i in 0..<m { for j in 0..<n { c[indexC(item, i, j)] = draw() } } }
        }
    }

    private func index(_ item: Int, _ i: Int, _ j: Int, _ strides: (Int64, Int64, Int64)) -> Int {
        item * Int(strides.0) + i * Int(strides.1) + j * Int(strides.2)
    }
    func indexA(_ item: Int, _ i: Int, _ p: Int) -> Int {
        index(item, i, p, (shape.a_batch, shape.a_row, shape.a_col))
    }
    func indexB(_ item: Int, _ p: Int, _ j: Int) -> Int {
        index(item, p, j, (shape.b_batch, shape.b_row, shape.b_col))
    }
    func indexC(_ item: Int, _ i: Int, _ j: Int) -> Int {
        margin + index(item, i, j, (shape.c_batch, shape.c_row, 1))
    }

    /// C after the product, computed share by share: the rows between neighbouring cuts. Scratch starts as NaN.
    func run(cuts: [Int] = []) throws -> [Element] {
        var (shape, result) = (shape, c)
        let needed = sz_gemm_prepare(&shape, Int32(MemoryLayout<Element>.size))
        try #require(needed >= 0 && needed % 64 == 0)
        let scratch = UnsafeMutableRawPointer.allocate(byteCount: 2 * Int(needed) + 64, alignment: 64)
        defer { scratch.deallocate() }
        scratch.initializeMemory(as: UInt8.self, repeating: 0xff, count: 2 * Int(needed) + 64)
        (shape.scratch, shape.scratch_stride) = (scratch, needed)
        let bounds = [0] + cuts + [Int(shape.batch * shape.m)]
        a.withUnsafeBytes { a in
            b.withUnsafeBytes { b in
                result.withUnsafeMutableBytes { c in
                    (shape.a, shape.b) = (a.baseAddress, b.baseAddress)
                    shape.c = c.baseAddress.map { $0 + margin * MemoryLayout<Element>.size }
                    for (share, (begin, end)) in zip(bounds, bounds.dropFirst()).enumerated() {
                        sz_gemm_run(&shape, Int64(begin), Int64(end), Int32(share % 2))
                    }
                }
            }
        }
        return result
    }

    /// The largest error in units of its bound: 2 (k + 1) u times the sum of the magnitudes of the terms, u the unit
    /// roundoff (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., section 3.1: (k + 1) u for any order
    /// of summation; doubled for the reference, which is in f64). Infinite if anything else than C changed.
    func error(of result: [Element]) -> Double {
        var (worst, untouched) = (0.0, c)
        for item in 0..<Int(shape.batch) {
            for i in 0..<Int(shape.m) {
                for j in 0..<Int(shape.n) {
                    let at = indexC(item, i, j)
                    var sum = shape.accumulate != 0 ? Double(c[at]) : 0
                    var magnitude = Swift.abs(sum)
                    for p in 0..<Int(shape.k) {
                        let term = Double(a[indexA(item, i, p)]) * Double(b[indexB(item, p, j)])
                        sum += term
                        magnitude += Swift.abs(term)
                    }
                    let bound = 2 * Double(shape.k + 1) * Double(Element.ulpOfOne) / 2 * magnitude
                    let error = Swift.abs(Double(result[at]) - sum)
                    if !(error <= bound) { worst = bound > 0 ? max(worst, error / bound) : .infinity }
                    if result[at].isNaN { worst = .infinity }
                    untouched[at] = result[at]
                }
            }
        }
        return result.elementsEqual(untouched) { $0 == $1 || ($0.isNaN && $1.isNaN) } ? worst : .infinity
    }
}

/// Everything at once: the longest vectors of this processor and the shorter ones it also has.
private let widths = [0, 32, 16]

@Suite struct GemmTests {
    private func randomProducts<Element: BinaryFloatingPoint & SIMDScalar>(_: Element.Type, widest: Int) throws {
        let sizes = [1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 23, 31, 32, 33, 47, 63, 64, 65, 77, 130]
        for seed in 0..<UInt64(250) {
            var random = SplitMix(seed: seed)
            func size() -> Int { sizes[Int.random(in: 0..<sizes.count, using: &random)] }
            func coin() -> Bool { Bool.random(using: &random) }
            var (m, n, k) = (size(), size(), size())
            // Some cross the limits of a panel (depth 128 to 1024) or of what is gathered (512 columns).
            if seed % 10 == 3 { (m, n, k) = (Int.random(in: 1...20, using: &random), size(), 1040) }
            if seed % 10 == 7 { (m, n, k) = (size(), Int.random(in: 505...600, using: &random), 5 + Int(seed % 21)) }
            // Some have the stride of half a page.
            let gap = seed % 10 == 5 ? 512 - m : coin() ? 0 : 3
            let product = Product<Element>(
                batch: Int.random(in: 1...3, using: &random), m: m, n: n, k: k, transposedA: coin(),
                transposedB: coin(), sharedA: coin() && coin(), sharedB: coin(), gap: gap,
                accumulate: coin(), widest: widest, using: &random)
            let error = product.error(of: try product.run())
            #expect(error <= 1, "seed \(seed): \(error) times the bound, \(product.shape)")
        }
    }

    @Test(arguments: widths) func singlePrecision(widest: Int) throws {
        try randomProducts(Float.self, widest: widest)
    }
    @Test(arguments: widths) func doublePrecision(widest: Int) throws {
        try randomProducts(Double.self, widest: widest)
    }

    /// Shapes on both sides of every choice: wide and tall tiles, dots, panels packed and in place, many copies.
    private static let shared: [(batch: Int, m: Int, n: Int, k: Int, gap: Int)] = [
        (1, 70, 65, 131, 0), (1, 37, 530, 18, 0), (1, 261, 33, 17, 0), (1, 29, 10, 140, 0), (1, 150, 1, 45, 0),
        (5, 16, 18, 7, 0),
        (40, 3, 31, 9, 0), (7, 19, 2, 33, 0), (1, 133, 128, 128, 0), (3, 64, 1, 5, 0),
        (2, 130, 33, 23, 382),
    ]

    private func sharesGiveTheSameBits<Element: BinaryFloatingPoint & SIMDScalar>(_: Element.Type, _ widest: Int)
        throws
    {
        var random = SplitMix(seed: 11)
        for (number, size) in Self.shared.enumerated() {
            for form in 0..<8 {
                let product = Product<Element>(
                    batch: size.batch, m: size.m, n: size.n, k: size.k, transposedA: form & 1 != 0,
                    transposedB: form & 2 != 0, sharedB: number % 2 == 0, gap: size.gap, accumulate: form & 4 != 0,
                    widest: widest,
                    using: &random)
                let whole = try product.run()
                let rows = size.batch * size.m
                var manyCuts = [Array(1..<rows), [rows / 2], [1], [rows - 1]]
                for _ in 0..<6 {
                    let count = Int.random(in: 1...5, using: &random)
                    manyCuts.append((0..<count).map { _ in Int.random(in: 0...rows, using: &random) }.sorted())
                }
                for cuts in manyCuts {
                    #expect(try product.run(cuts: cuts) == whole, "\(size), form \(form), cut at \(cuts)")
                }
            }
        }
    }

    @Test(arguments: widths) func singleShares(widest: Int) throws { try sharesGiveTheSameBits(Float.self, widest) }
    @Test(arguments: widths) func doubleShares(widest: Int) throws { try sharesGiveTheSameBits(Double.self, widest) }

    /// Small integers are exact in every order of summation; the numbers of one case are worked out by hand.
    @Test func exactIntegers() throws {
        var random = SplitMix(seed: 2)
        for widest in widths {
            let product = Product<Float>(
                batch: 2, m: 37, n: 71, k: 150, transposedA: true, accumulate: true, widest: widest, integers: true,
                using: &random)
            let result = try product.run()
            for (item, i, j) in [(0, 0, 0), (0, 36, 70), (1, 5, 64), (1, 36, 1)] {
                var sum = product.c[product.indexC(item, i, j)]
                for p in 0..<150 {
                    sum += product.a[product.indexA(item, i, p)] * product.b[product.indexB(item, p, j)]
                }
                #expect(result[product.indexC(item, i, j)] == sum)
            }
        }
        var hand = Product<Double>(m: 2, n: 3, k: 2, using: &random)
        (hand.a, hand.b) = ([1, 2, 3, 4], [5, 6, 7, 8, 9, 10])
        #expect(Array(try hand.run()[16..<22]) == [21, 24, 27, 47, 54, 61])
    }

    /// Nothing to add: zeros, or C as it was. No rows, columns or copies: nothing happens.
    @Test func emptyProducts() throws {
        var random = SplitMix(seed: 3)
        let cleared = Product<Float>(m: 5, n: 7, k: 0, gap: 2, using: &random)
        #expect(cleared.error(of: try cleared.run()) == 0)
        let kept = Product<Double>(batch: 2, m: 5, n: 7, k: 0, accumulate: true, using: &random)
        #expect(try kept.run() == kept.c)
        for (batch, m, n) in [(0, 5, 7), (2, 0, 7), (2, 5, 0)] {
            let empty = Product<Float>(batch: batch, m: m, n: n, k: 3, using: &random)
            #expect(try empty.run() == empty.c)
        }
    }

    /// An infinite or undefined element reaches its row (of A) or column (of B) and no other.
    @Test(arguments: [(1, 40), (70, 9), (23, 65)]) func undefinedStaysInItsRow(_ n: Int, _ k: Int) throws {
        for (transposedA, transposedB) in [(false, false), (false, true), (true, false)] {
            var random = SplitMix(seed: 4)
            var product = Product<Float>(
                m: 35, n: n, k: k, transposedA: transposedA, transposedB: transposedB, using: &random)
            let before = try product.run()
            product.a[product.indexA(0, 17, k - 1)] = .nan
            product.a[product.indexA(0, 30, 0)] = .infinity
            let after = try product.run()
            for i in 0..<35 {
                for j in 0..<n {
                    let (old, new) = (before[product.indexC(0, i, j)], after[product.indexC(0, i, j)])
                    #expect(i == 17 ? new.isNaN : i == 30 ? new.isInfinite : new == old)
                }
            }
        }
    }

    @Test func badShapesAreRefused() {
        var random = SplitMix(seed: 5)
        let good = Product<Float>(batch: 2, m: 5, n: 7, k: 3, using: &random).shape
        func prepared(_ bytes: Int32 = 4, _ change: (inout sz_gemm) -> Void = { _ in }) -> Int64 {
            var shape = good
            change(&shape)
            return sz_gemm_prepare(&shape, bytes)
        }
        #expect(prepared() > 0)
        #expect(prepared(8) > 0)
        #expect(prepared(2) == -1)
        #expect(prepared { $0.m = -1 } == -1)
        #expect(prepared { $0.k = -1 } == -1)
        #expect(prepared { $0.a_col = 2 } == -1)
        #expect(prepared { $0.b_col = 2 } == -1)
        #expect(prepared { $0.c_row = 6 } == -1)
        #expect(prepared { $0.c_batch = 34 } == -1)
    }

    /// The judge of these tests sees one wrong element, a term left out and a mark overwritten.
    @Test func mistakesAreSeen() throws {
        var random = SplitMix(seed: 6)
        let product = Product<Float>(batch: 2, m: 9, n: 21, k: 33, gap: 1, using: &random)
        let result = try product.run()
        #expect(product.error(of: result) <= 1)
        var wrong = result
        wrong[product.indexC(1, 8, 20)] += 0.001
        #expect(product.error(of: wrong) > 1)
        var shorter = product
        shorter.shape.k = 32
        #expect(product.error(of: try shorter.run()) > 1)
        wrong = result
        wrong[product.indexC(0, 8, 20) + 1] = 0
        #expect(product.error(of: wrong) == .infinity)
    }
}
