import PluginTesting
import Testing

@Suite struct SymmetryTests {
    @Test func examples() throws {
        let (count, failures) = try exampleFailures(ofPlugin: "syzygy.symmetry")
        #expect(count >= 10 && failures == [])
    }
}
