import Reporting
import Testing

@Suite struct StudentTTests {
    /// SciPy 1.17.1: `scipy.stats.t.ppf(0.975, degrees)` and `ppf(0.995, degrees)`.
    @Test(arguments: [
        (1, 12.706204736174707, 63.65674116287158), (2, 4.302652729749464, 9.92484320091829),
        (3, 3.182446305283711, 5.840909309733354), (4, 2.776445105197793, 4.604094871349993),
        (7, 2.364624251592784, 3.4994832973504924), (10, 2.2281388519862744, 3.16927267261695),
        (29, 2.0452296421327034, 2.756385903670605), (100, 1.983971518523552, 2.6258905214380173),
        (999, 1.9623414611334493, 2.5807596372676365), (12345, 1.9601561676005668, 2.576227623786519),
    ])
    func quantilesAgreeWithSciPy(degrees: Int, t95: Double, t99: Double) throws {
        let at95 = try #require(StudentT.twoSided(coverage: 0.95, degrees: degrees))
        let at99 = try #require(StudentT.twoSided(coverage: 0.99, degrees: degrees))
        #expect(abs(at95 - t95) < 1e-9 * t95)
        #expect(abs(at99 - t99) < 1e-9 * t99)
    }

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
