import CSyzygy
import LinearAlgebra

/// `syzygy.random/1`: a table of C functions whose context is one of these objects.
final class RandomService {
    private let seed: UInt64
    private let scope: String
    /// Of a sampler: every epoch has streams of its own.
    var epoch: UInt64 = 0
    /// Of an initializer or a parametrization: every parameter has streams of its own, `<scope>/<stream>/<parameter>`.
    var parameter: String?
    private(set) var table = syzygy_random()

    /// Streams are named `<scope>/<stream>`.
    init(seed: UInt64, scope: String) {
        self.seed = seed
        self.scope = scope
        table.struct_size = UInt32(MemoryLayout<syzygy_random>.size)
        table.context = Unmanaged.passUnretained(self).toOpaque()
        table.uniform = { context, name, begin, count, out in
            guard let out, let target = RandomService.target(out, count) else { return }
            guard let service = RandomService.of(context) else { return }
            service.stream(name).uniform(step: service.epoch, from: Int(begin), into: target)
        }
        table.normal = { context, name, begin, count, out in
            guard let out, let target = RandomService.target(out, count) else { return }
            guard let service = RandomService.of(context) else { return }
            service.stream(name).normal(step: service.epoch, from: Int(begin), into: target)
        }
        table.permutation = { context, name, count, out in
            guard let out, count > 0, let service = RandomService.of(context) else { return }
            let target = UnsafeMutableBufferPointer(start: out, count: Int(count))
            service.stream(name).permute(into: target, step: service.epoch)
        }
    }

    private func stream(_ name: UnsafePointer<CChar>?) -> Stream {
        let own = parameter.map { "/\($0)" } ?? ""
        return Stream(seed: seed, name: "\(scope)/\(name.map { String(cString: $0) } ?? "")\(own)")
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> RandomService? {
        context.map { Unmanaged<RandomService>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func target(_ out: UnsafeMutablePointer<Double>, _ count: Int64) -> UnsafeMutableBufferPointer<
        Double
    >? {
        count > 0 ? UnsafeMutableBufferPointer(start: out, count: Int(count)) : nil
    }
}
