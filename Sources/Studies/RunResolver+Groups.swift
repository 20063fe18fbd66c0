import Manifests
import Observing
import OrderedCollections

/// Groups of parameters: options that override those of the study's optimizer, an optimizer of their own, or frozen.
extension RunResolver {
    /// The sections of groups in the order of the file, which says which of two that match a parameter has it.
    static func groups(of tree: StudyTree) -> [DottedKey] {
        (tree[DottedKey("groups")]?.object?.keys ?? []).map { DottedKey(["groups", $0]) }
    }

    mutating func groups(_ choices: OrderedDictionary<DottedKey, Choice>) -> [RunConfiguration.Group] {
        Self.groups(of: tree).compactMap { key in
            guard let parameters = ParameterPattern(tree[key.appending("parameters")]) else { return nil }
            return .init(key: key.last, parameters: parameters, optimizer: optimizer(of: key, choices))
        }
    }

    /// nil if the group is frozen, or after a mistake.
    private mutating func optimizer(of key: DottedKey, _ choices: OrderedDictionary<DottedKey, Choice>) -> Choice? {
        let optimizer = DottedKey("optimizer")
        guard let section = tree[key]?.object, let entry = entries[optimizer] else { return nil }
        let ownKey = key.appending("optimizer")
        let overriding = section.keys.filter { !["parameters", "frozen", "optimizer"].contains($0) }  // and schedules
        if section["frozen"]?.bool == true {
            for name in overriding + (section["optimizer"] == nil ? [] : ["optimizer"]) {
                add(tree.keyPlace(key.appending(name)), "\(key).\(name): a frozen group has no options")
            }
            return nil
        }
        if section["optimizer"] != nil {
            for name in overriding {
                let place = tree.keyPlace(key.appending(name))
                add(place, "\(key).\(name): the group has its own optimizer; write \(ownKey).\(name)")
            }
            return choices[ownKey]
        }
        let parameters = entry.component.parameters
        for name in overriding where name != "schedules" && !parameters.contains(where: { $0.id == name }) {
            let known = Component.groupKeys + parameters.map(\.id)
            let nearest = Nearest.question(for: name, among: known)
            add(
                tree.keyPlace(key.appending(name)),
                "unknown key '\(name)' in \(key)\(nearest) "
                    + "(a group under \(entry.component.id) has: \(known.joined(separator: ", ")))")
        }
        var choice = choices[optimizer]
        for parameter in parameters where section[parameter.id] != nil {
            choice?.options[parameter.id] = checked(parameter, in: key)
        }
        let own = schedules(of: key, for: entry.component, choices)
        choice?.schedules.merge(own) { $1 }
        return choice
    }

    /// The schedules of a section for the options of a component.
    mutating func schedules(
        of section: DottedKey, for component: Component, _ choices: OrderedDictionary<DottedKey, Choice>
    ) -> [String: Choice] {
        let key = section.appending("schedules")
        let possible = component.parameters.filter { $0.type == .float }.map(\.id)
        var schedules: [String: Choice] = [:]
        for option in tree[key]?.object?.keys ?? [] {
            if possible.contains(option) {
                schedules[option] = choices[key.appending(option)]
            } else {
                let hint = Nearest.hint(for: option, among: possible, label: "it has")
                add(
                    tree.keyPlace(key.appending(option)),
                    "\(key): \(component.id) has no float option '\(option)'\(hint)")
            }
        }
        return schedules
    }
}
