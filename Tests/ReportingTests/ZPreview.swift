import Foundation
import Testing
import Reporting

@Test func preview() throws {
    let folder = try StudyFixture().write(to: "/tmp/report-demo")
    let results = try StudyResults.read(folder: folder)
    try Report.html(results).write(toFile: "/tmp/report-demo/report.html", atomically: true, encoding: .utf8)
    try TableWriter.csv(results).write(toFile: "/tmp/report-demo/table.csv", atomically: true, encoding: .utf8)
    print(TextTable(results).plain(fixed: 2))
    for v in Claims.evaluate(results) { print(v.line) }
}
