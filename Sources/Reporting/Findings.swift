import Studies

/// What studies claim, and what was measured: the tables of `docs/findings.md`.
package enum Findings {
    /// One study, with the words at the head of its file.
    package struct Study {
        package var file: String
        package var preface: String
        package var results: StudyResults
        /// The first figures that the study declares, as far as they could be drawn.
        package let pictures: [DrawnFigure]

        package init(file: String, text: String, results: StudyResults) {
            (self.file, self.results) = (file, results)
            preface = text.split(separator: "\n", omittingEmptySubsequences: false).prefix { $0.hasPrefix("#") }
                .map { $0.dropFirst().drop { $0 == " " } }.joined(separator: "\n")
            let charts = Figures(results)
            pictures = results.figures.lazy.filter { $0.probe == nil }.map { DrawnFigure($0, charts) }
                .filter { $0.svg != nil }.prefix(2).map(\.self)
        }

        /// Where a picture stands, beside the page.
        package func path(of picture: DrawnFigure) -> String { "findings/\(results.name)-\(picture.slug).svg" }
    }

    /// A section for each study; first how many claims hold.
    package static func text(_ studies: [Study]) -> String {
        let verdicts = studies.map { Claims.evaluate($0.results) }
        let all = verdicts.flatMap(\.self)
        var lines = [
            "\(all.count(where: \.holds)) of \(all.count) claims of \(studies.count) studies hold. N: runs; ±: 95 % interval of the mean over runs.",
            "",
        ]
        for (study, verdicts) in zip(studies, verdicts) {
            lines += ["## \(study.results.title)", "", "`\(study.file)`", ""]
            if !study.preface.isEmpty { lines += [study.preface, ""] }
            for picture in study.pictures {
                lines += ["![\(picture.figure.title)](\(study.path(of: picture)))", ""]
                lines += ["*\(picture.figure.title).* \(picture.note)", ""]
            }
            guard !verdicts.isEmpty else { continue }
            lines += ["| | claim | measured | |", "| --- | --- | --- | --- |"]
            for verdict in verdicts {
                let finding =
                    if case .undecided(let reason) = verdict.outcome { "undecided: \(reason)" } else {
                        verdict.finding
                    }
                lines.append(
                    "| \(verdict.holds ? "holds" : "**fails**") | \(cell(verdict.claim.say)) | \(cell(finding)) | \(cell(verdict.note)) |"
                )
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|").replacing("\n", with: " ") }
}
