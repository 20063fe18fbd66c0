import Engine
import Glibc
import Manifests

/// Which parameters of a network: those with one of the names and one of the roles.
package struct ParameterPattern: Hashable, Sendable {
    /// Globs as of a shell, over whole names: `head.*`, `fc?.weight`; empty: any name.
    package var names: [String]
    /// Empty: any role.
    package var roles: [ParameterRole]

    package init(names: [String] = [], roles: [ParameterRole] = []) {
        (self.names, self.roles) = (names, roles)
    }

    /// Statistics belong to no pattern.
    package func matches(_ block: ParameterBlock) -> Bool {
        block.isTrained && (names.isEmpty || names.contains { Self.glob($0, block.name) })
            && (roles.isEmpty || roles.contains(block.role))
    }

    /// The indices of the trained blocks that match. Throws if there are none, or if a name matches no block of the roles.
    /// - Parameter key: the key of the pattern in the study, for the sentence.
    package func select(from blocks: [ParameterBlock], for key: String) throws(UnmatchedPattern) -> [Int] {
        let candidates = blocks.filter { $0.isTrained && (roles.isEmpty || roles.contains($0.role)) }
        let kind = roles.isEmpty ? "parameter" : "\(roles.map(\.rawValue).joined(separator: " or ")) parameter"
        if let name = names.first(where: { name in !candidates.contains { Self.glob(name, $0.name) } }) {
            let hint = Nearest.hint(for: name, among: candidates.map(\.name), label: "it has")
            throw UnmatchedPattern("\(key): the network has no \(kind) '\(name)'\(hint)")
        }
        guard !candidates.isEmpty else {
            let all = blocks.filter(\.isTrained).map { "\($0.name) (\($0.role.rawValue))" }.joined(separator: ", ")
            throw UnmatchedPattern("\(key): the network has no \(kind) (it has: \(all))")
        }
        return blocks.indices.filter { blocks[$0].isTrained && matches(blocks[$0]) }
    }

    private static func glob(_ pattern: String, _ name: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}

/// A pattern that matches no parameter, in one sentence.
package struct UnmatchedPattern: Error, CustomStringConvertible, Equatable {
    package var description: String
    package init(_ description: String) { self.description = description }
}

extension ParameterPattern {
    /// Reads the value of `parameters`: a glob, a list of globs, or `{names, role}`; nil if the study's schema would
    /// refuse it.
    package init?(_ json: JSON?) {
        func texts(_ json: JSON?) -> [String] {
            json?.string.map { [$0] } ?? (json?.array ?? []).compactMap(\.string)
        }
        guard let json else { return nil }
        let isObject = json.object != nil
        names = texts(isObject ? json["names"] : json)
        roles = texts(json["role"]).compactMap(ParameterRole.init)
        if names.isEmpty, roles.isEmpty { return nil }
    }

    /// The one form in which a configuration has it.
    package var json: JSON {
        let names = JSON.array(names.map(JSON.string)), roles = JSON.array(roles.map { .string($0.rawValue) })
        guard !self.roles.isEmpty else { return names }
        return .object(self.names.isEmpty ? ["role": roles] : ["names": names, "role": roles])
    }
}
