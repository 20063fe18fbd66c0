import Reporting
import Testing

@Suite struct StudentTTests {
    @Test func smallCasesHaveClosedForms() throws {
        // ν = 1 is Cauchy: tan(π p/2). ν = 2: p √(2/(1 − p²)).
        let cauchy = try #require(StudentT.twoSided(coverage: 0.5, degrees: 1))
        #expect(abs(cauchy - 1) < 1e-12)
        let two = try #require(StudentT.twoSided(coverage: 0.6, degrees: 2))
        #expect(abs(two - 0.6 * (2 / (1 - 0.36)).squareRoot()) < 1e-12)
    }

    @Test func thereIsNoQuantileOutsideTheDomain() {
        #expect(StudentT.twoSided(coverage: 0.95, degrees: 0) == nil)
        #expect(StudentT.twoSided(coverage: 1, degrees: 3) == nil)
        #expect(StudentT.twoSided(coverage: 0, degrees: 3) == nil)
    }
}

@Suite struct AggregateTests {
    @Test func threeValuesByHand() throws {
        // Mean 2, s = √((1 + 0 + 1)/2) = 1, half-width 4.302652729749464/√3.
        let value = Aggregate([3, 1, 2])
        #expect(value.mean == 2 && value.median == 2 && value.min == 1 && value.max == 3 && value.n == 3)
        let half = try #require(value.halfWidth)
        #expect(abs(half - 2.4841377117503303) < 1e-12)
    }

    @Test func evenCountsHaveTheMeanOfTheMiddleTwoAsMedian() {
        #expect(Aggregate([4, 1, 10, 2]).median == 3)
    }

    @Test func oneValueHasNoInterval() {
        let value = Aggregate([0.25])
        #expect(value.n == 1 && value.mean == 0.25 && value.halfWidth == nil)
    }

    @Test func noValueIsNotZero() {
        let value = Aggregate([], missing: ["constant_matrix", "run_diverged", "constant_matrix"])
        #expect(
            value.n == 0 && value.mean == nil && value.halfWidth == nil && value.median == nil && value.max == nil)
        #expect(value.missingCount == 3)
        #expect(value.reasons == "constant_matrix ×2; run_diverged")
    }

    @Test func valuesThatAreNotFiniteAreCountedAndNotAveraged() {
        let value = Aggregate([1, .nan, 3, .infinity], missing: ["run_failed"])
        #expect(value.mean == 2 && value.n == 2)
        #expect(value.missing.map(\.count) == [2, 1] && value.reasons == "not_finite ×2; run_failed")
    }

    @Test(arguments: [0.1, 1e300, -3e-17]) func equalValuesHaveThatMeanAndNoWidth(number: Double) {
        let value = Aggregate(Array(repeating: number, count: 7))
        #expect(value.mean == number && value.halfWidth == 0)
    }

    @Test func theIntervalFollowsShiftAndScale() throws {
        let base = Aggregate([0.1, 0.4, 0.2, 0.9, 0.3])
        let moved = Aggregate([0.1, 0.4, 0.2, 0.9, 0.3].map { 8 * $0 - 5 })
        #expect(abs(try #require(moved.mean) - (8 * (try #require(base.mean)) - 5)) < 1e-14)
        #expect(abs(try #require(moved.halfWidth) - 8 * (try #require(base.halfWidth))) < 1e-13)
    }

    @Test func manySeedsUseTheirOwnQuantile() throws {
        // 0 and 1 in turn, n = 100: s² = 25/99, t with 99 degrees 1.9842169515864174 (SciPy).
        let half = try #require(Aggregate((0..<100).map { Double($0 % 2) }).halfWidth)
        #expect(abs(half - 1.9842169515864174 * (25.0 / 99 / 100).squareRoot()) < 1e-12)
    }
}
