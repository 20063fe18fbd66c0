import Manifests
import OrderedCollections
import Studies

extension StudyResults {
    /// What is known of a study while it runs: the runs that have begun, with the curves that are followed.
    package init(_ live: LiveStudy) {
        let begun = live.runs.filter { $0.record != nil }
        let records = begun.compactMap(\.record)
        let sweptKeys = live.sweptKeys
        let swept = records.map { record in sweptKeys.map { record.swept[$0]?.plain ?? "" } }
        let planned = (live.study["settings"]?.array ?? []).map { setting in
            sweptKeys.map { setting[$0]?.plain ?? "" }
        }
        // Settings keep their places while runs begin.
        let settings = Self.order(planned.isEmpty ? swept : planned + swept, as: planned)
        let positions = Dictionary(settings.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let series = OrderedSet(live.series.filter { live.followed.contains($0.name) }).union(
            begun.flatMap(\.curves.keys))
        let reasons = OrderedSet([""] + begun.flatMap { $0.curves.values.map(\.reason) })
        let runs = zip(begun, records).enumerated().map { index, item in
            Run(
                record: item.1, setting: positions[swept[index]] ?? 0,
                curves: Curves(item.0.curves, numbers: series, reasons))
        }
        self.init(
            name: live.name, title: live.title, sweptKeys: sweptKeys, settings: settings, series: series.elements,
            reasons: reasons.elements, runs: runs, claims: [])
        for (name, output) in live.study["outputs"]?.object ?? [:] {
            outputs[name] = Output(
                unit: output["unit"]?.string, labels: output["labels"]?.array?.compactMap(\.string) ?? [])
        }
        absent = live.runs.count - begun.count
    }
}

extension Curves {
    fileprivate init(
        _ live: OrderedDictionary<Series, LiveCurve>, numbers: OrderedSet<Series>, _ codes: OrderedSet<String>
    ) {
        var series: [Int32] = []
        var steps: [Int] = []
        var values: [Double] = []
        var reasons: [UInt16] = []
        for (key, curve) in live {
            guard let number = numbers.firstIndex(of: key) else { continue }
            let points = curve.points
            series += Array(repeating: Int32(number), count: points.steps.count)
            steps += points.steps.map(Int.init)
            values += points.values
            // The newest reason stands for the others.
            let code = UInt16(clamping: codes.firstIndex(of: curve.reason) ?? 0)
            reasons += points.values.map { $0.isNaN ? code : 0 }
        }
        self.init(
            series: series, steps: steps, values: values, reasons: reasons, seriesCount: numbers.count)
    }
}
