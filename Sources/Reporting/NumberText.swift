import Foundation

/// Numbers as text, for files, tables, ticks and labels.
package enum NumberText {
    /// A swept value as people write it, the shorter of the decimal and the exponent form: `0.01`, `1e-4`; other text
    /// unchanged.
    package static func label(_ text: String) -> String {
        guard let value = Double(text), value.isFinite else { return text }
        return label(value)
    }

    package static func label(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e6 { return String(Int(value)) }
        let digits = "\(abs(value))".lowercased()
        let parts = digits.split(separator: "e")
        let exponent = parts.count == 2 ? Int(parts[1]) ?? 0 : 0
        let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        let fraction = mantissa.count == 2 && mantissa[1] != "0" ? String(mantissa[1]) : ""
        // All digits without the point, and the power of ten of the first one.
        var significant = whole + fraction
        var power = exponent + whole.count - 1
        while significant.hasPrefix("0"), significant.count > 1 { significant.removeFirst(); power -= 1 }
        while significant.hasSuffix("0"), significant.count > 1 { significant.removeLast() }
        let tail = significant.dropFirst()
        let scientific = "\(significant.prefix(1))\(tail.isEmpty ? "" : ".\(tail)")e\(power)"
        let decimal: String
        if power < 0 {
            decimal = "0." + String(repeating: "0", count: min(-power - 1, 40)) + significant
        } else if significant.count <= power + 1 {
            decimal = significant + String(repeating: "0", count: min(power + 1 - significant.count, 40))
        } else {
            decimal = "\(significant.prefix(power + 1)).\(significant.dropFirst(power + 1))"
        }
        return (value < 0 ? "-" : "") + (scientific.count < decimal.count ? scientific : decimal)
    }

    /// A tick on an axis: `0.5`, `100`, `10k`, `2M`, `1e-5`.
    package static func tick(_ value: Double) -> String {
        for (unit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where abs(value) >= unit {
            let scaled = value / unit
            return abs(scaled) < 1e4 ? label((scaled * 1e6).rounded() / 1e6) + letter : label(value)
        }
        // Multiples of 0.1 carry rounding dust such as 0.30000000000000004.
        return label(Double(String(format: "%.10g", value)) ?? value)
    }

    /// `⁻⁵`
    static func superscript(_ number: Int) -> String {
        let digits: [Character: Character] = [
            "-": "⁻", "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸",
            "9": "⁹",
        ]
        return String(String(number).map { digits[$0] ?? $0 })
    }

    /// A number with `digits` significant digits and no exponent where it is of ordinary size.
    package static func short(_ value: Double, digits: Int = 3) -> String {
        guard value != 0 else { return "0" }
        let power = Int(log10(abs(value)).rounded(.down))
        if power < -4 || power > 5 {
            return String(format: "%.\(digits - 1)e", value).replacing("e-0", with: "e-").replacing("e+0", with: "e")
                .replacing("e+", with: "e")
        }
        return fixed(value, decimals: max(0, digits - 1 - power))
    }

    /// The nearest number of so many significant digits, in the form of a label: `0.42`, `1e-4`.
    static func rounded(_ value: Double, digits: Int = 3) -> String {
        label(Double(short(value, digits: digits)) ?? value)
    }

    /// With so many decimals; a value that rounds to zero has no sign.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        let text = String(format: "%.\(decimals)f", value)
        // "-0.00" is a zero with a false sign.
        return text.hasPrefix("-") && !text.contains { ("1"..."9").contains($0) } ? String(text.dropFirst()) : text
    }

    /// Seconds as people say them: `0.4 s`, `12 s`, `3 min 12 s`, `2 h 05 min`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e12 else { return "–" }
        if seconds < 9.95 { return fixed(seconds, decimals: 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
        return "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}

extension Aggregate {
    /// `[0.79, 0.86]`: the interval over samples of a single value.
    var interval: String? {
        guard halfWidth == nil, let low, let high else { return nil }
        return "[\(NumberText.rounded(low)), \(NumberText.rounded(high))]"
    }
}

/// `0.83 ± 0.01`: a mean cut to the digits that its interval supports.
package struct MeasuredText: Hashable, Sendable {
    /// Sign, digits and point of the mean.
    package var mean: String
    /// The half-width, empty if there is none.
    package var halfWidth: String
    /// A shared power of ten, or 0.
    package var exponent: Int

    /// One digit of the half-width, two if it begins with 1, and another where the mean would keep less than two of
    /// its own; at most five digits of the mean; three where there is no interval.
    package init?(_ value: Aggregate) {
        guard let mean = value.mean else { return nil }
        let half = value.halfWidth ?? 0
        let size = max(abs(mean), half)
        // The square of a number beyond 1e154 overflows.
        guard size.isFinite else {
            (self.mean, halfWidth, exponent) = ("\(mean)", value.halfWidth == nil ? "" : "\(half)", 0)
            return
        }
        let power = size > 0 ? Int(log10(size).rounded(.down)) : 0
        exponent = size > 0 && (power < -3 || power > 5) ? power : 0
        // In two parts: powers of ten below 1e-307 have few digits.
        let (unit, rest) = (pow(10, Double(exponent / 2)), pow(10, Double(exponent - exponent / 2)))
        let (scaledMean, scaledHalf) = (mean / unit / rest, half / unit / rest)
        var decimals = max(0, (value.halfWidth == nil ? 2 : 3) - (power - exponent))
        if scaledHalf > 0 {
            let halfPower = Int(log10(scaledHalf).rounded(.down))
            let tenths = (scaledHalf / pow(10, Double(halfPower)) * 10).rounded()
            let needed = -halfPower + (tenths < 20 ? 1 : 0)
            let meanPower = scaledMean == 0 ? 0 : Int(log10(abs(scaledMean)).rounded(.down))
            decimals = min(max(0, needed, min(1 - meanPower, needed + 1)), max(0, 4 - (power - exponent)))
        }
        self.mean = NumberText.fixed(scaledMean, decimals: decimals)
        // All runs agree: no digits for show, `10 ± 0`.
        if value.halfWidth == 0, exponent == 0 { self.mean = NumberText.label(Double(self.mean) ?? mean) }
        halfWidth = ""
        if value.halfWidth == 0 {
            halfWidth = "0"
        } else if value.halfWidth != nil {
            let text = NumberText.fixed(scaledHalf, decimals: decimals)
            let vanishes = scaledHalf > 0 && !text.contains { ("1"..."9").contains($0) }
            halfWidth = vanishes ? "<" + NumberText.fixed(pow(10, Double(-decimals)), decimals: decimals) : text
        }
    }

    /// One line of plain text: `0.83 ± 0.01`, `(1.2 ± 0.3)e-5`.
    package var plain: String {
        let text = halfWidth.isEmpty ? mean : "\(mean) ± \(halfWidth)"
        guard exponent != 0 else { return text }
        return halfWidth.isEmpty ? "\(text)e\(exponent)" : "(\(text))e\(exponent)"
    }
}
