/// What a parameter is to the network; regularizers and optimizers choose by it.
package enum ParameterRole: String, Sendable, CaseIterable {
    case weight, bias, scale, other
    /// Kept, but not trained (`Graph.assign`).
    case statistic
}

/// How a parameter gets its first values.
///
/// With fan_in and fan_out of the block, s the scale, N(0, σ) a normal and U(a) a uniform distribution on (-a, a):
///
/// | scheme | values | source |
/// | --- | --- | --- |
/// | constant | s | |
/// | normal | N(0, s) | |
/// | uniform | U(s) | |
/// | glorot_normal | N(0, s √(2 / (fan_in + fan_out))) | Glorot and Bengio, AISTATS 2010 |
/// | glorot_uniform | U(s √(6 / (fan_in + fan_out))) | same, equation 16 |
/// | he_normal | N(0, s √(2 / fan_in)) | He et al., ICCV 2015, equation 10 |
/// | he_uniform | U(s √(6 / fan_in)) | same variance |
/// | lecun_normal | N(0, s √(1 / fan_in)) | LeCun et al., Efficient BackProp, 1998 |
/// | torch_linear | U(s / √fan_in) | weights and biases of torch.nn.Linear |
/// | orthogonal | s Q, Q `[shape[0], rest]` with orthonormal rows or columns, uniform (Haar) | Saxe et al., ICLR 2014 |
package struct Initializer: Hashable, Sendable {
    package enum Scheme: String, Sendable, CaseIterable {
        case constant, normal, uniform, glorot_normal, glorot_uniform, he_normal, he_uniform, lecun_normal
        case torch_linear, orthogonal
    }
    package var scheme: Scheme
    package var scale: Double

    package init(scheme: Scheme, scale: Double = 1) {
        self.scheme = scheme
        self.scale = scale
    }
}

/// A named tensor of a `ParameterStore`.
package struct ParameterBlock: Hashable, Sendable {
    package let name: String
    package let shape: [Int]
    package let role: ParameterRole
    package let initializer: Initializer
    package let fanIn, fanOut: Int
    /// First element in the store, a multiple of 16: blocks start on a cache line. The gap after a block stays 0.
    package let offset: Int

    package init(
        name: String, shape: [Int], role: ParameterRole, initializer: Initializer, fanIn: Int, fanOut: Int,
        offset: Int
    ) {
        (self.name, self.shape, self.role, self.initializer) = (name, shape, role, initializer)
        (self.fanIn, self.fanOut, self.offset) = (fanIn, fanOut, offset)
    }

    package var isTrained: Bool { role != .statistic }
    package var count: Int { shape.reduce(1, *) }
    /// Where the next block starts.
    package var end: Int { offset + (count + 15) / 16 * 16 }
}
