import PluginTesting
import Testing

/// Every example of every shipped manifest, through the loaded library.
@Suite struct ExampleTests {
    @Test func noShippedManifestIsRejected() {
        #expect(ShippedPlugins.registry.rejected.map { "\($0.error)" } == [])
        #expect(!ShippedPlugins.registry.manifests.isEmpty)
    }

    @Test(arguments: ShippedPlugins.registry.manifests.map(\.id)) func examplesHold(plugin: String) throws {
        let (count, failures) = try exampleFailures(ofPlugin: plugin)
        #expect(failures == [])
        #expect(count > 0)
    }
}
