/// Samplers, and names that options give.
extension ManifestChecks {
    mutating func checkOrder(of component: Component) {
        guard component.outputs.map(\.id) == ["order"], let shape = component.outputs[0].shape, shape.count == 1
        else {
            return add(
                "\(component.pointer)/outputs",
                "a sampler has one output, with the id 'order' and one axis: [\"rows\"], or a dim")
        }
        guard case .dimension(let name) = shape[0],
            case .axis? = component.dimensions.first(where: { $0.name == name })?.size
        else { return }
        add(
            "\(component.outputs[0].pointer)/shape/0",
            "the rows of an epoch are known before there are any: \"rows\", a param or a number, not an axis")
    }

    /// A name from a param must be a text.
    mutating func checkChoice(
        _ choice: Argument.Choice, _ key: String, _ component: Component, at pointer: String
    ) -> Bool {
        guard case .parameter(let id) = choice else { return true }
        let here = "\(pointer)/\(key)/param", texts = component.parameters.filter { $0.type == .string }
        guard checkKnown(id, "param", among: component.parameters.map(\.id), at: here) else { return false }
        guard texts.contains(where: { $0.id == id }) else {
            let type = component.parameter(id)?.type.rawValue ?? ""
            add(here, "a name comes from a string param, but '\(id)' is of type \(type)")
            return false
        }
        return true
    }
}
