import Manifests
import OrderedCollections

/// `key=value` from the command line; the value is YAML in flow style.
struct Override {
    var words: String
    var key: DottedKey
    var value: JSON

    init(_ words: String) throws(StudyError) {
        guard let equals = words.firstIndex(of: "="), equals != words.startIndex else {
            throw StudyError("override '\(words)': expected key=value, such as optimizer.lr=0.1")
        }
        self.words = words
        key = DottedKey(String(words[..<equals]))
        guard key.parts.allSatisfy({ !$0.isEmpty }) else {
            throw StudyError("override '\(words)': '\(key)' is not a dotted key, such as optimizer.lr")
        }
        value = try YAMLDocument.value(String(words[words.index(after: equals)...]), of: "override '\(words)'")
    }

    /// Whether the key is one that its section cannot be without.
    var beginsSection: Bool {
        key.last == "plugin" || key.last == "parameters" && key.parts[0] == "groups"
            || key.last == "when" && key.parts[0] == "stop"
    }
}

extension StudyTree {
    /// The parent of an overridden key must be there.
    func check(_ override: Override) throws(StudyError) {
        let key = override.key
        let parent = key.parent
        if ["sweep", "claims", "figures"].contains(key.parts[0]) {
            throw StudyError(
                key.parts[0] != "sweep"
                    ? "override '\(override.words)': \(key.parts[0]) belong to the study file and cannot be overridden"
                    : "override '\(override.words)': sweep cannot be overridden; give the option itself, such as optimizer.lr=[0.1, 0.2]"
            )
        }
        if parent.parts.isEmpty || self[parent]?.object != nil { return }
        if (OptionTypes.keyedSections + ["record", "fork"]).contains(parent.description) { return }
        if parent.last == "schedules", self[parent.parent]?.object != nil { return }
        if override.beginsSection, canBegin(parent) { return }
        let there = (1..<key.parts.count).lazy.map { DottedKey(Array(key.parts.prefix($0))) }
        if let value = there.first(where: { self[$0] != nil && self[$0]?.object == nil }) {
            throw StudyError(
                "override '\(override.words)': \(value) is a value, which has no '\(key.parts[value.parts.count])'")
        }
        let isKeyed =
            OptionTypes.keyedSections.contains(parent.parent.description)
            || parent.parent.last == "schedules"
        let known = knownKeys.filter { self[$0]?.object != nil && (!isKeyed || $0.parent == parent.parent) }.map(
            \.description)
        var nearest = Nearest.question(for: parent.description, among: known) { "\($0).\(key.last)" }
        let begin = parent.parent.description == "groups" ? "parameters" : "plugin"
        if nearest.isEmpty, isKeyed { nearest = "; to add it, give \(parent).\(begin)=… too" }
        throw StudyError("override '\(override.words)': the study has no '\(parent)'\(nearest)")
    }

    /// Whether a section may be new: one with a key of the user's choice, a schedule, or the optimizer of a group.
    private func canBegin(_ section: DottedKey) -> Bool {
        let parent = section.parent
        if OptionTypes.keyedSections.contains(parent.description)
            || ["sampler", "rule"].contains(section.description)
        {
            return true
        }
        let owner =
            parent.last == "schedules" ? parent.parent : ["optimizer", "of"].contains(section.last) ? parent : nil
        return owner.map { self[$0]?.object != nil } ?? false
    }

    /// The keys of all members of objects, in the order of the file.
    var knownKeys: [DottedKey] {
        func keys(_ json: JSON, _ key: DottedKey) -> [DottedKey] {
            (json.object ?? [:]).flatMap { name, value in
                [key.appending(name)] + keys(value, key.appending(name))
            }
        }
        return keys(root, DottedKey([String]()))
    }
}
