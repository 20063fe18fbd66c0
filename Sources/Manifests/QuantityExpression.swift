import Protocols

/// A quantity of the catalogue (`docs/quantities.md`): `layer.input`, `moment.raw(layer.input)`,
/// `cross.raw(layer.output, layer.output_grad)`; or one that a plugin defines, of other quantities and with options:
/// `syzygy.spectrum/eigenvalues(moment.centred(layer.output))`. Functions of the catalogue take no others.
package struct QuantityExpression: Hashable, Sendable, CustomStringConvertible {
    /// What a quantity looks like.
    package enum Form: String, CaseIterable, Sendable {
        /// n × d, a row per sample.
        case samples
        /// d_out × d_in
        case weight
        /// One axis.
        case vector
        /// d × d, symmetric.
        case symmetric
        /// Any two axes.
        case matrix
        /// n × C × d, derivatives of the outputs for each sample.
        case jacobian

        package var rank: Int { self == .vector ? 1 : self == .jacobian ? 3 : 2 }

        /// Whether one that looks like `other` is one like this.
        package func includes(_ other: Form) -> Bool { self == other || self == .matrix && other.rank == 2 }

        package var words: String {
            switch self {
            case .samples: "rows of samples"
            case .weight: "a weight"
            case .vector: "a vector"
            case .symmetric: "a symmetric matrix"
            case .matrix: "a matrix"
            case .jacobian: "a Jacobian"
            }
        }
    }

    /// Quantities that are not formed from others. The raw value is the name.
    package enum Basic: String, CaseIterable, Sendable {
        case layerInput = "layer.input"
        case layerOutput = "layer.output"
        case layerOutputGrad = "layer.output_grad"
        case layerInputGrad = "layer.input_grad"
        case layerOutputJacobian = "layer.output_jacobian"
        case layerInputJacobian = "layer.input_jacobian"
        case layerWeight = "layer.weight"
        case layerWeightInitial = "layer.weight_initial"
        case layerWeightChange = "layer.weight_change"
        case layerBias = "layer.bias"
        case layerWeightPlace = "layer.weight_place"
        case layerBiasPlace = "layer.bias_place"
        case headInput = "head.input"
        case headOutput = "head.output"
        case headOutputGrad = "head.output_grad"
        case headInputGrad = "head.input_grad"
        case headOutputJacobian = "head.output_jacobian"
        case headInputJacobian = "head.input_jacobian"
        case headWeight = "head.weight"
        case headWeightInitial = "head.weight_initial"
        case headWeightChange = "head.weight_change"
        case headBias = "head.bias"
        case headWeightPlace = "head.weight_place"
        case headBiasPlace = "head.bias_place"
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
        case firstOutputJacobian = "first.output_jacobian"
        case firstInputJacobian = "first.input_jacobian"
        case firstWeight = "first.weight"
        case firstWeightInitial = "first.weight_initial"
        case firstWeightChange = "first.weight_change"
        case firstBias = "first.bias"
        case firstWeightPlace = "first.weight_place"
        case firstBiasPlace = "first.bias_place"
        case firstModelOutput = "first.model.output"
        case firstSampleLoss = "first.sample.loss"
        case firstParameters = "first.parameters"
        case secondInput = "second.input"
        case secondOutput = "second.output"
        case secondOutputGrad = "second.output_grad"
        case secondInputGrad = "second.input_grad"
        case secondOutputJacobian = "second.output_jacobian"
        case secondInputJacobian = "second.input_jacobian"
        case secondWeight = "second.weight"
        case secondWeightInitial = "second.weight_initial"
        case secondWeightChange = "second.weight_change"
        case secondBias = "second.bias"
        case secondWeightPlace = "second.weight_place"
        case secondBiasPlace = "second.bias_place"
        case secondModelOutput = "second.model.output"
        case secondSampleLoss = "second.sample.loss"
        case secondParameters = "second.parameters"

        package var form: Form {
            switch member?.of ?? ofLayer ?? self {
            case .layerInput, .layerOutput, .layerOutputGrad, .layerInputGrad, .modelOutput, .targets: .samples
            case .layerWeight, .layerWeightInitial, .layerWeightChange: .weight
            case .layerOutputJacobian, .layerInputJacobian: .jacobian
            case .layerWeightPlace: .matrix
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
        case rawAGOP = "agop.raw"
        case centredAGOP = "agop.centred"
        case wtw
        case wwt

        /// The forms of the arguments.
        package var forms: [Form] {
            switch self {
            case .rawCross, .centredCross: [.samples, .samples]
            case .wtw, .wwt: [.weight]
            case .rawAGOP, .centredAGOP: [.jacobian]
            default: [.samples]
            }
        }
    }

    /// A quantity that a component defines.
    package struct Definition: Hashable, Sendable {
        /// The full id of the component.
        package var component: String
        /// What stands in parentheses, in the order of the component's open arguments.
        package var arguments: [QuantityExpression]
        /// `name=value`, in the order written.
        package var options: [Option]

        package struct Option: Hashable, Sendable {
            package var name: String
            /// A number in one form: `1`, not `1.0`.
            package var value: String

            fileprivate init(_ name: String, _ text: String) {
                (self.name, value) = (name, text)
                guard let number = Double(text), number.isFinite else { return }
                value = Int(exactly: number).map(String.init) ?? "\(number)"
            }

            /// A number, `true`, `false`, or a text.
            package var json: JSON {
                switch value {
                case "true": .bool(true)
                case "false": .bool(false)
                default: Int(value).map { .int($0) } ?? Double(value).map { .double($0) } ?? .string(value)
                }
            }
        }
    }

    package var function: Function?
    /// The quantities that are not formed from others; of a definition those of its arguments.
    package var arguments: [Basic]
    /// Of a quantity that a plugin defines.
    package var definition: Definition?
    /// Of another split than the one that is observed: `mean(head.input)@test`.
    package var split: String?

    package var description: String { split.map { "\(unsplit)@\($0)" } ?? unsplit }

    /// The quantity without its split.
    package var ofOwnSplit: QuantityExpression {
        var own = self
        own.split = nil
        return own
    }

    private var unsplit: String {
        if let definition {
            let list =
                definition.arguments.map(\.description) + definition.options.map { "\($0.name)=\($0.value)" }
            return definition.component + (list.isEmpty ? "" : "(\(list.joined(separator: ", ")))")
        }
        let list = arguments.map(\.rawValue).joined(separator: ", ")
        return function.map { "\($0.rawValue)(\(list))" } ?? list
    }

    /// nil if a plugin says it.
    package var form: Form? {
        guard definition == nil else { return nil }
        return switch function {
        case .rawMoment, .centredMoment, .normalizedMoment, .rawAGOP, .centredAGOP, .wtw, .wwt: .symmetric
        case .rawCross, .centredCross: .matrix
        case .mean: .vector
        case nil: arguments.first?.form
        }
    }

    package var rank: Int? { form?.rank }

    /// Class indices, the only quantity that is not f64.
    package var isInteger: Bool { function == nil && definition == nil && arguments == [.labels] }

    /// A row for each sample, or for each position of each sample.
    package var isOfSamples: Bool {
        function == nil && definition == nil && arguments.allSatisfy { $0.isOfSamples }
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

    package init(_ definition: Definition) {
        (self.definition, arguments) = (definition, definition.arguments.flatMap(\.arguments))
    }

    package init(_ text: String) throws(UnknownQuantity) {
        if let at = text.utf8.lastIndex(of: UInt8(ascii: "@")) {
            let split = text[text.index(after: at)...].filter { $0 != " " }
            guard !split.isEmpty, split.isIdentifier else {
                throw UnknownQuantity(sentence: "\(quoted(text)): behind '@' stands a split, such as test")
            }
            try self.init(String(text[..<at]))
            guard self.split == nil else {
                throw UnknownQuantity(sentence: "\(quoted(text)) names two splits")
            }
            self.split = split
            return
        }
        let compact = text.utf8.contains(UInt8(ascii: " ")) ? String(text.filter { $0 != " " }) : text
        let open = compact.utf8.firstIndex(of: UInt8(ascii: "("))
        if compact[..<(open ?? compact.endIndex)].utf8.contains(UInt8(ascii: "/")) {
            self.init(try Definition(compact, open: open))
            return
        }
        guard let open else {
            guard let basic = Basic(rawValue: compact) else {
                throw UnknownQuantity(
                    sentence: "unknown quantity \(quoted(text))"
                        + Nearest.hint(for: compact, among: Basic.alike(compact).map(\.rawValue)))
            }
            self.init(nil, [basic])
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
                let what = form == .samples ? "a quantity with a row per sample" : form.words
                throw UnknownQuantity(
                    sentence: "\(name) takes \(what), got \(quoted(argument))"
                        + Nearest.hint(for: argument, among: allowed))
            }
            arguments.append(basic)
        }
        self.init(function, arguments)
    }
}

extension QuantityExpression.Definition {
    /// - Parameter compact: without spaces.
    fileprivate init(_ compact: String, open: String.Index?) throws(UnknownQuantity) {
        component = String(compact[..<(open ?? compact.endIndex)])
        (arguments, options) = ([], [])
        let parts = component.split(separator: "/", omittingEmptySubsequences: false)
        let known = Set("abcdefghijklmnopqrstuvwxyz0123456789._-")
        guard parts.count == 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(known.contains) }) else {
            throw UnknownQuantity(
                sentence: "\(quoted(component)) is no name of a component, such as syzygy.spectrum/eigenvalues")
        }
        guard let open else { return }
        guard compact.hasSuffix(")") else {
            throw UnknownQuantity(sentence: "\(quoted(compact)) has no ')' at its end")
        }
        for item in try Self.items(compact[compact.index(after: open)...].dropLast(), of: compact) {
            let name = item.prefix { $0 != "=" && $0 != "(" }
            if item.dropFirst(name.count).first == "=" {
                let option = Option(String(name), String(item.dropFirst(name.count + 1)))
                if options.contains(where: { $0.name == option.name }) {
                    throw UnknownQuantity(sentence: "option '\(option.name)' stands twice in \(quoted(compact))")
                }
                options.append(option)
            } else if options.isEmpty {
                arguments.append(try QuantityExpression(item))
            } else {
                throw UnknownQuantity(
                    sentence: "\(quoted(item)) stands behind an option in \(quoted(compact)); quantities come first")
            }
        }
    }

    /// What commas part, but for those in parentheses.
    private static func items(_ inner: Substring, of whole: String) throws(UnknownQuantity) -> [String] {
        var items: [String] = [""], depth = 0
        for letter in inner {
            if letter == "(" { depth += 1 }
            if letter == ")" { depth -= 1 }
            guard (0...8).contains(depth) else {
                throw UnknownQuantity(sentence: "the parentheses of \(quoted(whole)) do not match, or nest too deep")
            }
            if letter == ",", depth == 0 { items.append("") } else { items[items.count - 1].append(letter) }
        }
        guard depth == 0 else {
            throw UnknownQuantity(sentence: "the parentheses of \(quoted(whole)) do not match, or nest too deep")
        }
        return items
    }
}

extension String {
    fileprivate var isIdentifier: Bool {
        utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "_") }
    }
}

/// A text that is no expression of the catalogue.
package struct UnknownQuantity: Error, Hashable, Sendable {
    package var sentence: String

    package init(sentence: String) { self.sentence = sentence }
}
