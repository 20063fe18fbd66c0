import Manifests
import Studies
import Testing

@Suite("Plans: sweeps, seeds, overrides, origins, identity")
struct PlanTests {
    @Test func productOfSweepAndSeeds() throws {
        let plan = try Fixtures.plan()
        #expect(plan.runs.count == 6)
        #expect(plan.runs.map(\.seed) == [0, 1, 0, 1, 0, 1])
        #expect(plan.runs.map { $0.swept["regularizers.l2.weight_decay"] } == [0, 0, 1e-4, 1e-4, 1e-3, 1e-3].map { JSON.double($0) })
        #expect(plan.runs[3].label == "weight_decay=0.0001 seed=1")
        #expect(plan.runs[3].name == "\(plan.runs[3].identity.prefix(10))-weight_decay0.0001-s1")
    }
}
