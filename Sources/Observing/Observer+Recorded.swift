import Manifests
import Protocols

extension Observer {
    /// Observes arrays in the place of a network.
    /// - Parameter order: of the layers; nil: that of the arrays. Others are left out.
    package convenience init(
        recorded arrays: [RecordedArray], layers order: [String]? = nil,
        definitions: (any QuantityDefinitions)? = nil
    ) throws(ArrayProblem) {
        let layout = try RecordedLayout(arrays, layers: order)
        self.init(RecordedNetwork(layout), layout.tables, definitions)
    }

    /// All layers that arrays are of.
    package var recordedLayers: [String] { (observed as? RecordedNetwork)?.layout.layers ?? layers }

    /// Samples of the split that is not another one.
    package var recordedSamples: Int { tables["train"]?.rows ?? 0 }

    /// Sentences about arrays that a probe asks for and that are not there.
    package func lacking(for scheduled: ScheduledProbe) throws -> [String] {
        let probe = scheduled.probe, subjects = subjects(probe, scheduled.layers)
        guard !subjects.isEmpty else {
            let name = probe.scope == .parameter ? "<parameter>/parameter.value" : "<layer>/layer.input"
            return ["it is per \(probe.scope.words), and there is none: no array has a name such as '\(name)'"]
        }
        var sentences: [String] = []
        for subject in subjects {
            for need in probe.needs + probe.streamed {
                let expression = try QuantityExpression(need.expression), split = expression.split ?? scheduled.split
                for basic in try basics(of: expression).sorted(by: { $0.rawValue < $1.rawValue }) {
                    let own = basic.member?.of ?? basic.ofLayer ?? basic, layer = layerIndex(of: basic, subject)
                    guard !observed.has(own, of: layer, parameter: subject, split: split) else { continue }
                    let names = Self.names(own, layer.map { layers[$0] } ?? subject, split)
                    let sentence = need.optional ? "goes without \(names), which is not there" : "needs \(names)"
                    if !sentences.contains(sentence) { sentences.append(sentence) }
                }
            }
        }
        return sentences
    }

    /// `'fc1/layer.output', or 'fc1/layer.input' and 'fc1/layer.weight'`
    private static func names(_ basic: QuantityExpression.Basic, _ subject: String, _ split: String) -> String {
        func name(_ basic: QuantityExpression.Basic) -> String {
            let isOfWhole = basic.scopes.contains(.run), isOfRows = basic.isOfSamples || basic.form == .jacobian
            return "'" + (isOfWhole ? "" : "\(subject)/") + basic.rawValue
                + (split == "train" || !isOfRows ? "" : "@\(split)") + "'"
        }
        let parts = basic.recordedParts.map { ", or " + $0.map(name).joined(separator: " and ") } ?? ""
        return name(basic) + parts
    }
}
