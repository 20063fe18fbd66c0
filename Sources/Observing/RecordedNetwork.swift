import Engine
import Manifests
import Protocols

/// A network of which there are arrays only: `layer.input`, `layer.output_grad`, `layer.weight` of its layers, `labels`, and so on.
/// What arrays give by a product, `layer.output` from `layer.input` and `layer.weight`, is formed when rows are read; `targets` are
/// `labels` as columns, as many as `model.output` has.
final class RecordedNetwork: Observed {
    typealias Basic = QuantityExpression.Basic

    let layout: RecordedLayout
    private var programs: [CaptureProgram.Key: RecordedProgram] = [:]

    init(_ layout: RecordedLayout) { self.layout = layout }

    var shapes: [LayerShape] { layout.shapes }
    var parameters: [String] { layout.parameters }
    var jacobianOutputs: Int { layout.jacobianOutputs }
    var targetPositions: Int { layout.targetPositions }
    var coupled: Undefined? { nil }
    var gradient: ParameterStore? { nil }

    private func ofWhole(_ basic: Basic) -> RecordedLayout.Rows? {
        layout.rows.first { $0.key.layer == nil && $0.key.basic == basic }?.value
    }

    var outputWidth: Int { ofWhole(.modelOutput)?.width ?? 0 }
    var outputPositions: Int { ofWhole(.modelOutput)?.positions ?? 1 }
    var targetWidth: Int? { ofWhole(.targets)?.width }

    func has(_ basic: Basic, of layer: Int?, parameter: String, split: String) -> Bool {
        let isOfLayer = basic.rawValue.hasPrefix("layer."), layer = isOfLayer ? layer : nil
        if isOfLayer, layer == nil { return false }
        func has(_ basic: Basic) -> Bool {
            guard !basic.isOfSamples, basic.form != .jacobian else {
                guard basic != .labels else { return layout.tables[split]?.fields.isEmpty == false }
                return layout.rows[.init(layer: layer, basic: basic, split: split)] != nil
            }
            let place = layer.map { shapes[$0].name } ?? (basic.rawValue.hasPrefix("parameter.") ? parameter : "")
            return layout.constants[place]?[basic] != nil
        }
        return has(basic) || basic.recordedParts.map { $0.allSatisfy(has) } ?? false
    }

    func program(_ key: CaptureProgram.Key) -> any RowProgram {
        let program = programs[key] ?? RecordedProgram(self, key)
        programs[key] = program
        return program
    }

    func weight(of layer: Int) -> [Double]? { layout.constants[shapes[layer].name]?[.layerWeight]?.values }

    func constant(_ basic: Basic, of layer: Int?, parameter: String) -> (values: [Double], shape: [Int])? {
        let isOfLayer = basic.rawValue.hasPrefix("layer."), isOfParameter = basic.rawValue.hasPrefix("parameter.")
        let place = isOfLayer ? layer.map { shapes[$0].name } : isOfParameter ? parameter : ""
        guard let place, let own = layout.constants[place] else { return nil }
        if let known = own[basic] { return known }
        guard basic == .layerWeightChange, let now = own[.layerWeight], let first = own[.layerWeightInitial] else {
            return nil
        }
        return (zip(now.values, first.values).map { $0 - $1 }, now.shape)
    }

    func derivatives(on tables: [String: DataTable], split: String, rows: Int) -> (any Derivatives)? { nil }
}

extension QuantityExpression.Basic {
    /// What gives it, where it is not recorded itself.
    var recordedParts: [QuantityExpression.Basic]? {
        switch self {
        case .layerOutput: [.layerInput, .layerWeight]
        case .layerInputGrad: [.layerOutputGrad, .layerWeight]
        case .layerInputJacobian: [.layerOutputJacobian, .layerWeight]
        case .layerWeightChange: [.layerWeight, .layerWeightInitial]
        default: nil
        }
    }
}
