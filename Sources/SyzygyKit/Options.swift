/// Options that models have in common, so that all of them know the same names. Cases are in the order of the manifests' enums.
extension CaseIterable {
    /// The case that the manifest lists at `index`.
    public init?(index: Int32) {
        guard let found = Self.allCases.dropFirst(Int(max(index, 0))).first, index >= 0 else { return nil }
        self = found
    }
}

/// φ: the graph operation or the plugin's activation that a param of type `activation` names.
public struct Activation: Sendable {
    let name: String

    /// The text that the function got.
    public init(_ text: UnsafePointer<CChar>) { name = String(cString: text) }
}

extension Node {
    /// φ of each element; `slope` is that of `leaky_relu` below 0.
    public func activated(_ activation: Activation, slope: Double = 0.01) -> Node {
        activation.name == "leaky_relu" ? apply("leaky_relu", ["slope": slope]) : apply(activation.name)
    }
}

/// How weights begin.
public enum WeightScheme: String, CaseIterable, Sendable {
    case torchLinear = "torch_linear"
    case lecunNormal = "lecun_normal"
    case glorotNormal = "glorot_normal"
    case glorotUniform = "glorot_uniform"
    case heNormal = "he_normal"
    case heUniform = "he_uniform"
    case orthogonal, normal, uniform

    /// `normal` and `uniform` have standard deviation `std`, whatever the fans; the others scale with the fans and `gain`.
    public func initializer(gain: Double, std: Double) -> Graph.Initializer {
        switch self {
        case .normal: .init(rawValue, std)
        case .uniform: .init(rawValue, std * 3.0.squareRoot())
        default: .init(rawValue, gain)
        }
    }
}

/// Which normalization follows a layer.
public enum Norm: Sendable {
    case none, layer, rms, batch
    /// With the number of groups of channels.
    case group(Int)
}

extension Graph {
    /// `norm` of the last axis with its parameters, `name.scale` and so on; the input itself for `none`.
    public func normalized(_ input: Node, _ norm: Norm, name: String) -> Node {
        switch norm {
        case .none: input
        case .layer: layerNorm(input, name: name)
        case .rms: rmsNorm(input, name: name)
        case .batch: batchNorm(input, name: name)
        case .group(let groups): groupNorm(input, groups: groups, name: name)
        }
    }

    /// The error of an enum's index beyond the manifest's.
    public func failOption() -> Node {
        fail("an enum's index is not in the manifest; library and manifest do not fit")
    }
}
