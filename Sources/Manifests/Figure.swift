/// A picture of what a study measures, as `figures` of a study or of a component declare it (docs/study.md).
package struct Figure: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable { case curves, heat, matrix, scatter, spectrum }

    /// What has colours of its own in a panel; everything else has panels of its own.
    package enum Colour: String, CaseIterable, Sendable { case setting, layer, output }

    package enum Axis: String, CaseIterable, Sendable { case linear, log, symlog }

    /// Least squares through all points of a panel, or through those of each colour.
    package enum Fit: String, CaseIterable, Sendable { case line, lines }

    /// One column of a page, 3.5 inches, or two, 7 inches.
    package enum Width: String, CaseIterable, Sendable { case column, page }

    /// At which of its recorded steps an output is read.
    package enum Moment: Hashable, Sendable { case first, last, step(Int) }

    package var title: String
    package var kind: Kind
    /// `probe.output`, in patterns until the study is planned.
    package var outputs: [String]
    /// Of a scatter: what is drawn to the right, one for each output once the study is planned.
    package var against: [String] = []
    /// Of a heat map: swept keys.
    package var x: String?
    package var y: String?
    /// nil: all.
    package var layers: [String]?
    /// Keys of the configuration and their values; empty: all settings.
    package var settings: [String: String] = [:]
    package var moment = Moment.last
    /// nil: as the values suggest.
    package var axis: Axis?
    package var colour: Colour?
    package var fit: Fit?
    package var width: Width?
    /// The probe whose manifest declares it; nil: the study does.
    package var probe: String?

    /// Reads what follows its schema; nil without exactly one kind.
    package init?(_ json: JSON) {
        let kinds = Kind.allCases.filter { json[$0.rawValue] != nil }
        guard kinds.count == 1 else { return nil }
        kind = kinds[0]
        title = json["title"]?.string ?? ""
        outputs = Self.list(json[kind.rawValue])
        against = Self.list(json["against"])
        (x, y, probe) = (json["x"]?.string, json["y"]?.string, json["probe"]?.string)
        layers = json["layers"]?.array?.compactMap(\.string)
        for (key, value) in json["where"]?.object ?? [:] { settings[key] = value.plain }
        if let step = json["at"]?.int {
            moment = .step(step)
        } else if json["at"]?.string == "first" {
            moment = .first
        }
        axis = json["scale"]?.string.flatMap(Axis.init)
        colour = json["colour"]?.string.flatMap(Colour.init)
        fit = json["fit"]?.string.flatMap(Fit.init)
        width = json["width"]?.string.flatMap(Width.init)
    }

    private static func list(_ json: JSON?) -> [String] {
        json?.string.map { [$0] } ?? json?.array?.compactMap(\.string) ?? []
    }

    /// Keys that say something of a kind, beside its own and `title`.
    package static func keys(of kind: Kind) -> [String] {
        switch kind {
        case .curves: ["layers", "where", "scale", "colour", "width"]
        case .heat: ["x", "y", "layers", "where", "at", "scale", "width"]
        case .matrix: ["layers", "where", "at", "width"]
        case .scatter: ["against", "layers", "where", "at", "scale", "colour", "fit", "width"]
        case .spectrum: ["layers", "where", "scale", "colour", "width"]
        }
    }

    /// The name of its file without the end: `nc-neural-collapse`.
    package var slug: String {
        let words = ((probe.map { $0 + " " } ?? "") + title).lowercased()
            .split { !("a"..."z").contains($0) && !("0"..."9").contains($0) }
        let slug = words.joined(separator: "-")
        return slug.isEmpty ? "figure" : String(slug.prefix(80))
    }
}

/// An output that figures and claims can name.
package struct MeasuredOutput: Hashable, Sendable {
    /// `probe.output` in a study, the output alone in a manifest.
    package var name: String
    package var declaration: OutputDeclaration
    /// It has a value for each layer, parameter or pair of layers.
    package var isOfLayers: Bool

    package init(name: String, declaration: OutputDeclaration, isOfLayers: Bool) {
        (self.name, self.declaration, self.isOfLayers) = (name, declaration, isOfLayers)
    }

    package var isArray: Bool { declaration.shape?.isEmpty == false }
}

/// A name of outputs in which `*` stands for any letters within a word: `crh.*.raw.alpha`.
package struct OutputPattern: Hashable, Sendable {
    package var text: String

    package init(_ text: String) { self.text = text }

    package var isName: Bool { !text.contains("*") }

    /// What the stars stand for in a name; nil if it does not match.
    package func match(_ name: String) -> [String]? {
        let words = text.split(separator: ".", omittingEmptySubsequences: false)
        let others = name.split(separator: ".", omittingEmptySubsequences: false)
        guard words.count == others.count else { return nil }
        var found: [String] = []
        for (word, other) in zip(words, others) {
            guard let stars = Self.match(Array(word), Array(other)) else { return nil }
            found += stars
        }
        return found
    }

    /// The first star takes as little as it can.
    private static func match(_ pattern: [Character], _ word: [Character]) -> [String]? {
        guard let star = pattern.firstIndex(of: "*") else { return pattern == word ? [] : nil }
        guard word.starts(with: pattern[..<star]) else { return nil }
        let rest = Array(pattern[(star + 1)...])
        for end in star...max(star, word.count) where end <= word.count {
            if let others = match(rest, Array(word[end...])) { return [String(word[star..<end])] + others }
        }
        return nil
    }

    /// The name with these words in place of its stars.
    package func filled(with words: [String]) -> String {
        var words = words[...]
        return text.map { $0 == "*" ? words.popFirst() ?? "*" : String($0) }.joined()
    }
}

extension JSON {
    /// A value in one line of plain text: `true`, `0.001`, `128, 128`.
    package var plain: String {
        switch self {
        case .string(let text): text
        case .array(let items): items.map(\.plain).joined(separator: ", ")
        case .object(let members): members.map { "\($0.key): \($0.value.plain)" }.joined(separator: ", ")
        // 0 and 0.0 are one setting.
        case .double(let value) where value == value.rounded() && abs(value) < 1e15: String(Int(value))
        default: text(pretty: false)
        }
    }
}
