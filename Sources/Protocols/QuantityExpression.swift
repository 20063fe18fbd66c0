/// A named quantity of the catalogue (`docs/quantities.md`): what a probe asks the host for.
package struct QuantityExpression: Hashable, Sendable {
    /// Quantities that are not computed from others. The raw value is the name.
    package enum Basic: String, CaseIterable, Sendable {
        case layerInput = "layer.input"
        case layerOutput = "layer.output"
        case layerInputGrad = "layer.input_grad"
        case layerOutputGrad = "layer.output_grad"
        case layerWeight = "layer.weight"
        case layerWeightInitial = "layer.weight_initial"
        case layerBias = "layer.bias"
        case headInput = "head.input"
        case headOutput = "head.output"
        case headInputGrad = "head.input_grad"
        case headOutputGrad = "head.output_grad"
        case headWeight = "head.weight"
        case headWeightInitial = "head.weight_initial"
        case headBias = "head.bias"
        case modelOutput = "model.output"
        case sampleLoss = "sample.loss"
        case labels = "labels"
        case targets = "targets"
        case parameterValue = "parameter.value"
        case parameterGrad = "parameter.grad"

        /// One row per sample, two axes.
        package var isRows: Bool {
            switch self {
            case .layerInput, .layerOutput, .layerInputGrad, .layerOutputGrad, .headInput, .headOutput,
                .headInputGrad, .headOutputGrad, .modelOutput, .targets:
                true
            default: false
            }
        }

        package var isWeight: Bool {
            switch self {
            case .layerWeight, .layerWeightInitial, .headWeight, .headWeightInitial: true
            default: false
            }
        }

        package var rank: Int {
            if isRows || isWeight { return 2 }
            return 1
        }

        /// What a probe's `per` must be for the quantity to exist; nil: any.
        package var scope: ProbeScope? {
            if rawValue.hasPrefix("layer.") { return .layer }
            if rawValue.hasPrefix("parameter.") { return .parameter }
            return nil
        }

        /// `head.input` is `layer.input` of the last layer.
        package var ofLayer: Basic? {
            guard rawValue.hasPrefix("head.") else { return nil }
            return Basic(rawValue: "layer." + rawValue.dropFirst("head.".count))
        }
    }

    /// Functions of basic quantities. The raw value is the name.
    package enum Function: String, CaseIterable, Sendable {
        case rawMoment = "moment.raw"
        case centredMoment = "moment.centred"
        case normalizedMoment = "moment.normalized"
        case mean = "mean"
        case rawCross = "cross.raw"
        case wtw = "wtw"
        case wwt = "wwt"

        package var argumentCount: Int { self == .rawCross ? 2 : 1 }
        package var takesWeight: Bool { self == .wtw || self == .wwt }
        package var rank: Int { self == .mean ? 1 : 2 }
    }

    package var function: Function?
    package var arguments: [Basic]

    package var rank: Int { function?.rank ?? arguments[0].rank }
    package var isInteger: Bool { function == nil && arguments[0] == .labels }

    package var text: String {
        let names = arguments.map(\.rawValue).joined(separator: ", ")
        return function.map { "\($0.rawValue)(\(names))" } ?? names
    }

    /// Why a text is not an expression; `word` is the unknown name, `allowed` the names that may stand there.
    package struct Mistake: Error, Equatable {
        package var sentence: String
        package var word: String?
        package var allowed: [String]
    }

    /// Reads `moment.raw(layer.output)`, `cross.raw(layer.output_grad, layer.output)` or `labels`.
    package init(_ text: String) throws(Mistake) {
        let compact = text.filter { $0 != " " }
        let parts = compact.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            self.function = nil
            self.arguments = [try Self.basic(compact)]
            return
        }
        guard let function = Function(rawValue: parts[0]) else {
            throw Mistake(
                sentence: "unknown function '\(parts[0])' in quantity '\(text)'", word: parts[0],
                allowed: Function.allCases.map(\.rawValue))
        }
        guard parts[1].hasSuffix(")") else {
            throw Mistake(sentence: "quantity '\(text)' lacks a closing parenthesis", word: nil, allowed: [])
        }
        let names = parts[1].dropLast().split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard names.count == function.argumentCount else {
            throw Mistake(
                sentence: "\(function.rawValue) takes \(function.argumentCount) quantit\(function.argumentCount == 1 ? "y" : "ies"), "
                    + "'\(text)' gives \(names.count)", word: nil, allowed: [])
        }
        var arguments: [Basic] = []
        for name in names {
            let basic = try Self.basic(name)
            guard function.takesWeight ? basic.isWeight : basic.isRows else {
                throw Mistake(
                    sentence: "\(function.rawValue) takes \(function.takesWeight ? "a weight" : "rows of samples"), "
                        + "'\(name)' is not", word: nil,
                    allowed: Basic.allCases.filter { function.takesWeight ? $0.isWeight : $0.isRows }.map(\.rawValue))
            }
            arguments.append(basic)
        }
        self.function = function
        self.arguments = arguments
    }

    private static func basic(_ name: String) throws(Mistake) -> Basic {
        guard let basic = Basic(rawValue: name) else {
            throw Mistake(
                sentence: "unknown quantity '\(name)'", word: name, allowed: Basic.allCases.map(\.rawValue))
        }
        return basic
    }
}
