import CShims
import LinearAlgebra

/// A tensor of random numbers, drawn anew in every step: element i depends on the program's seed, the name of the stream, the
/// step and i only. The same in both precisions, on any number of threads, in forward and backward passes, whatever else the
/// graph contains.
///
/// Copies made by `Graph.batched` (samples, directions of a Jacobian) share the numbers, as they are copies of one function;
/// replicas draw each from its own seed, what they would draw alone.
package struct Random: Hashable, Sendable {
    package enum Distribution: Hashable, Sendable {
        /// In [0, 1), multiples of 2⁻²⁴: the upper 24 bits of 32-bit word i of the `Stream`.
        case uniform
        /// Mean 0, variance 1: number i of `Stream.normal`.
        case normal
        /// 1 where the uniform number is below this probability, else 0.
        case bernoulli(Double)
    }
    package let distribution: Distribution
    package let stream: String
    /// Of one replica.
    package let shape: [Int]
    /// nil: a network alone.
    package var copies: Int?
}

extension Random: OperationRule {
    var name: String { "random" }
    var inputCount: Int { 0 }
    var work: Work { .kernel }
    var isDrawn: Bool { true }

    func shape(of inputs: [Operand]) throws -> [Int] {
        let all = (copies.map { [$0] } ?? []) + shape
        try Shape.check(all, for: "random \(stream)")
        return all
    }

    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) -> [Term?] { [] }

    /// Only replicas have random numbers of their own.
    func batched(_ inputs: [BatchedTerm], copies: Int) -> Term {
        preconditionFailure("random numbers depend on nothing that could differ between copies")
    }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) -> KernelCall {
        let units = TileProgram.units(of: output.shape)
        return KernelCall(name, units: units, flops: Double(output.count) * 10, reads: []) { memory in
            var c = sz_random()
            c.out = output.pointer
            c.keys = UnsafePointer(memory.keys(stream, copies: copies ?? 1))
            c.step = UnsafePointer(memory.step)
            c.count = Int64(Shape.elements(shape))
            c.unit = Int64(output.count / units)
            switch distribution {
            case .uniform: c.kind = Int32(SZ_UNIFORM)
            case .normal: c.kind = Int32(SZ_NORMAL)
            case .bernoulli(let probability):
                c.kind = Int32(SZ_BERNOULLI)
                // To the grid of the uniform numbers: the comparison is the same in both precisions.
                c.probability = (probability * 0x1p24).rounded(.up) * 0x1p-24
            }
            return c
        }
    }
}

extension Random.Distribution {
    /// The distribution that plugins call so.
    package init(named name: String, probability: Double) throws {
        switch name {
        case "uniform": self = .uniform
        case "normal": self = .normal
        case "bernoulli":
            guard probability >= 0, probability <= 1 else {
                throw GraphError("random: the probability is \(probability); 0 to 1 is expected")
            }
            self = .bernoulli(probability)
        default: throw GraphError.unknown("distribution", name, among: ["uniform", "normal", "bernoulli"])
        }
    }
}

extension StepMemory {
    /// The keys of a stream for networks that run together.
    fileprivate func keys(_ stream: String, copies: Int) -> UnsafeMutablePointer<UInt64> {
        precondition(seeds.count == copies, "\(copies) networks draw random numbers from \(seeds.count) seeds")
        return keep(seeds.map { Stream(seed: $0, name: stream).key })
    }
}

extension Graph {
    /// Random numbers of the given shape, in training graphs only: an evaluation has one result. Each call with one name is
    /// a stream of its own: the n-th draws from `random/<name>/<n>`, n from 0.
    package func random(_ distribution: Random.Distribution, stream: String, shape: [Int]) throws -> Node {
        guard !stream.isEmpty else { throw GraphError("random: the name of the stream is empty") }
        guard isTraining else {
            throw GraphError(
                "random \(stream): an evaluation draws no random numbers; ask whether the graph is training")
        }
        let number = streams[stream, default: 0]
        streams[stream] = number + 1
        return try apply(
            Operation(Random(distribution: distribution, stream: "random/\(stream)/\(number)", shape: shape)), [])
    }

    /// In training, x where a random number is at least `rate`, divided by 1 - rate, and 0 elsewhere: the mean is x. In
    /// evaluation x itself.
    ///
    /// Source: Srivastava et al., JMLR 15 (2014) 1929, in the inverted form of all frameworks.
    package func dropout(_ x: Node, rate: Double, stream: String) throws -> Node {
        guard rate >= 0, rate < 1 else {
            throw GraphError("dropout \(stream): rate is \(rate); at least 0 and less than 1 is expected")
        }
        try check([x], for: "dropout")
        guard isTraining, rate > 0 else { return x }
        let kept = try random(.bernoulli(1 - rate), stream: stream, shape: shape(of: x))
        let scaled = try apply(.binary(.mul), [kept, constant(1 / (1 - rate))])
        return try apply(.binary(.mul), [x, scaled])
    }
}
