import Foundation
import Manifests

/// The values of `range`, `linear` and `log`.
struct SweepNumbers {
    static let most = 100_000

    /// What is wrong with the three numbers.
    struct Mistake: Error { var sentence: String }

    private let numbers: [Double]

    /// `form` is the word of the study, for sentences.
    init(_ form: String, _ json: JSON) throws(Mistake) {
        numbers = (json.array ?? []).compactMap(\.double)
        guard numbers.count == 3, json.array?.count == 3 else {
            let (last, example) =
                form == "range"
                ? ("a step", "[100, 500, 100]")
                : ("how many", form == "log" ? "[1e-4, 1e-1, 7]" : "[0, 0.9, 4]")
            throw Mistake(
                sentence:
                    "\(form) takes three numbers, from, to and \(last), such as \(example); got \(json.text(pretty: false))"
            )
        }
    }

    static func values(_ form: String, _ json: JSON, isInteger: Bool) throws(Mistake) -> [JSON] {
        let numbers = try SweepNumbers(form, json)
        let values = form == "range" ? try numbers.range() : try numbers.grid(isLogarithmic: form == "log")
        guard isInteger else { return values.map(Self.json) }
        var whole: [JSON] = []
        for value in values {
            let next = Self.json(value.rounded())
            if whole.last != next { whole.append(next) }
        }
        return whole
    }

    /// Whole numbers are integers, which options of both types take.
    private static func json(_ value: Double) -> JSON { Int(exactly: value).map(JSON.int) ?? .double(value) }

    // MARK: - Forms

    /// From, to (if it is hit) and step. Sums of decimals are exact: 0.3, not 0.1 + 0.1 + 0.1.
    private func range() throws(Mistake) -> [Double] {
        let (from, to, step) = (numbers[0], numbers[1], numbers[2])
        guard from == to || (to - from) * step > 0 else {
            let why = step == 0 ? "its step is 0" : "a step of \(Self.text(step)) leads away from \(Self.text(to))"
            throw Mistake(sentence: "the range never ends: \(why)")
        }
        let decimals = numbers.map(Decimal.init)
        let exponent = decimals.map(\.exponent).min() ?? 0
        let whole = decimals.compactMap { $0.scaled(to: exponent) }
        guard whole.count == 3 else {
            throw Mistake(sentence: "the range has numbers of too different sizes to be added exactly; write a list")
        }
        let (last, overflow) = whole[1].subtractingReportingOverflow(whole[0])
        let count = overflow || whole[2] == 0 ? 0 : last / whole[2]
        guard !overflow, count < Self.most else { throw Self.tooMany("the range has") }
        return (0...count).map { Decimal(digits: whole[0] + $0 * whole[2], exponent: exponent).value }
    }

    /// From, to and how many; six significant digits are enough to tell values apart and short enough to be read, and they make
    /// powers of ten exact. The ends are as written.
    private func grid(isLogarithmic: Bool) throws(Mistake) -> [Double] {
        let (from, to) = (numbers[0], numbers[1])
        guard let count = Int(exactly: numbers[2]), count >= 2 else {
            throw Mistake(sentence: "how many values must be an integer of at least 2, got \(Self.text(numbers[2]))")
        }
        guard count <= Self.most else { throw Self.tooMany("these are") }
        guard from != to else { throw Mistake(sentence: "both ends are \(Self.text(from)); expected two numbers") }
        guard !isLogarithmic || from > 0 && to > 0 else {
            let end = Self.text(from > 0 ? to : from)
            throw Mistake(sentence: "log goes from and to numbers above 0, got \(end); linear takes any")
        }
        return (0..<count).map { i in
            if i == 0 { return from }
            if i == count - 1 { return to }
            let t = Double(i) / Double(count - 1)
            let value =
                isLogarithmic ? exp(log(from) * (1 - t) + log(to) * t) : from * (1 - t) + to * t
            return Double(String(format: "%.6g", value)) ?? value
        }
    }

    private static func tooMany(_ what: String) -> Mistake {
        Mistake(sentence: "\(what) more than the \(most) runs that are planned at once")
    }

    private static func text(_ value: Double) -> String { json(value).text(pretty: false) }
}

/// A number as people write it: digits times a power of ten.
private struct Decimal {
    var digits: Int
    var exponent: Int

    init(digits: Int, exponent: Int) { (self.digits, self.exponent) = (digits, exponent) }

    /// The shortest decimal that reads back as `value`.
    init(_ value: Double) {
        let parts = value.description.lowercased().split(separator: "e")
        let mantissa = parts[0].split(separator: ".")
        let fraction = mantissa.count == 2 && mantissa[1] != "0" ? mantissa[1] : ""
        digits = Int(mantissa[0] + fraction) ?? 0
        exponent = (parts.count == 2 ? Int(parts[1]) ?? 0 : 0) - fraction.count
        // 500.0 and 5e2 are 500.
        while digits != 0, digits.isMultiple(of: 10) { (digits, exponent) = (digits / 10, exponent + 1) }
        if digits == 0 { exponent = 0 }
    }

    /// As a multiple of a smaller power of ten; nil if that has more digits than an integer.
    func scaled(to smaller: Int) -> Int? {
        var digits = digits
        guard exponent - smaller <= 18 || digits == 0 else { return nil }
        for _ in 0..<(digits == 0 ? 0 : exponent - smaller) {
            let (product, overflow) = digits.multipliedReportingOverflow(by: 10)
            if overflow { return nil }
            digits = product
        }
        return digits
    }

    var value: Double { Double("\(digits)e\(exponent)") ?? 0 }
}
