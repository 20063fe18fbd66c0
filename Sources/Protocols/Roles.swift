import Engine

/// What a dataset gives for each row, as the dataset's manifest declares it.
package struct Field: Hashable, Sendable {
    package var name: String
    /// Shape of one row; `[]` for a number or a label.
    package var shape: [Int]
    /// The number of classes if the field holds class indices.
    package var classes: Int?

    package init(name: String, shape: [Int], classes: Int? = nil) {
        self.name = name
        self.shape = shape
        self.classes = classes
    }

    package var elements: Int { shape.reduce(1, *) }
    /// Columns of a one-hot or real target.
    package var columns: Int { classes ?? elements }
}

/// Rows of named fields, split into parts such as `train` and `test`.
package protocol Dataset: AnyObject {
    /// Its rows depend on the run's seed.
    var isSeeded: Bool { get }
    var fields: [Field] { get }
    var splits: [String] { get }
    func rows(in split: String) throws -> Int
    /// Writes rows `range` of every field as f64, `[rows, elements]` row-major, into the buffers, in the order of `fields`.
    func read(_ split: String, _ range: Range<Int>, into buffers: [UnsafeMutableBufferPointer<Double>]) throws
}

extension Dataset {
    package var isSeeded: Bool { true }
}

/// A batch tensor in a graph under construction.
package struct BatchNode: Sendable {
    package var field: Field
    /// `[rows] + field.shape`.
    package var node: Node

    package init(field: Field, node: Node) {
        self.field = field
        self.node = node
    }
}

/// Builds a network: declares parameters and layers and returns its named outputs, one of them `output`.
package protocol Model: AnyObject {
    func build(in graph: Graph, batch: [String: BatchNode]) throws -> [String: Node]
}

/// What a rule makes of the cotangent of a layer's output; what it leaves out is what the derivative gives.
package struct RulePart {
    /// Cotangent of the layer's input.
    package var inputGrad: Node?
    /// Cotangent of the layer's weight.
    package var weightGrad: Node?
    /// In place of the weight in the cotangent of the input.
    package var backwardWeight: Node?
    /// New values of states, by their ids.
    package var states: [String: Node]

    package init(
        inputGrad: Node? = nil, weightGrad: Node? = nil, backwardWeight: Node? = nil, states: [String: Node] = [:]
    ) {
        (self.inputGrad, self.weightGrad, self.backwardWeight) = (inputGrad, weightGrad, backwardWeight)
        self.states = states
    }
}

/// Takes the place of the derivative of each layer, input ↦ input · weightᵀ, where training computes gradients.
package protocol LearningRule: AnyObject {
    /// The tensors that the host keeps for each layer, of the shape of its weight.
    var states: [String] { get }
    /// First values of a state, a block of its own, of a layer whose weight begins with `initial`; nil if that is made of other
    /// parameters.
    func start(_ state: String, of block: ParameterBlock, initial: [Double]?) throws -> [Double]
    /// - Parameters:
    ///   - outputGrad: the cotangent of the layer's output, from the batch's loss.
    ///   - headGrad: the same of the last layer's output.
    func part(
        of layer: Layer, outputGrad: Node, headGrad: Node, states: [String: Node], in graph: Graph
    ) throws -> RulePart
}

/// Makes a parameter of other parameters, its variables, which are trained in its place.
package protocol Parametrization: AnyObject {
    /// Declares the variables of a parameter and builds its value from them.
    func build(_ parameter: ParameterBlock, in graph: Graph) throws -> Node
    /// First values of the variables, in the order of their declaration, for which the parameter has the values `initial`.
    func start(_ parameter: ParameterBlock, initial: [Double]) throws -> [[Double]]
}

/// Builds the loss of each sample, shape `[rows]`, or of the whole batch, shape `[]`.
package protocol Loss: AnyObject {
    /// Fields of the batch to each of which the model is applied in place of `x`, with the same parameters.
    var views: [String] { get }
    /// - Parameter outputs: the model's by their names, `<layer>.input` and `<layer>.output`; of a view, `<name>@<view>`.
    func build(in graph: Graph, outputs: [String: Node], batch: [String: BatchNode]) throws -> Node
}

extension Loss {
    package var views: [String] { [] }
}

/// A term of the objective that depends on the parameters only.
package protocol Regularizer: AnyObject {
    /// Binds to the buffers of some blocks; `start` functions run here.
    func attach(to parameters: ParameterStore, blocks: [Int]) throws -> any AttachedUpdate
}

extension Regularizer {
    /// Binds to all trained blocks.
    package func attach(to parameters: ParameterStore) throws -> any AttachedUpdate {
        try attach(to: parameters, blocks: parameters.trainedBlocks)
    }
}

/// Changes the parameters from their gradients.
package protocol Optimizer: AnyObject {
    /// Optimizers of equal keys update several networks by one attachment to all their parameters as well as by one for each; nil: never.
    var sharingKey: AnyHashable? { get }
    /// Evaluates the objective at points it tries.
    var needsObjective: Bool { get }
    /// Binds to the buffers of some blocks; `start` functions run here.
    /// - Parameter objective: of these blocks, for optimizers that need it.
    func attach(
        to parameters: ParameterStore, blocks: [Int], objective: (any Derivatives)?
    ) throws -> any AttachedUpdate
}

extension Optimizer {
    package var sharingKey: AnyHashable? { nil }
    package var needsObjective: Bool { false }

    /// Binds to all trained blocks.
    package func attach(
        to parameters: ParameterStore, objective: (any Derivatives)? = nil
    ) throws -> any AttachedUpdate {
        try attach(to: parameters, blocks: parameters.trainedBlocks, objective: objective)
    }
}

/// An optimizer or a regularizer bound to parameters: calls that each run of the training program makes when the gradients are
/// there.
package protocol AttachedUpdate: AnyObject, StateOwner {
    /// Regularizers add to the gradients, optimizers change the values. Valid as long as this object. Empty if all is done in `end`.
    var updates: [Update] { get }
    /// Before a run; `step` counts the updates done before. Sets what depends on it.
    func begin(step: Int) throws
    /// After a run: the value of a regularizer, 0 for an optimizer, which may change the values here. Throws what a call has
    /// reported; the parameters may then have changed in part.
    func end() throws -> Double
}

/// State tensors that a checkpoint keeps, by name (`optimizer.velocity.fc1.weight`).
package protocol StateOwner {
    var state: [(name: String, buffer: UnsafeMutableRawPointer, count: Int)] { get }
}

/// Rows of a field that a procedure works on.
package struct DataField {
    package var field: Field
    package var rows: Int
    /// `[rows, elements]`, row-major.
    package var values: UnsafePointer<Double>

    package init(field: Field, rows: Int, values: UnsafePointer<Double>) {
        (self.field, self.rows, self.values) = (field, rows, values)
    }
}

/// What a procedure says while it runs.
package protocol ProcedureListener: AnyObject {
    func record(_ observation: Observation) throws
    /// A tensor of two axes or more.
    func record(step: Int, output: String, shape: [Int], values: [Double]) throws
    /// After `step` steps. False: the procedure shall end.
    func progress(step: Int) throws -> Bool
}

/// Owns its whole loop, and records what it measures.
package protocol Procedure: AnyObject {
    /// Fields of the dataset, by split.
    var data: [(field: String, split: String)] { get }
    /// Runs to the end. Returns false if it was cancelled. `data` in the order of that property.
    func run(_ data: [DataField], _ listener: any ProcedureListener) throws -> Bool
}

/// What one call of a probe is about.
package enum ProbeScope: String, Sendable {
    case run, layer, parameter
    case layerPair = "layer_pair"
    case runPair = "run_pair"

    /// About a `first` and a `second`.
    package var isOfPairs: Bool { self == .layerPair || self == .runPair }

    package var words: String {
        switch self {
        case .layerPair: "pair of layers"
        case .runPair: "pair of runs"
        default: rawValue
        }
    }
}

/// Asks an observation for quantities, some of them pass by pass.
package protocol QuantityTaker: AnyObject {
    /// Expressions, for every binding: `moment.raw(layer.output)`.
    var needs: [Need] { get }
    /// What `add` takes: rows of samples pass by pass, and finished values of quantities, which earlier passes gave.
    var streamed: [Need] { get }
    /// Takes in some rows of one layer, pair or run; `rows` gives the values of `streamed` for them.
    func add(layer: String, rows: any QuantitySource, memory: ProbeMemory)
}

extension QuantityTaker {
    package var streamed: [Need] { [] }
    package func add(layer: String, rows: any QuantitySource, memory: ProbeMemory) {}
}

/// A quantity that a plugin makes of others.
package protocol DefinedQuantity: QuantityTaker {
    /// - Returns: the value, whose memory `owner` keeps.
    /// - Throws: `Undefined` if there is none.
    func value(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory
    ) throws -> (value: Quantity, owner: AnyObject)
}

/// Finds the quantities of plugins that expressions name.
package protocol QuantityDefinitions: AnyObject {
    /// - Parameter expression: in its canonical form.
    func definition(of expression: String) throws -> any DefinedQuantity
}

/// Turns quantities into numbers.
package protocol Probe: QuantityTaker {
    var scope: ProbeScope { get }
    /// Of pairs: exchanging the two changes nothing, so that each pair is measured once.
    var isSymmetric: Bool { get }
    /// Of pairs of layers: those that follow one another only.
    var isConsecutive: Bool { get }
    /// The states in its memory outlive an observation.
    var hasState: Bool { get }
    /// Measures one layer, parameter, pair or run; `quantities` gives the values of `needs`. Pairs of layers are named `fc1:fc2`.
    func measure(
        step: Int, layer: String, quantities: any QuantitySource, memory: ProbeMemory, record: (Observation) -> Void
    ) throws
}

extension Probe {
    package var isSymmetric: Bool { false }
    package var isConsecutive: Bool { false }
    package var hasState: Bool { false }

    /// A measurement that nothing was kept for.
    package func measure(
        step: Int, layer: String, quantities: any QuantitySource, record: (Observation) -> Void
    ) throws {
        try measure(step: step, layer: layer, quantities: quantities, memory: ProbeMemory(), record: record)
    }
}

/// A quantity a probe asks for.
package struct Need: Hashable, Sendable {
    package var expression: String
    /// The probe copes with networks that lack it (a layer without bias).
    package var optional: Bool

    package init(_ expression: String, optional: Bool = false) {
        self.expression = expression
        self.optional = optional
    }
}

/// A tensor of an observation; `data` stays valid until the observation ends.
package struct Quantity {
    package enum Data {
        case real(UnsafePointer<Double>)
        case integer(UnsafePointer<Int32>)
    }
    package var data: Data
    package var shape: [Int]
    /// Of a quantity of a plugin: a row for each sample.
    package var isOfSamples: Bool

    package init(data: Data, shape: [Int], isOfSamples: Bool = false) {
        (self.data, self.shape, self.isOfSamples) = (data, shape, isOfSamples)
    }
}

/// Where probes get their quantities: an observation of a network, or recorded arrays.
package protocol QuantitySource {
    /// The value of an expression for a layer or parameter (empty: the run); nil if the network lacks it.
    /// Throws `Undefined` if it has no value here.
    func quantity(_ expression: String, layer: String) throws -> Quantity?
    /// The network itself, for probes that evaluate it; nil if there is none, as for recorded arrays.
    var derivatives: (any Derivatives)? { get }
}

extension QuantitySource {
    package var derivatives: (any Derivatives)? { nil }
}

/// A value that does not exist for this input, with its reason code.
package struct Undefined: Error, Hashable {
    package var reason: String
    package init(_ reason: String) { self.reason = reason }
}
