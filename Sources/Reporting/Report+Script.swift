import Foundation
import LinearAlgebra
import Manifests
import OrderedCollections

/// The script of the page and what it works on.
extension ReportSections {
    /// XML, as which the page can be read too, takes its signs for text.
    static let script = "//<![CDATA[\n\(String(decoding: PackageResources.report_js, as: UTF8.self))//]]>"

    /// Nothing is loaded and no other script runs, whatever a page is made to hold.
    static let policy: Markup = {
        let digest = Data(SHA256.digest(of: Array(script.utf8))).base64EncodedString()
        return """
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            script-src 'sha256-\(Markup(raw: digest))'; base-uri 'none'; form-action 'none'"/>
            """
    }()

    /// Settings, seeds, points, numbers.
    func data(budget: Int) -> Markup {
        let columns = results.sweptKeys.indices
        let labels = results.settings.indices.map { setting in
            results.valueLabels(setting: setting).map { $0.isEmpty ? "–" : $0 }
        }
        let values = columns.map { column in OrderedSet(labels.map { $0[column] }) }
        let settings = labels.map { labels in
            JSON.array(zip(labels, values).map { .int($1.firstIndex(of: $0) ?? 0) })
        }
        var members: OrderedDictionary<String, JSON> = [
            "keys": .array(results.shortKeys.map(JSON.string)),
            "values": .array(values.map { .array($0.map(JSON.string)) }), "settings": .array(settings),
            "shown": .array(figures.shown.map(JSON.int)), "x": Scale.steps(figures.steps).json,
            "zero": .double(Scale.zeroWidth), "band": .string(figures.bandName),
        ]
        members.merge(figures.page.json(figures, drawn, budget: budget)) { $1 }
        // The page draws other settings only where it does not show all.
        if results.settings.count > figures.shown.count, let headline {
            let kept = members["kept"]?.array?.compactMap(\.int) ?? []
            members["numbers"] = .array(
                headline.rows.map { row in
                    .array(
                        kept.map { setting in
                            let (mean, rest) = number(row.cells[setting]?.value, headline.counts[setting])
                            return .string(rest.isEmpty ? mean : "\(mean)\t\(rest)")
                        })
                })
        }
        return Self.embedded(.object(members))
    }

    /// JSON that neither HTML nor XML takes for markup.
    static func embedded(_ json: JSON) -> Markup {
        var text = ""
        let marks: [UInt8: String] = [0x26: "\\u0026", 0x3C: "\\u003c", 0x3E: "\\u003e"]
        let plain = json.text(pretty: false)
        // These only stand in strings, where JSON takes them escaped.
        for part in plain.utf8.split(omittingEmptySubsequences: false, whereSeparator: { marks[$0] != nil }) {
            text += Substring(part)
            if part.endIndex < plain.endIndex { text += marks[plain.utf8[part.endIndex]] ?? "" }
        }
        return Markup(raw: "<script type=\"application/json\" id=\"data\">\(text)</script>")
    }
}

extension Figures {
    /// What the ends of bands are.
    var bandName: String {
        let isOfSeeds = (results.finished.map(\.count).max() ?? 0) > 1
        return !isOfSeeds
            ? "[ ]: 95 % interval over samples"
            : bandsAreIntervals ? "[ ]: 95 % interval of the mean" : "[ ]: least and greatest value"
    }
}
