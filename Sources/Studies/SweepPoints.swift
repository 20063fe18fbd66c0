import Manifests
import OrderedCollections

/// A point of a sweep: the keys that it sets, in the order of the axes.
struct SweepPoint {
    var values: OrderedDictionary<DottedKey, SweepAxis.Value>
    /// Further points of the study have their place.
    var place: String?
}

extension StudySweep {
    /// How many combinations are looked at, most of which would have to be excluded.
    private static let mostCombinations = 1_000_000

    /// The points of the product that are not excluded, then those that are included; `settings` times `seeds` runs may be planned.
    func points(seeds: Int) throws(StudyError) -> [SweepPoint] {
        var product = Product(self, most: SweepNumbers.most / max(1, seeds))
        // A study that lists its points has no others.
        if included.isEmpty || !axes.isEmpty || !written.isEmpty { product.expand(0, [:]) }
        let place = axes.first?.place ?? ""
        guard product.visited <= Self.mostCombinations else {
            throw StudyError("\(place): the axes have more than \(Self.mostCombinations) combinations")
        }
        if product.count == 0, !excluded.isEmpty, included.isEmpty {
            throw StudyError(
                "\(excluded.first?.first?.keyPlace ?? place): all \(product.visited) points of the sweep are excluded"
            )
        }
        let points = product.points + included.map(point)
        let count = product.count + included.count
        guard count * seeds <= SweepNumbers.most else {
            throw StudyError(
                "\(place): \(count) settings and \(seeds) seeds make \(count * seeds) runs; at most \(SweepNumbers.most) are planned at once"
            )
        }
        return points
    }

    /// A further point; keys with one value on the command line keep that.
    private func point(_ conditions: [SweepCondition]) -> SweepPoint {
        var values: OrderedDictionary<DottedKey, SweepAxis.Value> = [:]
        // In the order of the axes, then of the point.
        let order = axes.map(\.key)
        let sorted = conditions.enumerated().sorted {
            (order.firstIndex(of: $0.element.key) ?? .max, $0.offset)
                < (order.firstIndex(of: $1.element.key) ?? .max, $1.offset)
        }
        for (_, condition) in sorted where fixed[condition.key] == nil {
            values[condition.key] =
                written[condition.key]?.first { $0.name != nil && $0.shown.isEqual(to: condition.json) }
                ?? .init(json: condition.json, place: condition.place)
        }
        return SweepPoint(values: values, place: conditions.first?.keyPlace)
    }

    /// Expands the product depth first: a key that is not swept where its condition does not hold makes no further points.
    private struct Product {
        let sweep: StudySweep
        let most: Int
        var points: [SweepPoint] = []
        /// Points, also those beyond what may be planned, which are not kept.
        var count = 0
        var visited = 0

        init(_ sweep: StudySweep, most: Int) { (self.sweep, self.most) = (sweep, most) }

        mutating func expand(_ depth: Int, _ values: OrderedDictionary<DottedKey, SweepAxis.Value>) {
            guard visited <= StudySweep.mostCombinations else { return }
            guard depth < sweep.dimensions.count else {
                visited += 1
                guard !sweep.excluded.contains(where: { holds($0, values) }) else { return }
                count += 1
                if count <= most { points.append(SweepPoint(values: values)) }
                return
            }
            let axes = sweep.dimensions[depth].filter { holds($0.conditions, values) }
            guard let length = axes.map(\.values.count).min() else { return expand(depth + 1, values) }
            for index in 0..<length {
                var next = values
                for axis in axes { next[axis.key] = axis.values[index] }
                expand(depth + 1, next)
            }
        }

        private func holds(
            _ conditions: [SweepCondition], _ values: OrderedDictionary<DottedKey, SweepAxis.Value>
        ) -> Bool { sweep.holds(conditions) { values[$0]?.shown ?? sweep.fixed[$0] } }
    }

    /// Whether a point has all these values; without conditions every point.
    func holds(_ conditions: [SweepCondition], _ value: (DottedKey) -> JSON?) -> Bool {
        conditions.allSatisfy { condition in
            value(condition.key).map { condition.allowed.contains($0.meaning) } ?? false
        }
    }
}
