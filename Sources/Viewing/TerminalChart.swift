import Reporting

/// A chart of characters: curves of braille dots, eight to a cell, in the colours of their settings; without colours in their letters.
struct TerminalChart {
    let panel: LiveChart.Panel
    let title: String
    let columns: Int
    /// Of the whole, with title and axis.
    let rows: Int
    let ink: TerminalInk

    /// The letter of a setting, where there are no colours.
    static func letter(_ style: Int) -> Character { Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(style % 26))) }

    /// Each as wide as the chart.
    var lines: [String] {
        let ticks = panel.y.ticks(max(2, (rows - 3) / 3))
        let margin = min(columns / 3, (ticks.map(\.label.count).max() ?? 0) + 2)
        let (width, height) = (max(2, columns - margin), max(2, rows - 3))
        var labels = [Int: String]()
        for tick in ticks {
            let row = Int(((1 - panel.y.position(tick.value)) * Double(height) - 0.5).rounded())
            labels[min(height - 1, max(0, row))] = String(tick.label.prefix(margin - 2))
        }
        let canvas = drawn(width, height)
        var lines = [ink.strong(title.fitted(to: columns))]
        for row in 0..<height {
            let label = labels[row]
            let head = (label ?? "").leftPadded(margin - 2) + (label == nil ? " │" : " ┤")
            lines.append(ink.soft(head) + canvas[row])
        }
        lines.append(ink.soft(String(repeating: " ", count: margin - 1) + "└" + String(repeating: "─", count: width)))
        lines.append(ink.soft(axis(margin, width)))
        return lines
    }

    /// Labels of steps below their places, as long as they do not touch.
    private func axis(_ margin: Int, _ width: Int) -> String {
        var line = [Character](repeating: " ", count: margin + width)
        for tick in panel.x.ticks(max(2, width / 14)) {
            let middle = margin + Int(panel.x.position(tick.value) * Double(width - 1))
            let start = min(max(margin - 1, middle - tick.label.count / 2), margin + width - tick.label.count)
            let place = max(0, start)..<min(line.count, start + tick.label.count)
            guard place.count == tick.label.count,
                line[max(0, place.lowerBound - 1)..<min(line.count, place.upperBound + 1)].allSatisfy({ $0 == " " })
            else { continue }
            line.replaceSubrange(place, with: tick.label)
        }
        return String(line)
    }

    private func drawn(_ width: Int, _ height: Int) -> [String] {
        var cells = [(dots: UInt8, style: Int)](repeating: (0, 0), count: width * height)
        /// From the top left, in dots.
        func mark(_ x: Int, _ y: Int, _ style: Int) {
            guard (0..<2 * width).contains(x), (0..<4 * height).contains(y) else { return }
            // Unicode numbers the upper six dots by columns, then the lowest two.
            let bit: UInt8 =
                y % 4 == 3 ? (x % 2 == 0 ? 0x40 : 0x80) : (x % 2 == 0 ? 1 : 8) << UInt8(y % 4)
            let cell = y / 4 * width + x / 2
            cells[cell] = (cells[cell].dots | bit, style)
        }
        // Means above runs.
        for line in panel.lines.sorted(by: { $0.isRun && !$1.isRun }) {
            var previous: (x: Int, y: Int)?
            for point in line.points {
                guard let point else {
                    previous = nil
                    continue
                }
                let x = Int((min(1, max(0, panel.x.position(point.x))) * Double(2 * width - 1)).rounded())
                let y = Int(((1 - min(1, max(0, panel.y.position(point.y)))) * Double(4 * height - 1)).rounded())
                let from = previous ?? (x, y)
                let count = max(1, abs(x - from.x), abs(y - from.y))
                for i in 0...count {
                    mark(from.x + (x - from.x) * i / count, from.y + (y - from.y) * i / count, line.style)
                }
                previous = (x, y)
            }
        }
        return (0..<height).map { row in
            var text = ""
            var run = "", style = -1
            for cell in cells[row * width..<(row + 1) * width] {
                let now = cell.dots == 0 ? -1 : cell.style
                if now != style, !run.isEmpty {
                    text += style < 0 ? run : ink.colour(run, style)
                    run = ""
                }
                style = now
                run.append(
                    now < 0
                        ? " "
                        : ink.hasColours
                            ? Character(UnicodeScalar(0x2800 + UInt32(cell.dots)) ?? " ") : Self.letter(now))
            }
            return text + (style < 0 ? run : ink.colour(run, style))
        }
    }
}

/// Control sequences, or nothing where colours are not wanted.
struct TerminalInk {
    let hasColours: Bool

    func strong(_ text: String) -> String { sequence("1", text) }
    func soft(_ text: String) -> String { sequence("2", text) }
    func bad(_ text: String) -> String { sequence("38;5;166", text) }
    func good(_ text: String) -> String { sequence("38;5;36", text) }
    func colour(_ text: String, _ style: Int) -> String {
        sequence("38;5;\(LiveChart.terminalColour(style))", text)
    }

    private func sequence(_ code: String, _ text: String) -> String {
        hasColours && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}

extension String {
    /// Without control characters: a message of a plugin must not move the cursor.
    var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }

    /// Cut, or padded with spaces.
    func fitted(to width: Int) -> String {
        guard width > 0 else { return "" }
        return count > width ? prefix(width - 1) + "…" : self + String(repeating: " ", count: width - count)
    }

    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}
