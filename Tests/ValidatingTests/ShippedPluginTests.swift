import PluginTesting
import Testing
import Validating

@Suite struct ShippedPluginTests {
    @Test(arguments: ShippedPlugins.registry.manifests.map(\.folder)) func passesAtLevelStandard(folder: String) {
        let results = TrialPlugin.validate(folder)
        #expect(results.hasPassed, "\(results.sentences(.error))")
        #expect(results.count > 8)
        // A test that cannot call tests nothing; libraries of the system are not ours to look into.
        let idle = results.sentences(.note).filter { $0.contains("not called") || $0.contains("not checked") }
        #expect(idle.filter { !$0.contains("a library of the system") } == [])
    }
}
