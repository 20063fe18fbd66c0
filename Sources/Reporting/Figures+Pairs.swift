extension Figures {
    /// One heat map of layers by layers for each setting, with one colour scale. A pair that was measured in one order only fills
    /// both cells.
    func pairMaps(_ metric: Outline.Metric, _ binding: String) -> Markup {
        let names = metric.layers.map { $0.split(separator: ":").map(String.init) }
        var firsts: [String] = [], seconds: [String] = []
        for pair in names {
            if !firsts.contains(pair[0]) { firsts.append(pair[0]) }
            if !seconds.contains(pair[1]) { seconds.append(pair[1]) }
        }
        func series(_ first: String, _ second: String) -> Int? {
            metric[binding, "\(first):\(second)"] ?? metric[binding, "\(second):\(first)"]
        }
        let cells = shown.map { setting in
            firsts.map { first in
                seconds.map { second in series(first, second).flatMap { results.last($0, setting: setting)?.value } }
            }
        }
        guard let ramp = ramp(firsts.flatMap { first in seconds.compactMap { series(first, $0) } }) else {
            return "<p class=\"note\">No value in any run.</p>"
        }
        let key = page.addMap(ramp, firsts.map { first in seconds.map { series(first, $0) } })
        return maps(cells, key: key, rows: firsts, columns: seconds, ramp, metric.name) {
            "\(firsts[$0]), \(seconds[$1])"
        }
    }
}
