/// A model applied more than once in one graph, each time to other inputs, with one set of parameters.
extension Graph {
    /// What is kept while a model is applied again.
    struct Repetition {
        var parameters: [String: Node] = [:]
        var isActive = false
    }

    /// Lets `build` declare the parameters and layers of a model that this graph has already: parameters are those declared before, by
    /// their names; layers are returned and not declared again; statistics keep the values that the first application assigns.
    package func repeating<Result>(_ build: () throws -> Result) throws -> (result: Result, layers: [Layer]) {
        let declared = (layers, assignments)
        repetition.isActive = true
        (layers, assignments) = ([], [])
        defer {
            repetition.isActive = false
            (layers, assignments) = declared
        }
        let result = try build()
        return (result, layers)
    }

    /// The node of a parameter that was declared before.
    func repeated(_ name: String, shape: [Int]) throws -> Node {
        guard let node = repetition.parameters[name] else {
            throw GraphError(
                "parameter: '\(name)' is declared in a further view only; all views have the same parameters")
        }
        guard self.shape(of: node) == shape else {
            throw GraphError(
                "parameter: '\(name)' has the shape \(shape) in a further view and \(self.shape(of: node)) in the first; "
                    + "all views have the same parameters")
        }
        return node
    }
}
