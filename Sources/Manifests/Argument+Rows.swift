extension Argument {
    /// Whether `add` takes the quantity pass by pass: it has a row for each sample. Anything else it takes finished.
    package func isOfRows(_ expression: String) -> Bool {
        if let form { return form == .samples || form == .vector }
        return (try? QuantityExpression(expression))?.isOfSamples ?? false
    }
}

extension Component {
    /// The same for an argument of `add` whatever the options are.
    func isOfRows(_ argument: Argument) -> Bool {
        if argument.form != nil { return argument.isOfRows("") }
        return expandedBindings(values: allValues).allSatisfy { binding in
            binding.quantities[argument.name].map(argument.isOfRows) ?? true
        }
    }
}
