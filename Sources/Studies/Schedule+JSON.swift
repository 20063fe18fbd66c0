import Manifests
import Observing
import OrderedCollections

extension Schedule {
    /// Reads the value of `at`; nil if the study's schema would refuse it.
    package init?(_ json: JSON) {
        switch json {
        case .string("first"): self = .first
        case .string("last"): self = .last
        case .object(let object):
            guard object.count == 1, let (key, value) = object.elements.first else { return nil }
            switch (key, value) {
            case ("every", .int(let interval)): self = .every(interval)
            case ("log", .int(let count)): self = .log(count)
            case ("steps", .array(let items)):
                let steps = items.compactMap(\.int)
                guard steps.count == items.count else { return nil }
                self = .steps(Set(steps).sorted())
            default: return nil
            }
        default: return nil
        }
    }

    package var json: JSON {
        switch self {
        case .first: .string("first")
        case .last: .string("last")
        case .every(let interval): .object(["every": .int(interval)])
        case .log(let count): .object(["log": .int(count)])
        case .steps(let steps): .object(["steps": .array(steps.map(JSON.int))])
        }
    }
}
