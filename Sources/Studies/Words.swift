import Foundation

/// Numbers as people read them.
package enum Words {
    /// `2,913`.
    package static func grouped(_ number: Int) -> String {
        var digits = String(number.magnitude)[...]
        var groups: [Substring] = []
        while digits.count > 3 {
            groups.insert(digits.suffix(3), at: 0)
            digits = digits.dropLast(3)
        }
        return (number < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
    }

    /// `1 run`, `15 runs`.
    package static func count(_ number: Int, _ noun: String) -> String {
        "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// `0:07`, `12:03`, `1:02:03`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = whole / 60
        return minutes < 60
            ? "\(minutes):\(two(whole % 60))" : "\(minutes / 60):\(two(minutes % 60)):\(two(whole % 60))"
    }

    /// `9.8 k steps/s`.
    package static func rate(_ stepsPerSecond: Double) -> String {
        switch stepsPerSecond {
        case 1e6...: "\(String(format: "%.1f", stepsPerSecond / 1e6)) M steps/s"
        case 1e3...: "\(String(format: "%.1f", stepsPerSecond / 1e3)) k steps/s"
        default: "\(String(format: "%.3g", stepsPerSecond)) steps/s"
        }
    }

    /// `32,700`, `275`, `10.4`: three significant digits, or all before the point.
    package static func amount(_ number: Double) -> String {
        number >= 1000 && number < 1e15 ? grouped(Int(number.rounded())) : short(number)
    }

    /// Three significant digits.
    package static func short(_ number: Double) -> String { String(format: "%.3g", number) }
}
