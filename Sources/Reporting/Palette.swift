import Foundation

/// Colours that readers with any colour vision can tell apart, for light and dark pages.
enum Palette {
    struct Colour: Hashable, Sendable {
        var red: Double, green: Double, blue: Double

        init(_ hex: UInt32) {
            red = Double(hex >> 16 & 255)
            green = Double(hex >> 8 & 255)
            blue = Double(hex & 255)
        }

        func mixed(with other: Colour, _ part: Double) -> Colour {
            var result = self
            result.red += (other.red - red) * part
            result.green += (other.green - green) * part
            result.blue += (other.blue - blue) * part
            return result
        }

        var hex: String {
            "#"
                + [red, green, blue].map { channel in
                    let text = String(Int(channel.rounded()), radix: 16)
                    return text.count == 1 ? "0" + text : text
                }.joined()
        }

        /// Relative luminance (WCAG 2, with a plain exponent of 2.2).
        var luminance: Double {
            func linear(_ channel: Double) -> Double { pow(channel / 255, 2.2) }
            return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
        }
    }

    /// A colour scale cut into 21 steps, each a class of the style sheet.
    struct Ramp: Sendable {
        /// `d`: diverging about 0; `v`: sequential.
        var letter: Character
        var low: Double
        var high: Double

        static let steps = 21

        /// Diverging where there are negative values, symmetric about 0 and ±1 for values within ±1; else from the
        /// least to the greatest, or from 0 to 1 for values within.
        init(_ values: [Double]) {
            let least = values.min() ?? 0
            let most = values.max() ?? 1
            if least < 0 {
                let size = max(-least, most)
                (letter, low, high) = ("d", -(size <= 1 ? 1 : size), size <= 1 ? 1 : size)
            } else {
                (letter, low, high) = ("v", most <= 1 ? 0 : least, max(most <= 1 ? 1 : most, least + 1e-300))
            }
        }

        /// Of given ends, sequential.
        init(low: Double, high: Double) { (letter, self.low, self.high) = ("v", low, max(high, low + 1e-300)) }

        /// On white paper.
        func colour(_ value: Double) -> Colour {
            let part = high > low ? min(1, max(0, (value - low) / (high - low))) : 0.5
            return sample(letter == "d" ? divergingLight : viridis, part)
        }

        func className(_ value: Double) -> String {
            let part = min(1, max(0, (value - low) / (high - low)))
            return "\(letter)\(Int((part * Double(Ramp.steps - 1)).rounded()))"
        }
    }

    /// Okabe and Ito (2008), the yellow left out and the order chosen for white paper; then the same for a dark page.
    static let categorical: [(light: UInt32, dark: UInt32)] = [
        (0x0072B2, 0x4DA9E8), (0xD55E00, 0xF2803B), (0x009E73, 0x2CC69B), (0xCC79A7, 0xE09AC3),
        (0xB58900, 0xE6B93D), (0x56B4E9, 0x8CCDF2), (0x5B5B5B, 0xBBBBBB),
    ]

    /// Viridis (Smith and van der Walt, 2015) at tenths.
    static let viridis: [UInt32] = [
        0x440154, 0x482475, 0x414487, 0x355F8D, 0x2A788E, 0x21918C, 0x22A884, 0x44BF70, 0x7AD151, 0xBDDF26, 0xFDE725,
    ]

    static let divergingLight: [UInt32] = [0x9E3A0B, 0xDC7B45, 0xF6F5F2, 0x6AA5D4, 0x124F8C]
    private static let divergingDark: [UInt32] = [0xF29A68, 0x96502D, 0x23272E, 0x2C6094, 0x82C4F8]

    /// Of text on a colour.
    static func ink(on colour: Colour) -> String { colour.luminance > 0.28 ? "#14171b" : "#ffffff" }

    static func sample(_ anchors: [UInt32], _ part: Double) -> Colour {
        let place = min(1, max(0, part)) * Double(anchors.count - 1)
        let index = min(anchors.count - 2, Int(place))
        return Colour(anchors[index]).mixed(with: Colour(anchors[index + 1]), place - Double(index))
    }

    /// The colours of the settings: a sequence where one number with many values is swept, else the categories.
    static func settings(_ count: Int, isOrdered: Bool) -> [(light: Colour, dark: Colour)] {
        (0..<count).map { i in
            if (isOrdered && count > 4) || count > categorical.count {
                let part = count == 1 ? 0 : Double(i) / Double(count - 1)
                return (sample(viridis, 0.02 + 0.8 * part), sample(viridis, 0.35 + 0.62 * part))
            }
            return (Colour(categorical[i].light), Colour(categorical[i].dark))
        }
    }

    /// Rules for the classes of both ramps.
    static var rules: String {
        (0..<Ramp.steps).map { i in
            let part = Double(i) / Double(Ramp.steps - 1)
            let (light, dark) = (sample(divergingLight, part), sample(divergingDark, part)),
                plain = sample(viridis, part)
            return rule("d\(i)", light, dark) + rule("v\(i)", plain, plain)
        }.joined()
    }

    private static func rule(_ name: String, _ light: Colour, _ dark: Colour) -> String {
        ".\(name) rect{\(both("fill", light.hex, dark.hex))}.\(name) text{\(both("fill", ink(on: light), ink(on: dark)))}"
    }

    /// A colour for light and for dark pages; browsers older than 2024 know only the first.
    static func both(_ property: String, _ light: String, _ dark: String) -> String {
        light == dark ? "\(property):\(light)" : "\(property):\(light);\(property):light-dark(\(light),\(dark))"
    }

    /// Colours of figures, which are made for white paper, on a dark page.
    static let onDark: [String: String] = {
        var pairs = [
            Plate.ink: "#e6e8eb", Plate.soft: "#9aa4af", Plate.grid: "#2c323a",
        ]
        for (light, dark) in categorical { pairs[Colour(light).hex] = Colour(dark).hex }
        for count in 5...DrawnFigure.mostColours {
            for pair in settings(count, isOrdered: true) { pairs[pair.light.hex] = pair.dark.hex }
        }
        return pairs
    }()
}
