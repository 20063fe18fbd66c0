import Foundation
import Testing
import Validating

/// For each test of the battery a plugin that fails it, and no other: the battery finds what it says, where it says.
@Suite struct BadPluginTests {
    private static let ids =
        (try? FileManager.default.contentsOfDirectory(atPath: TrialPlugin.badPlugins))?.sorted() ?? []

    /// Tests that only tell numbers.
    private static let informing: Set = ["R3"]

    @Test func everyTestHasOne() {
        #expect(Set(Self.ids) == Set(BatteryTest.all.map(\.id)).subtracting(Self.informing))
        #expect(Set(BatteryTest.all.map(\.id)).count == BatteryTest.all.count)
    }

    @Test(arguments: ids) func isCaughtByItsTestOnly(id: String) throws {
        let plugin = try TrialPlugin(bad: id)
        let level = try #require(BatteryTest.all.first { $0.id == id }).level
        let results = plugin.validate(max(level, .standard))
        // What examples cannot tell is worth a warning only.
        let expected: (errors: Set<String>, warnings: Set<String>) =
            ["S5", "C9"].contains(id) ? ([], [id]) : ([id], [])
        #expect(results.ids(.error) == expected.errors, "\(results.sentences(.error))")
        #expect(results.ids(.warning).isSuperset(of: expected.warnings))
        #expect(results.hasPassed == expected.errors.isEmpty)
    }
}
