import Foundation
import Testing

@Suite("Pages that a reader follows") struct FollowedPageTests {
    @Test func theFirstProbe() throws {
        let scratch = try Scratch()
        let page = try FollowedPage("docs/plugins/first-probe.md", in: scratch)
        #expect(page.saved == ["participation/participation.c", "participation/plugin.json", "spread.yaml"])
        #expect(page.commands == 10 && page.compared == 7)
        let rows = try scratch.read(
            "studies/spread/runs/\(try #require(try scratch.names("studies/spread/runs").first))/observations.csv")
        #expect(rows.contains("spread,ratio"))
    }

    /// From the list of what is installed to a sweep that was interrupted, and a probe of one's own. pandas is there or its block is
    /// left out.
    @Test func theFirstHour() throws {
        let scratch = try Scratch()
        let python = Tool.python(with: "pandas")
        let page = try FollowedPage("docs/tutorial.md", in: scratch, python: python)
        #expect(page.saved == ["digits.yaml"])
        #expect(page.commands == 32)
        #expect(page.compared == (python == nil ? 17 : 18))
        #expect(try scratch.read("studies/digits/report.html").contains("How fast should a small network learn?"))
        // The table's interval is that of the runs: t of four degrees of freedom is 2.7764.
        let runs = try scratch.names("studies/digits/runs").filter { $0.contains("lr0.3") }
        let values = try runs.map { run in
            let rows = try scratch.read("studies/digits/runs/\(run)/observations.csv").split(separator: "\n")
            return try Self.number(5, of: try #require(rows.last { $0.contains(",test,accuracy,") }))
        }
        #expect(values.count == 5)
        let mean = values.reduce(0, +) / 5
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4).squareRoot()
        let row = try #require(
            try scratch.read("studies/digits/table.csv").split(separator: "\n").first {
                $0.hasPrefix("0.3,test,accuracy,")
            })
        #expect(abs(try Self.number(6, of: row) - mean) < 1e-12)
        #expect(abs(try Self.number(7, of: row) - 2.776445 * deviation / 5.0.squareRoot()) < 1e-6 * deviation)
    }

    private static func number(_ column: Int, of row: Substring) throws -> Double {
        try #require(Double(row.split(separator: ",", omittingEmptySubsequences: false)[column]), "\(row)")
    }
}
