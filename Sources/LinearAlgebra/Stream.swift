import CShims

/// A stream of random numbers addressed by (seed, name, step, index).
///
/// Indices count from 0. The numbers of one address never depend on what was drawn before, in which order, or in which
/// pieces: adding a probe or a layer changes no other stream. `uniform`, `normal`, `bits` and `permutation` of one
/// (name, step) are made from the same words, so give each purpose a name of its own.
///
/// Generator: Philox 4×32-10 (Salmon et al., SC 2011). Key: the first 8 bytes of SHA-256(seed, 8 bytes little-endian ‖
/// name in UTF-8), read little-endian. Counter: (index / 2 low, index / 2 high, step low, step high); each block
/// gives two 64-bit words.
///
/// **Checked by** `StreamTests` (published vectors, pieces, moments, Kolmogorov–Smirnov).
package struct Stream: Sendable {
    /// The 64-bit key, for the C functions of `philox.h`.
    package let key: UInt64

    package init(seed: UInt64, name: String) {
        let bytes = withUnsafeBytes(of: seed.littleEndian) { Array($0) } + name.utf8
        key = SHA256.digest(of: bytes).prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Values `index ..< index + buffer.count`, uniform in the open interval (0, 1): odd multiples of 2⁻⁵³.
    package func uniform(step: UInt64 = 0, from index: Int = 0, into buffer: UnsafeMutableBufferPointer<Double>) {
        sz_philox_uniform(key, step, UInt64(bitPattern: Int64(index)), Int64(buffer.count), buffer.baseAddress)
    }

    /// Values `index ..< index + buffer.count`, normal with mean 0 and variance 1.
    ///
    /// Box–Muller on the uniform values (2b, 2b + 1); magnitudes end at √(106 ln 2) = 8.57. The last bits follow the
    /// machine's `log` and `sincos`.
    package func normal(step: UInt64 = 0, from index: Int = 0, into buffer: UnsafeMutableBufferPointer<Double>) {
        sz_philox_normal(key, step, UInt64(bitPattern: Int64(index)), Int64(buffer.count), buffer.baseAddress)
    }

    /// The 64-bit word behind uniform value `index`.
    package func bits(step: UInt64 = 0, index: Int) -> UInt64 {
        sz_philox_word(key, step, UInt64(bitPattern: Int64(index)))
    }

    /// A uniformly drawn order of `0 ..< count`; empty for a count below 1.
    ///
    /// Fisher–Yates with Lemire's multiplication and rejection (ACM TOMACS 29, 2019), so without bias. Unlike the
    /// other draws it depends on `count` as a whole.
    package func permutation(of count: Int, step: UInt64 = 0) -> [Int] {
        [Int](unsafeUninitializedCapacity: max(count, 0)) { buffer, filled in
            buffer.withMemoryRebound(to: Int64.self) { permute(into: $0, step: step) }
            filled = max(count, 0)
        }
    }

    /// The same permutation, without an allocation.
    package func permute(into buffer: UnsafeMutableBufferPointer<Int64>, step: UInt64 = 0) {
        sz_philox_permutation(key, step, Int64(buffer.count), buffer.baseAddress)
    }
}
