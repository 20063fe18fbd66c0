import Manifests
import OrderedCollections
import PluginTesting
import Testing

/// Well-formed files with wrong values anywhere: a manifest loads or says what is wrong, and nothing crashes.
@Suite struct MutationTests {
    /// Values at the edge of what the code computes with.
    private static let values: [JSON] = [
        .null, .bool(true), .int(0), .int(-1), .int(.max), .int(.min), .double(0.5), .double(-1e300), .double(1e18),
        .string(""),
        .string("x"), .string("rows"), .string("{variant}"), .string("mean("),
        .string("999999999*999999999*999999999"),
        .string("\u{1B}[31m"), .array([]), .array([.int(.max), .int(.max)]), .array([.null]), .object([:]),
        .object(["shape": .array([.int(.max), .int(2)]), "data": .array([])]), .object(["param": .string("x")]),
    ]

    /// One place of the value changed: replaced, removed, renamed or doubled.
    private static func mutated(_ value: JSON, _ generator: inout SplitMix) -> JSON {
        let replacement = values.randomElement(using: &generator) ?? .null
        switch value {
        case .array(var items) where !items.isEmpty && generator.next() % 8 != 0:
            let index = Int.random(in: items.indices, using: &generator)
            switch generator.next() % 8 {
            case 0: items.remove(at: index)
            case 1: items.append(items[index])
            default: items[index] = mutated(items[index], &generator)
            }
            return .array(items)
        case .object(var members) where !members.isEmpty && generator.next() % 16 != 0:
            let index = Int.random(in: 0..<members.count, using: &generator)
            let (key, member) = members.elements[index]
            switch generator.next() % 8 {
            case 0: members[key] = nil
            case 1: members[key + "s"] = member
            default: members[key] = mutated(member, &generator)
            }
            return .object(members)
        default: return replacement
        }
    }

    @Test(arguments: Fixture.allCases) func survives(_ fixture: Fixture) throws {
        var generator = SplitMix(seed: 7)
        let good = try StrictJSON.parse(fixture.text, file: "f").root
        var accepted = 0, refused = 0
        for _ in 0..<600 {
            let bad = Self.mutated(good, &generator)
            guard case .object = bad else { continue }
            let text = bad.text(pretty: true)
            do {
                let manifest = try Manifest(StrictJSON.parse(text, file: "f"), folder: "")
                for component in manifest.components { _ = component.expandedBindings() }
                accepted += 1
            } catch let error as ManifestError {
                refused += 1
                #expect(!error.problems.isEmpty)
                for problem in error.problems {
                    #expect(
                        problem.position != nil && !problem.sentence.contains("\u{1B}")
                            && !problem.sentence.contains("\n"))
                }
            }
        }
        #expect(refused > 300 && accepted > 0, "\(accepted) accepted, \(refused) refused")
    }
}
