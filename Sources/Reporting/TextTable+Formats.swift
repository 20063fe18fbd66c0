package enum TableFormat: String, CaseIterable, Sendable { case text, markdown, latex, csv }

extension TextTable {
    /// A table of GitHub's Markdown, padded so that its source reads well too; notes follow as paragraphs.
    package var markdown: String {
        guard !rows.isEmpty else { return footer.isEmpty ? "" : footer + "\n" }
        let escaped = rows.map { $0.map(Self.markdown) }
        let columns = header.indices.map { i in Column(Self.markdown(header[i]), escaped.map { $0[i] }, alignments[i])
        }
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
        let rule = zip(columns, alignments).map { column, alignment in
            let dashes = String(repeating: "-", count: max(1, column.width - 1))
            return alignment == .left ? ":" + dashes : dashes + ":"
        }
        // A rule has two characters at least.
        let padded = columns.map { column in column.cells.map { $0.count < 2 ? $0 + " " : $0 } }
        var lines = [line(padded.map { $0[0] }), line(rule)]
        lines += (1...rows.count).map { number in line(padded.map { $0[number] }) }
        let notes = footer.split(separator: "\n").map { "\n" + $0 }
        return (lines + notes).joined(separator: "\n") + "\n"
    }

    private static func markdown(_ text: String) -> String { text.replacing("|", with: "\\|") }

    /// A `tabular` with booktabs. A column of numbers is two columns, `r@{}l`, that meet at the decimal point.
    package var latex: String {
        var lines = ["% needs \\usepackage{booktabs}"]
        if !rows.isEmpty {
            let columns = alignments.map { $0 == .left ? "l" : "r@{}l" }.joined()
            let heads = zip(header, alignments).map { text, alignment in
                alignment == .left ? Self.latex(text) : "\\multicolumn{2}{c}{\(Self.latex(text))}"
            }
            lines += [
                "\\begin{tabular}{\(columns)}", "\\toprule", heads.joined(separator: " & ") + " \\\\", "\\midrule",
            ]
            for row in rows {
                let cells = zip(row, alignments).map { text, alignment in
                    alignment == .left ? Self.latex(text) : Self.number(text)
                }
                lines.append(cells.joined(separator: " & ") + " \\\\")
            }
            lines += ["\\bottomrule", "\\end{tabular}"]
        }
        for note in footer.split(separator: "\n") {
            lines.append("\\par{\\footnotesize \(Self.latex(String(note)))}")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// `0.83 ± 0.01` as `0&.83~$\pm$~0.01`; what is no number over both columns.
    private static func number(_ text: String) -> String {
        guard text.first?.isNumber == true || text.hasPrefix("-") || text.hasPrefix("(") else {
            return "\\multicolumn{2}{c}{\(latex(text))}"
        }
        let lead = lead(text)
        return numeral(String(text.prefix(lead))) + "&" + numeral(String(text.dropFirst(lead)))
    }

    /// Powers of ten and signs of numbers; blanks do not break.
    private static func numeral(_ text: String) -> String {
        var result = ""
        var rest = latex(text)[...]
        while let match = rest.firstMatch(of: #/([0-9)])e(-?[0-9]+)|-([0-9])| /#) {
            result += rest[..<match.range.lowerBound]
            if let (before, power) = match.output.1.flatMap({ b in match.output.2.map { (b, $0) } }) {
                result += "\(before)$\\times 10^{\(power)}$"
            } else if let digit = match.output.3 {
                result += "$-$\(digit)"
            } else {
                result += "~"
            }
            rest = rest[match.range.upperBound...]
        }
        return result + rest
    }

    /// Text with what LaTeX takes for commands escaped.
    static func latex(_ text: String) -> String {
        var result = ""
        for letter in text {
            switch letter {
            case "\\": result += "\\textbackslash{}"
            case "#", "$", "%", "&", "_", "{", "}": result += "\\\(letter)"
            case "~": result += "\\textasciitilde{}"
            case "^": result += "\\textasciicircum{}"
            case "<", ">", "|": result += "$\(letter)$"
            case "±": result += "$\\pm$"
            case "×": result += "$\\times$"
            case "−": result += "$-$"
            case "–": result += "--"
            case "…": result += "\\dots{}"
            default: result.append(letter)
            }
        }
        return result
    }
}
