/// Datasets that are made of another one: every split says whose rows it has.
extension ManifestChecks {
    mutating func checkWrapper(_ component: Component) {
        guard component.kind == .dataset else { return }
        for output in component.outputs where output.like != nil {
            if output.shape != nil || output.classes != nil {
                add(output.pointer, "'like' of '\(output.id)' gives its shape and classes; it has no others")
            }
        }
        guard component.isWrapper else { return checkOwnRows(of: component) }
        for split in component.splits where split.source == nil {
            add(
                split.pointer,
                "split '\(split.name)' does not say whose rows it has, as the others do: {\"of\": \"train\"}")
        }
        let here = "\(component.pointer)/call/args"
        if component.data.isEmpty {
            add(here, "a dataset made of another one needs an argument from data")
        }
        let writers = component.call.arguments.filter { $0.source == .sourceRow }
        if writers.count > 1 {
            add(writers[1].pointer, "'\(writers[0].name)' and '\(writers[1].name)' are both from source_row")
        }
        for argument in component.describe?.arguments ?? [] {
            guard case .data = argument.source else { continue }
            let other = component.call.argument(argument.name)
            if other?.source != argument.source || other?.type != argument.type {
                add(
                    argument.pointer,
                    "'\(argument.name)' of 'describe' must be an argument of 'call' too, and the same")
            }
        }
        for split in component.splits where writers.isEmpty && split.rows != .source {
            add(
                split.pointer,
                "split '\(split.name)' has a number of rows of its own, but no argument from source_row says "
                    + "where each row comes from")
        }
    }

    /// What only datasets made of another one can have.
    private mutating func checkOwnRows(of component: Component) {
        if component.outputs.isEmpty {
            add("\(component.pointer)/outputs", "a dataset has outputs, unless it is made of another one")
        }
        let advice = "is for datasets made of another one, whose 'splits' say {\"of\": \"train\"}"
        for argument in component.functions.flatMap(\.arguments) {
            switch argument.source {
            case .data, .sourceRow:
                add("\(argument.pointer)/from", "'\(Self.name(of: argument.source))' \(advice)")
            default: break
            }
        }
        for output in component.outputs where output.like != nil { add("\(output.pointer)/like", "'like' \(advice)") }
    }
}
