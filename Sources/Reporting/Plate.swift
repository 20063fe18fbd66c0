import Foundation

/// A drawing for print, in points: every mark carries its own colours and sizes, so that the file needs no style sheet and every converter
/// to PDF or PNG reads it.
struct Plate {
    static let fonts = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', 'DejaVu Sans', sans-serif"
    static let ink = "#1b1f24"
    static let soft = "#59636e"
    static let grid = "#e4e7ea"
    /// Width of a column and of a page, 3.5 and 7 inches.
    static let column = 252.0
    static let page = 504.0

    enum Anchor: String { case start, middle, end }

    private(set) var body: Markup = ""

    /// By which a page knows what is of a setting, and hides it.
    static func mark(of setting: Int?, _ name: Markup = "data-s") -> Markup {
        setting.map { " \(name)=\"\($0)\"" } ?? ""
    }

    mutating func add(_ markup: Markup) { body += markup }

    mutating func text(
        _ text: String, x: Double, y: Double, size: Double = 7, colour: String = ink, anchor: Anchor = .start,
        isBold: Bool = false, turned: Bool = false
    ) {
        guard !text.isEmpty else { return }
        var attributes: Markup = ""
        if size != 7 { attributes += " font-size=\"\(size)\"" }
        if colour != Plate.ink { attributes += " fill=\"\(colour)\"" }
        if anchor != .start { attributes += " text-anchor=\"\(anchor.rawValue)\"" }
        if isBold { attributes += " font-weight=\"bold\"" }
        if turned { attributes += " transform=\"rotate(-90 \(x) \(y))\"" }
        body += "<text x=\"\(x)\" y=\"\(y)\"\(attributes)>\(text)</text>"
    }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, colour: String = ink, width: Double = 0.6
    ) {
        body += "<path d=\"M\(x1) \(y1)L\(x2) \(y2)\" stroke=\"\(colour)\" stroke-width=\"\(width)\"/>"
    }

    mutating func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, fill: String) {
        body += "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(height)\" fill=\"\(fill)\"/>"
    }

    /// A stand-alone file.
    func svg(title: String, width: Double, height: Double) -> Markup {
        """
        <svg xmlns="http://www.w3.org/2000/svg" class="figure" width="\(width)pt" height="\(height)pt" \
        viewBox="0 0 \(width) \(height)" role="img" font-family="\(Plate.fonts)" font-size="7" fill="\(Plate.ink)">\
        <title>\(title)</title><rect width="\(width)" height="\(height)" fill="#ffffff"/>\(body)</svg>
        """
    }

    /// About how wide a text is, in points: in DejaVu Sans, the widest of the fonts that may stand for Helvetica.
    static func width(_ text: String, size: Double = 7) -> Double {
        text.reduce(0) { sum, character in
            let width: Double =
                switch character {
                case "i", "j", "l", ".", ",", ":", ";", "'", "|", "!", "I", " ": 0.32
                case "f", "t", "r", "(", ")", "[", "]", "-", "/": 0.4
                case "m", "w", "M", "W", "%", "@", "…": 0.98
                case "A"..."Z", "±", "=", "+", "<", ">", "−": 0.76
                default: 0.62
                }
            return sum + width
        } * size
    }

    /// Cut at its end to a width.
    static func fitted(_ text: String, _ limit: Double, size: Double = 7) -> String {
        guard width(text, size: size) > limit else { return text }
        var cut = text
        while !cut.isEmpty, width(cut + "…", size: size) > limit { cut.removeLast() }
        return cut + "…"
    }
}

/// A number as a tick or a label of a plate, with a proper minus sign.
extension String {
    var withMinus: String { replacing("e-", with: "e−").replacing(/^-/, with: "−").replacing("(-", with: "(−") }
}
