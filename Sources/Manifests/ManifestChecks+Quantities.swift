/// Components that define a quantity of others.
extension ManifestChecks {
    /// Expressions of this manifest: components of other plugins are found when a study is planned.
    var quantities: QuantityResolver {
        let (own, plugin) = (components, components.first?.plugin ?? "")
        return QuantityResolver { name throws(UnknownQuantity) in
            let known = own.filter { $0.kind == .quantity }
            if let component = known.first(where: { $0.fullID == name }) { return component }
            guard name.hasPrefix("\(plugin)/") else { return nil }
            throw UnknownQuantity(
                sentence: "this plugin has no quantity \(quoted(name))"
                    + Nearest.hint(for: name, among: known.map(\.fullID)))
        }
    }

    mutating func checkValue(of component: Component) {
        let here = "\(component.pointer)/outputs"
        guard component.outputs.map(\.id) == ["value"], let shape = component.outputs[0].shape,
            (1...2).contains(shape.count), component.outputs[0].type == .f64
        else {
            return add(here, "a quantity has one output, with the id 'value', the dtype f64 and 1 or 2 axes")
        }
        if let form = component.outputs[0].form, form.rank != shape.count {
            add("\(here)/0/form", "\(form.words) has \(form.rank == 1 ? "1 axis" : "2 axes"), got \(shape.count)")
        }
    }

    /// An argument has a quantity, or expressions give it and its form says what it must look like.
    mutating func checkForm(of argument: Argument, _ text: String?, _ component: Component) -> Bool {
        guard component.kind == .quantity else {
            if argument.form != nil {
                add("\(argument.pointer)/form", key: true, "'form' is for arguments of quantities")
            }
            return argument.form == nil
        }
        if (text == nil) == (argument.form == nil) {
            add(
                argument.pointer,
                "argument '\(argument.name)' needs a 'quantity' of its own or, if expressions give it, a 'form'"
                    + (text == nil ? "" : "; it has both"))
            return false
        }
        return true
    }
}
