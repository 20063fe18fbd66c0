import Manifests
import PluginTesting
import Reporting
import Testing

/// Tests/References/intervals.py: SciPy on the same numbers. Relative tolerance 10⁻¹²; of differences of means relative to the means.
@Suite struct IntervalTests {
    private static let reference: JSON = {
        let root = try? Installation.root
        return (try? StrictJSON.read((root ?? "") + "/Tests/References/intervals.json").root) ?? .null
    }()

    private func cases(_ name: String) throws -> [JSON] {
        let cases = try #require(Self.reference[name]?.array)
        try #require(cases.count > 3)
        return cases
    }

    private func isNear(_ value: Double?, _ expected: JSON?, scale: Double = 0) -> Bool {
        guard let value, let expected = expected?.double else { return false }
        return abs(value - expected) <= 1e-12 * max(abs(expected), scale)
    }

    private func numbers(_ json: JSON?) throws -> [Double] {
        let found = json?.array?.compactMap(\.double)
        return try #require(found)
    }

    @Test func quantilesOfStudentsT() throws {
        for item in try cases("quantiles") {
            let row = try numbers(item)
            let t = StudentT.twoSided(coverage: row[1], degrees: row[0])
            #expect(isNear(t, item[2]), "ν = \(row[0]), \(row[1]): \(t ?? .nan) for \(row[2])")
        }
    }

    @Test func tailsOfStudentsT() throws {
        for item in try cases("tails") {
            let row = try numbers(item)
            let p = StudentT.tails(row[0], degrees: row[1])
            #expect(isNear(p, item[2]), "t = \(row[0]), ν = \(row[1]): \(p) for \(row[2])")
            #expect(StudentT.tails(-row[0], degrees: row[1]) == p)
        }
    }

    @Test func meansMediansAndTheirIntervals() throws {
        for item in try cases("samples") {
            let value = Aggregate(try numbers(item["values"]))
            #expect(isNear(value.mean, item["mean"]))
            #expect(isNear(value.halfWidth, item["half_width"]), "\(value.halfWidth ?? 0)")
            #expect(
                isNear(value.median, item["median"]) && isNear(value.min, item["min"])
                    && isNear(value.max, item["max"]))
            // The order of the runs does not matter.
            let turned = Aggregate(try numbers(item["values"]).reversed())
            #expect(isNear(turned.mean, item["mean"]) && isNear(turned.halfWidth, item["half_width"]))
        }
    }

    @Test func pairedDifferences() throws {
        for item in try cases("paired") {
            let differences = try zip(numbers(item["a"]), numbers(item["b"])).map { $1 - $0 }
            let value = try #require(Difference(paired: differences))
            #expect(isNear(value.mean, item["difference"], scale: 1) && isNear(value.halfWidth, item["half_width"]))
            #expect(
                value.degrees == item["degrees"]?.double && isNear(value.p, item["p"])
                    && value.pairs == differences.count)
        }
    }

    @Test func differencesOfUnpairedRuns() throws {
        for item in try cases("welch") {
            let (a, b) = try (numbers(item["a"]), numbers(item["b"]))
            let value = try #require(Difference(a, b))
            #expect(isNear(value.mean, item["difference"], scale: 1) && isNear(value.halfWidth, item["half_width"]))
            #expect(isNear(value.degrees, item["degrees"]) && isNear(value.p, item["p"]) && value.pairs == nil)
            let turned = try #require(Difference(b, a))
            #expect(turned.mean == -value.mean && turned.halfWidth == value.halfWidth && turned.p == value.p)
        }
    }

    @Test func degenerateDifferences() throws {
        #expect(Difference(paired: []) == nil && Difference([1], []) == nil)
        let one = try #require(Difference(paired: [0.5]))
        #expect(one.mean == 0.5 && one.halfWidth == nil && one.p == nil && one.degrees == nil)
        let equal = try #require(Difference(paired: [0.25, 0.25, 0.25]))
        #expect(equal.mean == 0.25 && equal.halfWidth == 0 && equal.p == nil)
        let constant = try #require(Difference([2, 2], [5, 5, 5]))
        #expect(constant.mean == 3 && constant.halfWidth == 0 && constant.p == nil)
        let single = try #require(Difference([1], [2, 4]))
        #expect(single.mean == 2 && single.halfWidth == nil)
    }
}
