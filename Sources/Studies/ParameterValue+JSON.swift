import Manifests
import Protocols

extension ParameterValue {
    /// A value that the declaration's `check` has passed.
    init(_ json: JSON, as type: ParameterDeclaration.Kind) {
        switch type {
        case .bool: self = .bool(json.bool ?? false)
        case .int: self = .int(json.int ?? 0)
        case .float: self = .float(json.double ?? .nan)
        case .enum, .string: self = .string(json.string ?? "")
        case .intList: self = .ints((json.array ?? []).compactMap(\.int))
        case .floatList: self = .floats((json.array ?? []).compactMap(\.double))
        case .enumList: self = .strings((json.array ?? []).compactMap(\.string))
        }
    }
}

extension Component {
    /// The names under which a probe's values are recorded, without the probe's key: `binding.output`, or `output`.
    func recordedOutputs(_ options: [String: JSON]) -> [String] {
        expandedBindings(options).flatMap { binding in
            outputs.map { binding.name.isEmpty ? $0.id : "\(binding.name).\($0.id)" }
        }
    }
}
