extension ReportSections {
    /// Curves drawn; what lies beyond stays in the table.
    private static let curveLimit = 2400

    /// Probes by section: those that record the same outputs of the same layers without bindings (one probe on two
    /// splits) share one.
    var probeGroups: [[String]] {
        var groups: [[String]] = []
        var signatures: [[String]] = []
        for metric in outline.metrics where !groups.contains(where: { $0.contains(metric.probe) }) {
            let own = outline.metrics.filter { $0.probe == metric.probe }
            let signature = own.map { "\($0.name) \($0.variant) \($0.bindings) \($0.layers)" }
            if own.allSatisfy({ $0.bindings == [""] && $0.layers == [""] }),
                let same = signatures.firstIndex(of: signature)
            {
                groups[same].append(metric.probe)
            } else {
                groups.append([metric.probe])
                signatures.append(signature)
            }
        }
        return groups
    }

    var probes: Markup {
        var text: Markup = ""
        var budget = ReportSections.curveLimit
        for (i, group) in probeGroups.enumerated() {
            let metrics = outline.metrics.filter { group.contains($0.probe) }
            text += section("p\(i)", group, metrics, &budget)
        }
        // Probes of arrays alone have no section.
        let placed = Set(probeGroups.flatMap(\.self))
        let rest = drawn.filter { $0.figure.probe.map { !placed.contains($0) } ?? false }
        if !rest.isEmpty { text += "<section><h2>Arrays</h2>\(declared(rest))</section>" }
        let named = Set(results.figures.flatMap { $0.outputs + $0.against })
        let arrays = outline.arrays.filter { !named.contains(results.series[$0].name) }
        if !arrays.isEmpty {
            let count = arrays.count
            text +=
                "<p class=\"note\">\(count) elements of array outputs are not drawn; table.csv has them, and <span class=\"mono\">figures</span> of a study may.</p>"
        }
        return text
    }

    private func section(
        _ id: String, _ probes: [String], _ metrics: [Outline.Metric], _ budget: inout Int
    ) -> Markup {
        let own = declared(drawn.filter { probes.contains($0.figure.probe ?? "") })
        guard metrics.contains(where: figures.hasValue) else {
            return
                "<section id=\"\(id)\"><h2>\(probes.joined(separator: ", "))</h2>\(own)<p class=\"note\">No value in any run.</p></section>"
        }
        let metrics = metrics.filter(figures.hasValue)
        let matrices = metrics.filter(\.isMatrix)
        let plain = metrics.filter { !$0.isMatrix }
        // The first metric that a probe records is its main one; the others follow folded.
        let main = matrices.filter { $0.name == matrices.first?.name }
        let others = matrices.filter { $0.name != matrices.first?.name }
        var text: Markup = "<section id=\"\(id)\"><h2>\(probes.joined(separator: ", "))</h2>\(own)"
        if !plain.isEmpty { text += plainFigure(plain, &budget) }
        for metric in main { text += matrixFigures(metric, &budget) }
        if !others.isEmpty {
            var names: [String] = []
            for metric in others where !names.contains(metric.name) { names.append(metric.name) }
            var folded: Markup = ""
            for metric in others { folded += matrixFigures(metric, &budget) }
            text +=
                "<details><summary>More of \(probes[0]): \(names.joined(separator: ", "))</summary>\(folded)</details>"
        }
        return text + "</section>"
    }

    private func plainFigure(_ metrics: [Outline.Metric], _ budget: inout Int) -> Markup {
        let count = metrics.reduce(0) { $0 + $1.cells.count }
        guard spend(count, &budget) else { return tooMany(count) }
        let hasBaseline = metrics.contains { !$0.baseline.isEmpty }
        return figure(
            "over training", figures.rows(of: metrics), hasBaseline: hasBaseline, note: figures.legend(of: metrics))
    }

    private func matrixFigures(_ metric: Outline.Metric, _ budget: inout Int) -> Markup {
        if metric.isOfPairs { return pairFigures(metric, &budget) }
        let name = ([metric.name] + (metric.variant.isEmpty ? [] : [metric.variant])).joined(separator: " · ")
        let maps: Markup = """
            <figure><figcaption><h3>\(name), last step</h3></figcaption>\(figures.heatMaps(metric))</figure>
            """
        guard spend(metric.cells.count, &budget) else { return maps + tooMany(metric.cells.count) }
        let curves = figure(
            "\(name) over training", figures.matrix(metric), hasBaseline: !metric.baseline.isEmpty,
            note: "All charts share one vertical axis. " + figures.legend(of: [metric]))
        return curves + maps
    }

    /// A matrix of layers for each binding; the curves, which are many, folded.
    private func pairFigures(_ metric: Outline.Metric, _ budget: inout Int) -> Markup {
        var text: Markup = ""
        for binding in metric.bindings {
            let name = [binding, metric.variant, metric.name].filter { !$0.isEmpty }.joined(separator: " · ")
            text += """
                <figure><figcaption><h3>\(name) between layers, last step</h3></figcaption>\(figures.pairMaps(metric, binding))</figure>
                """
        }
        guard spend(metric.cells.count, &budget) else { return text + tooMany(metric.cells.count) }
        let curves = figure(
            "\(metric.name) over training", figures.rows(of: [metric]), hasBaseline: !metric.baseline.isEmpty,
            note: figures.legend(of: [metric]))
        return text + "<details><summary>\(metric.name) of each pair over training</summary>\(curves)</details>"
    }

    private func figure(_ title: String, _ charts: Markup, hasBaseline: Bool, note: String) -> Markup {
        """
        <figure><figcaption><h3>\(title)</h3>\(legend(hasBaseline))</figcaption>\(charts)<p class="note">\(note)</p></figure>
        """
    }

    private func legend(_ hasBaseline: Bool) -> Markup {
        guard results.settings.count > 1 || hasBaseline else { return "" }
        var entries: [Markup] = []
        for (slot, setting) in figures.shown.enumerated() where results.settings.count > 1 {
            entries.append(
                "<label class=\"s\(slot)\" data-slot=\"\(slot)\"><i class=\"line\"></i><span class=\"name\">\(results.label(setting: setting))</span></label>"
            )
        }
        if hasBaseline {
            entries.append("<span class=\"chance soft\"><i class=\"line\"></i>expected by chance</span>")
        }
        return "<div class=\"legend\">\(entries)</div>"
    }

    private func spend(_ count: Int, _ budget: inout Int) -> Bool {
        let curves = count * figures.shown.count
        guard curves <= budget else { return false }
        budget -= curves
        return true
    }

    private func tooMany(_ count: Int) -> Markup {
        "<p class=\"note\">\(count) more charts would make this page too large; table.csv has their last values.</p>"
    }
}
