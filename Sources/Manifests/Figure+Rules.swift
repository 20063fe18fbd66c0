extension Figure {
    /// What is wrong with a figure, and where in it.
    package struct Mistake: Hashable, Sendable {
        /// `["scatter", "1"]`.
        package var path: [String]
        /// It is about the key, not the value.
        package var isOfKey = false
        package var sentence: String
    }

    /// What its schema cannot say: one kind with the keys that belong to it, about outputs that there are.
    /// - Parameter unknown: the sentence about a pattern that none of the outputs matches.
    package static func mistakes(
        in json: JSON, outputs: [MeasuredOutput], unknown: (OutputPattern) -> String
    ) -> [Mistake] {
        guard let figure = Figure(json) else {
            let found = Kind.allCases.map(\.rawValue).filter { json[$0] != nil }
            let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            let list = found.isEmpty ? "none" : found.joined(separator: ", ")
            return [Mistake(path: [], sentence: "a figure has exactly one of \(kinds); found \(list)")]
        }
        let kind = figure.kind.rawValue
        let allowed = keys(of: figure.kind)
        var mistakes = (json.object ?? [:]).keys.filter { key in
            key != "title" && key != kind && !key.hasPrefix("x-") && !allowed.contains(key)
        }.map {
            Mistake(
                path: [$0], isOfKey: true,
                sentence: "'\($0)' has no meaning for \(kind) (it takes: \(allowed.joined(separator: ", ")))")
        }
        if figure.axis == .symlog, figure.kind != .curves {
            mistakes.append(Mistake(path: ["scale"], sentence: "symlog is for curves; \(kind) are linear or log"))
        }
        if figure.kind == .scatter, figure.against.isEmpty {
            mistakes.append(
                Mistake(path: [], sentence: "a scatter needs 'against', the output that is drawn to the right"))
        }
        for (index, text) in figure.outputs.enumerated() {
            let path = json[kind]?.array == nil ? [kind] : [kind, "\(index)"]
            let pattern = OutputPattern(text)
            let found = outputs.filter { pattern.match($0.name) != nil }
            if found.isEmpty { mistakes.append(Mistake(path: path, sentence: unknown(pattern))) }
            // One sentence for a pattern, about the first output that does not fit.
            for output in found {
                guard let wrong = figure.mistake(of: output, pattern, outputs, path, unknown) else { continue }
                mistakes.append(wrong)
                break
            }
        }
        return mistakes
    }

    private func mistake(
        of output: MeasuredOutput, _ pattern: OutputPattern, _ outputs: [MeasuredOutput], _ path: [String],
        _ unknown: (OutputPattern) -> String
    ) -> Mistake? {
        switch kind {
        case .curves, .heat, .matrix:
            guard output.isArray else { return nil }
            return Mistake(
                path: path, sentence: "'\(output.name)' is an array; spectrum and scatter draw those")
        case .spectrum:
            guard !output.isArray else { return nil }
            return Mistake(path: path, sentence: "'\(output.name)' is a single number; a spectrum draws arrays")
        case .scatter:
            guard let text = against.first else { return nil }
            let name = OutputPattern(OutputPattern(text).filled(with: pattern.match(output.name) ?? []))
            guard let other = outputs.first(where: { $0.name == name.text }) else {
                return Mistake(path: ["against"], sentence: unknown(name))
            }
            guard output.isArray == other.isArray else {
                let (array, number) = output.isArray ? (output, other) : (other, output)
                return Mistake(
                    path: ["against"],
                    sentence:
                        "'\(array.name)' is an array and '\(number.name)' a single number; a scatter needs two alike")
            }
            let isOfOne =
                output.name.prefix { $0 != "." } == other.name.prefix { $0 != "." } || !other.name.contains(".")
            guard output.isArray, output.declaration.shape != other.declaration.shape || !isOfOne else { return nil }
            return Mistake(
                path: ["against"],
                sentence:
                    "'\(output.name)' and '\(other.name)' are arrays of different probes or sizes; their elements do not pair"
            )
        }
    }

    /// With the names of all outputs that its patterns match, each once, in the order of the patterns.
    package func expanded(among outputs: [MeasuredOutput]) -> Figure {
        var result = self
        (result.outputs, result.against) = ([], [])
        for pattern in self.outputs.map(OutputPattern.init) {
            for output in outputs {
                guard let words = pattern.match(output.name), !result.outputs.contains(output.name) else { continue }
                result.outputs.append(output.name)
                if let other = against.first { result.against.append(OutputPattern(other).filled(with: words)) }
            }
        }
        return result
    }

    /// In the form that `init` reads.
    package var json: JSON {
        func texts(_ items: [String]) -> JSON { .array(items.map(JSON.string)) }
        var members: [(String, JSON?)] = [("title", .string(title)), (kind.rawValue, texts(outputs))]
        members += [
            ("against", against.isEmpty ? nil : texts(against)), ("x", x.map(JSON.string)), ("y", y.map(JSON.string)),
            ("layers", layers.map(texts)),
        ]
        if !settings.isEmpty {
            let pairs = settings.sorted { $0.key < $1.key }.map { ($0.key, JSON.string($0.value)) }
            members.append(("where", .object(.init(uniqueKeysWithValues: pairs))))
        }
        switch moment {
        case .last: break
        case .first: members.append(("at", .string("first")))
        case .step(let step): members.append(("at", .int(step)))
        }
        members += [
            ("scale", (axis?.rawValue).map(JSON.string)), ("colour", (colour?.rawValue).map(JSON.string)),
            ("fit", (fit?.rawValue).map(JSON.string)), ("width", (width?.rawValue).map(JSON.string)),
            ("probe", probe.map(JSON.string)),
        ]
        return .object(.init(uniqueKeysWithValues: members.compactMap { key, value in value.map { (key, $0) } }))
    }
}
