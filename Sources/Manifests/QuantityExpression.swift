import Protocols

/// A quantity of the catalogue (`docs/quantities.md`): `layer.input`, `moment.raw(layer.input)`,
/// `cross.raw(layer.output, layer.output_grad)`. Functions do not nest.
package struct QuantityExpression: Hashable, Sendable, CustomStringConvertible {
    /// What a quantity looks like.
    package enum Form: Sendable {
        /// n × d, a row per sample.
        case samples
        /// d_out × d_in
        case weight
        /// One axis.
        case vector

        package var rank: Int { self == .vector ? 1 : 2 }
    }

    /// Quantities that are not formed from others. The raw value is the name.
    package enum Basic: String, CaseIterable, Sendable {
        case layerInput = "layer.input"
        case layerOutput = "layer.output"
        case layerOutputGrad = "layer.output_grad"
        case layerInputGrad = "layer.input_grad"
        case layerWeight = "layer.weight"
        case layerWeightInitial = "layer.weight_initial"
        case layerBias = "layer.bias"
        case headInput = "head.input"
        case headOutput = "head.output"
        case headOutputGrad = "head.output_grad"
        case headInputGrad = "head.input_grad"
        case headWeight = "head.weight"
        case headWeightInitial = "head.weight_initial"
        case headBias = "head.bias"
        case modelOutput = "model.output"
        case targets
        case sampleLoss = "sample.loss"
        case labels
        case parameterValue = "parameter.value"
        case parameterGrad = "parameter.grad"
        case parameters
        case firstInput = "first.input"
        case firstOutput = "first.output"
        case firstOutputGrad = "first.output_grad"
        case firstInputGrad = "first.input_grad"
        case firstWeight = "first.weight"
        case firstWeightInitial = "first.weight_initial"
        case firstBias = "first.bias"
        case firstModelOutput = "first.model.output"
        case firstSampleLoss = "first.sample.loss"
        case firstParameters = "first.parameters"
        case secondInput = "second.input"
        case secondOutput = "second.output"
        case secondOutputGrad = "second.output_grad"
        case secondInputGrad = "second.input_grad"
        case secondWeight = "second.weight"
        case secondWeightInitial = "second.weight_initial"
        case secondBias = "second.bias"
        case secondModelOutput = "second.model.output"
        case secondSampleLoss = "second.sample.loss"
        case secondParameters = "second.parameters"

        package var form: Form {
            switch member?.of ?? ofLayer ?? self {
            case .layerInput, .layerOutput, .layerOutputGrad, .layerInputGrad, .modelOutput, .targets: .samples
            case .layerWeight, .layerWeightInitial: .weight
            default: .vector
            }
        }

        /// Those of pairs for the name of one of a pair, else the others: what a wrong name may have meant.
        fileprivate static func alike(_ name: String) -> [Basic] {
            let isOfPairs = name.hasPrefix("first.") || name.hasPrefix("second.")
            return allCases.filter { ($0.member != nil) == isOfPairs }
        }

        /// A row, or a number, for each sample.
        package var isOfSamples: Bool {
            form == .samples || self == .labels || (member?.of ?? self) == .sampleLoss
        }

        /// `layer.input` for `head.input`, and so on: the head is the last layer.
        package var ofLayer: Basic? {
            guard rawValue.hasPrefix("head.") else { return nil }
            return Basic(rawValue: "layer." + rawValue.dropFirst("head.".count))
        }

        /// `layer.output` of the first, 0, for `first.output`; `model.output` of the second, 1, for `second.model.output`.
        package var member: (index: Int, of: Basic)? {
            for (index, prefix) in ["first.", "second."].enumerated() where rawValue.hasPrefix(prefix) {
                let name = rawValue.dropFirst(prefix.count)
                return (Basic(rawValue: "layer.\(name)") ?? Basic(rawValue: String(name))).map { (index, $0) }
            }
            return nil
        }

        /// The scopes that have it.
        package var scopes: [ProbeScope] {
            if let of = member?.of { return of.rawValue.hasPrefix("layer.") ? [.layerPair, .runPair] : [.runPair] }
            if rawValue.hasPrefix("layer.") { return [.layer] }
            if rawValue.hasPrefix("parameter.") { return [.parameter] }
            // Of two networks one must say which.
            return [.run, .layer, .parameter, .layerPair] + (self == .labels || self == .targets ? [.runPair] : [])
        }
    }

    /// Functions of basic quantities. The raw value is the name.
    package enum Function: String, CaseIterable, Sendable {
        case rawMoment = "moment.raw"
        case centredMoment = "moment.centred"
        case normalizedMoment = "moment.normalized"
        case rawCross = "cross.raw"
        case centredCross = "cross.centred"
        case mean
        case wtw
        case wwt

        /// The forms of the arguments.
        package var forms: [Form] {
            switch self {
            case .rawCross, .centredCross: [.samples, .samples]
            case .wtw, .wwt: [.weight]
            default: [.samples]
            }
        }
    }

    package var function: Function?
    package var arguments: [Basic]

    package var description: String {
        let list = arguments.map(\.rawValue).joined(separator: ", ")
        return function.map { "\($0.rawValue)(\(list))" } ?? list
    }

    package var rank: Int {
        if let function { return function == .mean ? 1 : 2 }
        return arguments.first?.form.rank ?? 0
    }

    /// Class indices, the only quantity that is not f64.
    package var isInteger: Bool { function == nil && arguments == [.labels] }

    /// A row for each sample, or for each position of each sample.
    package var isOfSamples: Bool {
        function == nil && arguments.allSatisfy { $0.isOfSamples }
    }

    /// The scopes that have it.
    package var scopes: [ProbeScope] {
        arguments.reduce([.run, .layer, .parameter, .layerPair, .runPair]) { known, argument in
            known.filter(argument.scopes.contains)
        }
    }

    package init(_ function: Function?, _ arguments: [Basic]) {
        (self.function, self.arguments) = (function, arguments)
    }

    package init(_ text: String) throws(UnknownQuantity) {
        let compact = text.utf8.contains(UInt8(ascii: " ")) ? String(text.filter { $0 != " " }) : text
        guard let open = compact.utf8.firstIndex(of: UInt8(ascii: "(")) else {
            guard let basic = Basic(rawValue: compact) else {
                throw UnknownQuantity(
                    sentence: "unknown quantity \(quoted(text))"
                        + Nearest.hint(for: compact, among: Basic.alike(compact).map(\.rawValue)))
            }
            (function, arguments) = (nil, [basic])
            return
        }
        let name = String(compact[..<open])
        guard compact.hasSuffix(")") else { throw UnknownQuantity(sentence: "\(quoted(text)) has no ')' at its end") }
        guard let function = Function(rawValue: name) else {
            throw UnknownQuantity(
                sentence: "unknown function \(quoted(name)) in \(quoted(text))"
                    + Nearest.hint(for: name, among: Function.allCases.map(\.rawValue)))
        }
        let inner = compact[compact.index(after: open)...].dropLast()
        let names = inner.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let forms = function.forms
        guard names.count == forms.count else {
            let noun = forms.count == 1 ? "1 quantity" : "\(forms.count) quantities"
            throw UnknownQuantity(sentence: "\(name) takes \(noun), got \(names.count) in \(quoted(text))")
        }
        var arguments: [Basic] = []
        for (argument, form) in zip(names, forms) {
            guard let basic = Basic(rawValue: argument), basic.form == form else {
                let allowed = Basic.alike(argument).filter { $0.form == form }.map(\.rawValue)
                let what = form == .weight ? "a weight" : "a quantity with a row per sample"
                throw UnknownQuantity(
                    sentence: "\(name) takes \(what), got \(quoted(argument))"
                        + Nearest.hint(for: argument, among: allowed))
            }
            arguments.append(basic)
        }
        (self.function, self.arguments) = (function, arguments)
    }
}

/// A text that is no expression of the catalogue.
package struct UnknownQuantity: Error, Hashable, Sendable {
    package var sentence: String
}
