import Engine
import Protocols

/// A model with its loss and the fields of its batches: what can be built at any number of rows.
package struct Network {
    package let model: any Model
    /// Further models for the loss, by keys that come before the names of their parameters, layers and outputs.
    package let others: [(key: String, model: any Model)]
    package let loss: any Loss
    package let fields: [Field]
    package let parametrizations: [ParametrizationRule]
    /// The first that matches a parameter gives its first values.
    package let initializers: [InitializerRule]
    /// In place of backpropagation in training; nil: none.
    package let rule: LayerRule?

    package init(
        model: any Model, others: [(key: String, model: any Model)] = [], loss: any Loss, fields: [Field],
        parametrizations: [ParametrizationRule] = [],
        initializers: [InitializerRule] = [], rule: LayerRule? = nil
    ) {
        self.rule = rule
        self.model = model
        self.others = others
        self.loss = loss
        self.fields = fields
        self.parametrizations = parametrizations
        self.initializers = initializers
    }

    /// The field that losses compare with.
    package var target: Field? { fields.first { $0.name == "y" } }

    /// One built graph.
    package struct Built {
        package let graph: Graph
        /// Those that are trained, in the order of `graph.trainedBlocks`.
        package let parameters: [Node]
        package let batch: [String: BatchNode]
        package let outputs: [String: Node]
        package let output: Node
        fileprivate let loss: any Loss
        /// The outputs, layers and views by the names that a loss has for them.
        fileprivate let activations: [String: Node]
        let parametrized: [Parametrized]
        let initializers: [InitializerRule]
        /// The layers that a rule acts on.
        let ruled: [RuledLayer]

        /// The loss of each sample, `[rows]`, or of the batch, `[]`.
        package func anyLoss() throws -> Node { try loss.build(in: graph, outputs: activations, batch: batch) }

        /// What training descends on: the mean of the samples' losses, or the batch's.
        package func meanLoss() throws -> Node {
            let node = try anyLoss()
            return graph.shape(of: node).isEmpty ? node : try graph.apply(named: "mean", [node])
        }

        /// The loss of each sample; a loss that couples samples has none.
        package func sampleLoss() throws -> Node {
            let node = try anyLoss()
            guard graph.shape(of: node).count == 1 else { throw Undefined("loss_not_separable") }
            return node
        }

        /// The targets as real columns, one-hot for labels: `[rows, columns]`.
        func targets() throws -> Node {
            guard let y = batch["y"] else { throw Undefined("no_targets") }
            if let classes = y.field.classes {
                return try graph.apply(named: "one_hot", [y.node], attributes: ["classes": Double(classes)])
            }
            return try graph.reshape(y.node, to: [graph.shape(of: y.node)[0], y.field.elements])
        }
    }

    /// The model's graph for batches of `rows` rows; the loss is added when asked for.
    /// - Parameter isTraining: for the training step; all that observes, measures or differentiates takes the evaluation.
    package func build(rows: Int, isTraining: Bool = false) throws -> Built {
        let graph = Graph(isTraining: isTraining)
        var batch: [String: BatchNode] = [:]
        for field in fields {
            batch[field.name] = BatchNode(field: field, node: graph.input(field.name, shape: [rows] + field.shape))
        }
        let substitution = Substitution(parametrizations, graph)
        graph.substitute = substitution.node
        let outputs = try apply(to: batch, in: graph)
        graph.substitute = nil
        try substitution.check()
        let ruled = try rule?.declare(in: graph) ?? []
        guard rule == nil || loss.views.isEmpty else {
            throw GraphError(
                "rule: the loss applies the model to '\(loss.views[0])' too; a rule acts on one application of it")
        }
        guard let output = outputs["output"] else { throw Undefined("model_without_output") }
        return Built(
            graph: graph, parameters: graph.trainedNodes, batch: batch, outputs: outputs, output: output, loss: loss,
            activations: try activations(outputs, batch, in: graph), parametrized: substitution.parametrized,
            initializers: initializers, ruled: ruled)
    }
}

extension Field {
    /// Rows of these targets for each row of the batch: one for each label, or as many as the outputs have, where they fit.
    func positions(ofOutputs outputs: Int) -> Int {
        guard classes == nil else { return elements }
        return elements.isMultiple(of: outputs) ? outputs : 1
    }
}
