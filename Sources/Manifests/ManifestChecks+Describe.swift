/// The function `describe` of datasets, and what is left for it to say.
extension ManifestChecks {
    /// What `describe` writes.
    static func isDescribing(_ source: Argument.Source) -> Bool {
        switch source {
        case .rows, .shape, .classes: true
        default: false
        }
    }

    /// What is known before a dataset has rows or sizes.
    static func isKnownFirst(_ source: Argument.Source) -> Bool {
        switch source {
        case .data, .dimension, .parameter, .count, .sizes, .constant, .workspace, .file, .service, .seed, .message,
            .messageSize:
            true
        default: false
        }
    }

    mutating func checkHasDescribe(_ component: Component, at pointer: String) {
        if component.describe == nil {
            add(pointer, "\"describe\" stands for a size that the function 'describe' writes, but there is none")
        }
    }

    /// Everything described is written by exactly one argument.
    mutating func checkDescribe(of component: Component) {
        guard let describe = component.describe else { return }
        if case .output = describe.returns {
            add("\(describe.pointer)/returns", "'describe' returns \"status\" or \"void\"")
        }
        let rows = component.splits.filter { $0.rows == .described }.map {
            (Argument.Source.rows($0.name), $0.pointer)
        }
        let shapes = component.outputs.filter { $0.shape?.last == .described }
            .map { (Argument.Source.shape($0.id), $0.pointer) }
        let classes = component.outputs.filter { $0.classes == .described }
            .map { (Argument.Source.classes($0.id), $0.pointer) }
        let described = rows + shapes + classes
        if described.isEmpty {
            add(describe.pointer, key: true, "there is a function 'describe', but nothing says \"describe\"")
        }
        for (source, pointer) in described where !describe.arguments.contains(where: { $0.source == source }) {
            add(pointer, "\(Self.words(source)) is said by 'describe', but none of its arguments writes it")
        }
        var writers: [Argument.Source: String] = [:]
        for argument in describe.arguments where Self.isDescribing(argument.source) {
            if let other = writers.updateValue(argument.name, forKey: argument.source) {
                add(
                    argument.pointer,
                    "\(Self.words(argument.source)) is written twice, by '\(other)' and '\(argument.name)'")
            } else if !described.contains(where: { $0.0 == argument.source }) {
                add(
                    argument.pointer,
                    "argument '\(argument.name)' writes \(Self.words(argument.source)), which does not say \"describe\""
                )
            }
        }
    }

    private static func words(_ source: Argument.Source) -> String {
        switch source {
        case .rows(let split): "the number of rows of split '\(split)'"
        case .shape(let output): "the shape of output '\(output)'"
        case .classes(let output): "the number of classes of output '\(output)'"
        default: "'\(name(of: source))'"
        }
    }
}
