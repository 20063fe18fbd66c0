import CShims
import Foundation
import Glibc
import LinearAlgebra
import PluginHost
import Testing

/// A C type as the binding knows it.
private struct CType {
    var code: Int32
    var name: String
    var bytes: Int
    var isSigned = false
    var isFloating: Bool { name == "float" || name == "double" }

    static let all: [CType] = [
        CType(code: Int32(SZ_I8), name: "int8_t", bytes: 1, isSigned: true),
        CType(code: Int32(SZ_U8), name: "uint8_t", bytes: 1),
        CType(code: Int32(SZ_I16), name: "int16_t", bytes: 2, isSigned: true),
        CType(code: Int32(SZ_U16), name: "uint16_t", bytes: 2),
        CType(code: Int32(SZ_I32), name: "int32_t", bytes: 4, isSigned: true),
        CType(code: Int32(SZ_U32), name: "uint32_t", bytes: 4),
        CType(code: Int32(SZ_I64), name: "int64_t", bytes: 8, isSigned: true),
        CType(code: Int32(SZ_U64), name: "uint64_t", bytes: 8),
        CType(code: Int32(SZ_F32), name: "float", bytes: 4),
        CType(code: Int32(SZ_F64), name: "double", bytes: 8),
        CType(code: Int32(SZ_POINTER), name: "void *", bytes: 8),
    ]

    /// The bits of a value in this type, as the low bytes of a word.
    func low(_ word: UInt64) -> UInt64 { bytes == 8 ? word : word & (1 << UInt64(8 * bytes) - 1) }

    /// How a result arrives: small integers are widened to 64 bits, of a float the low bytes count.
    func result(_ bits: UInt64, arrived: UInt64) -> Bool {
        if isFloating { return low(bits) == low(arrived) }
        let shift = UInt64(64 - 8 * bytes)
        return arrived
            == (isSigned ? UInt64(bitPattern: Int64(bitPattern: bits << shift) >> Int64(shift)) : low(bits))
    }
}

/// A function `f<number>` that stores its arguments' bytes in `seen` and returns fixed bits.
private struct Signature {
    var number: Int
    var arguments: [CType]
    var returns: CType?
    var returned: UInt64

    static let most = 24

    var source: String {
        let list = arguments.enumerated().map { "\($1.name) a\($0)" }.joined(separator: ", ")
        let copies = arguments.indices.map { " memcpy(seen[\($0)], &a\($0), sizeof a\($0));" }.joined()
        let result = returns.map {
            " \($0.name) r; uint64_t bits = \(returned)u; memcpy(&r, &bits, sizeof r); return r;"
        }
        return "\(returns?.name ?? "void") f\(number)(\(list.isEmpty ? "void" : list)) {\(copies)\(result ?? "") }"
    }

    /// 1,000: every count from 0 to 24 comes up 40 times, types at random.
    static let all: [Signature] = {
        let stream = Stream(seed: 2026, name: "signatures")
        return (0..<40 * (most + 1)).map { number in
            func word(_ i: Int) -> UInt64 { stream.bits(step: UInt64(number), index: i) }
            func type(_ i: Int) -> CType { CType.all[Int(word(i) >> 8) % CType.all.count] }
            let count = number % (most + 1)
            return Signature(
                number: number, arguments: (0..<count).map { type($0 + 2) },
                returns: word(0) % 12 == 0 ? nil : type(0),
                returned: word(1))
        }
    }()

    /// Calls the function with random words and returns what arrived differently; `codes` may lie about the types.
    func mismatches(_ library: Library, codes: [Int32]? = nil) throws -> [String] {
        let seen = try library.symbol("seen")
        let words = arguments.indices.map { Stream(seed: 7, name: "words").bits(step: UInt64(number), index: $0) }
        let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: Self.most + 1)
        defer { slots.deallocate() }
        slots.update(from: words, count: words.count)
        let values = words.indices.map { Optional(UnsafeMutableRawPointer(slots + $0)) }
        let prepared = sz_signature_create(
            returns?.code ?? Int32(SZ_VOID), codes ?? arguments.map(\.code), Int32(arguments.count), "test")
        let signature = try #require(prepared)
        defer { sz_signature_destroy(signature) }
        var result: (UInt64, UInt64) = (0, 0)
        let changed = sz_call(signature, try library.symbol("f\(number)"), values, &result)
        var wrong = changed == 0 ? [] : ["f\(number) is said to have changed the floating-point mode"]
        for (i, type) in arguments.enumerated() {
            let arrived = seen.loadUnaligned(fromByteOffset: 8 * i, as: UInt64.self)
            if type.low(arrived) != type.low(words[i]) { wrong.append("f\(number), argument \(i), \(type.name)") }
        }
        if let returns, !returns.result(returned, arrived: result.0) {
            wrong.append("f\(number), result, \(returns.name)")
        }
        return wrong
    }
}

@Suite struct BindingTests {
    /// Signatures in one library, with a `seen` of its own.
    private func compiled(_ signatures: ArraySlice<Signature>) throws -> Library {
        let head = "#include <stdint.h>\n#include <string.h>\nunsigned char seen[25][8];\n"
        let plugin = try TemporaryPlugin(source: head + signatures.map(\.source).joined(separator: "\n"))
        return try Library(path: plugin.library)
    }

    @Test func everyArgumentAndResultArrives() throws {
        let library = try compiled(Signature.all[...])
        #expect(Signature.all.count == 1000)
        #expect(Set(Signature.all.flatMap(\.arguments).map(\.name)).count == CType.all.count)
        #expect(Set(Signature.all.map { $0.returns?.name ?? "void" }).count == CType.all.count + 1)
        #expect(try Signature.all.flatMap { try $0.mismatches(library) } == [])
    }

    /// The comparison sees a signature in which two neighbouring types, one floating, are exchanged.
    @Test func exchangedTypesAreSeen() throws {
        let signatures = Signature.all.prefix(325)
        let library = try compiled(signatures)
        var tried = 0
        for signature in signatures {
            let pairs = signature.arguments.indices.dropFirst()
            let types = signature.arguments
            guard let i = pairs.first(where: { types[$0].isFloating != types[$0 - 1].isFloating }) else { continue }
            var codes = signature.arguments.map(\.code)
            codes.swapAt(i, i - 1)
            tried += 1
            #expect(try signature.mismatches(library, codes: codes) != [])
        }
        #expect(tried > 200)
    }

    @Test func anUnknownTypeIsRefused() {
        #expect(sz_signature_create(99, [], 0, "test") == nil)
        #expect(sz_signature_create(Int32(SZ_F64), [Int32(SZ_I32), 99], 2, "test") == nil)
    }

    // MARK: Floating-point mode

    /// Calls `name` and returns its result, and whether the call is said to have changed the mode.
    private func call(_ library: Library, _ name: String) throws -> (result: Double, changed: Bool) {
        let signature = try #require(sz_signature_create(Int32(SZ_F64), [], 0, "test"))
        defer { sz_signature_destroy(signature) }
        var result = (0.0, 0.0)
        let changed = sz_call(signature, try library.symbol(name), [], &result)
        return (result.0, changed != 0)
    }

    private static let modes = """
        #include <fenv.h>
        #include <stdint.h>
        double upward(void) { fesetround(FE_UPWARD); return 3; }
        double flush(void) {
        #if defined(__x86_64__)
            uint32_t mode; __asm__ volatile("stmxcsr %0" : "=m"(mode));
            mode |= 0x8040; __asm__ volatile("ldmxcsr %0" : : "m"(mode));
        #else
            uint64_t mode; __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
            mode |= 1u << 24; __asm__ volatile("msr fpcr, %0" : : "r"(mode));
        #endif
            return 5;
        }
        double polite(void) { int old = fegetround(); fesetround(FE_DOWNWARD); fesetround(old); return 7; }
        double flags(void) { volatile double zero = 0, x = 1 / zero; return x; }
        double third(void) { volatile double one = 1, three = 3; return one / three; }
        """

    @Test(arguments: [("upward", 3.0, true), ("flush", 5, true), ("polite", 7, false), ("flags", .infinity, false)])
    func aChangedModeIsRestoredAndReported(name: String, result: Double, changes: Bool) throws {
        let plugin = try TemporaryPlugin(source: Self.modes)
        let library = try Library(path: plugin.library)
        let before = sz_float_mode()
        let call = try call(library, name)
        #expect(sz_float_mode() == before)
        #expect(call.result == result)
        #expect(call.changed == changes)
    }

    /// A plugin computes with default rounding whatever the host's thread is set to, which then finds its own again.
    @Test func aPluginRunsInTheDefaultMode() throws {
        let plugin = try TemporaryPlugin(source: Self.modes)
        let library = try Library(path: plugin.library)
        fesetround(FE_UPWARD)
        let third = try? call(library, "third")
        let rounding = fegetround()
        fesetround(FE_TONEAREST)
        #expect(rounding == FE_UPWARD)
        #expect(third?.result == 1.0 / 3)
        #expect(third?.changed == false)
    }

    /// Code that runs when a library is opened (as -ffast-math adds) cannot leave a mode behind.
    @Test func aLibrarysStartCannotChangeTheMode() throws {
        let start = "\n__attribute__((constructor)) void start(void) { flush(); upward(); }"
        let plugin = try TemporaryPlugin(source: Self.modes + start)
        let before = sz_float_mode()
        let library = try Library(path: plugin.library)
        #expect(sz_float_mode() == before)
        #expect(try call(library, "third").result == 1.0 / 3)
    }
}
