import Studies

/// `table.csv`: every last value of a study, averaged over seeds.
package enum TableWriter {
    /// One row per setting, probe, output, layer and index. Columns: the swept keys, then
    /// `probe,output,layer,index,step,mean,half_width,median,min,max,n,missing,reasons`; numbers have 17 significant
    /// digits and are empty where there is none (`half_width` below two values). Quoting as RFC 4180, lines end with
    /// a single line feed.
    package static func csv(_ results: StudyResults) -> String {
        var text = ""
        line(
            results.sweptKeys + [
                "probe", "output", "layer", "index", "step", "mean", "half_width", "median", "min", "max", "n",
                "missing", "reasons",
            ], into: &text)
        for setting in results.settings.indices {
            for (s, series) in results.series.enumerated() {
                guard let last = results.last(s, setting: setting) else { continue }
                let value = last.value
                let numbers = [value.mean, value.halfWidth, value.median, value.min, value.max]
                    .map { $0.map(CSV.number) ?? "" }
                let key = [
                    series.probe, series.output, series.layer, series.index.map(String.init) ?? "", "\(last.step)",
                ]
                let counts = ["\(value.n)", "\(value.missingCount)", value.reasons]
                line(results.settings[setting] + key + numbers + counts, into: &text)
            }
        }
        return text
    }

    private static func line(_ fields: [String], into text: inout String) {
        text += fields.map(CSV.field).joined(separator: ",") + "\n"
    }
}
