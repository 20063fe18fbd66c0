import Reporting
import Testing

@Suite struct NumberTextTests {
    @Test(arguments: [
        ("0", "0"), ("0.0001", "1e-4"), ("1e-05", "1e-5"), ("0.001", "1e-3"), ("0.01", "0.01"), ("0.025", "0.025"),
        ("0.00025", "2.5e-4"), ("128", "128"), ("1e3", "1000"), ("2500000", "2.5e6"), ("-0.0003", "-3e-4"),
        ("tanh", "tanh"),
        ("0.1", "0.1"), ("1.5", "1.5"), ("12.75", "12.75"), ("nan", "nan"),
    ])
    func sweptValuesAreShort(text: String, label: String) {
        #expect(NumberText.label(text) == label)
    }

    @Test(arguments: [
        (1.0, "1"), (100, "100"), (1000, "1k"), (2500, "2.5k"), (40_000, "40k"), (3e6, "3M"), (0.5, "0.5"),
        (0.30000000000000004, "0.3"), (1e-5, "1e-5"), (0, "0"), (-0.2, "-0.2"), (-4000, "-4k"),
    ])
    func ticksAreShort(value: Double, label: String) {
        #expect(NumberText.tick(value) == label)
    }

    @Test(arguments: [(0.44, "0.4 s"), (12.3, "12 s"), (192, "3 min 12 s"), (7500, "2 h 5 min")])
    func durationsReadAsSpoken(seconds: Double, text: String) {
        #expect(NumberText.duration(seconds) == text)
    }

    /// Values of mean m and half-width h: m ± d with d = h √2/12.706… for two values.
    @Test(arguments: [
        (0.8312, 0.0312, "0.83 ± 0.03"), (0.8312, 0.0123, "0.831 ± 0.012"), (41.27, 3.4, "41 ± 3"),
        (0.53, 0.84, "0.53 ± 0.84"), (1.2, 3.1, "1.2 ± 3.1"), (0.001, 0.05, "0.001 ± 0.050"),
        (1234.6, 40, "1235 ± 40"), (1.2345e-5, 3.2e-7, "(1.23 ± 0.03)e-5"), (0.0, 0.02, "0.00 ± 0.02"),
        (0.5, 1e-9, "0.50000 ± <0.00001"),
    ])
    func meansShowTheDigitsOfTheirInterval(mean: Double, half: Double, text: String) throws {
        let d = half / 12.706204736174707
        let measured = try #require(MeasuredText(Aggregate([mean - d, mean + d])))
        #expect(measured.plain == text)
    }

    @Test func oneValueStandsAlone() throws {
        #expect(try #require(MeasuredText(Aggregate([0.83123]))).plain == "0.831")
        #expect(try #require(MeasuredText(Aggregate([0.25, 0.25]))).plain == "0.25 ± 0")
        #expect(try #require(MeasuredText(Aggregate([10, 10]))).plain == "10 ± 0")
        #expect(MeasuredText(Aggregate([])) == nil)
    }

    /// At the ends of the range of numbers, where a power of ten vanishes and a square overflows.
    @Test func extremes() throws {
        func text(_ values: [Double]) throws -> String { try #require(MeasuredText(Aggregate(values))).plain }
        #expect(try text([4e-310]) == "4.00e-310")
        #expect(try text([5e-324]) == "4.94e-324")
        #expect(try text([4e-310, 4e-310]) == "(4.000 ± 0)e-310")
        #expect(try text([1e300, -1e300]).contains("inf"))
        #expect(try text([1.7e308, 1.7e308]).hasPrefix("(1.7"))
    }
}
