import Engine
import Manifests
import Protocols

/// A network and its loss, at the values of one store after the other.
final class ObservedNetwork: Observed {
    let shapes: [LayerShape]
    let outputWidth, outputPositions, targetPositions: Int
    let coupled: Undefined?
    private let network: Network
    /// In f64.
    private let store: ParameterStore
    private let weights: LayerWeights
    /// Of each layer.
    private let nodes: [(weight: Node, bias: Node?)]
    /// The first values, until the first observation makes `initialWeights` of them.
    private var initial: ParameterStore?
    private var initialWeights: [Node: [Double]] = [:]
    private let programs: ProgramCache
    private let derivatives: NetworkDerivatives

    /// Compiled when first needed, by whichever copy of the network.
    private final class ProgramCache {
        var programs: [CaptureProgram.Key: CaptureProgram] = [:]
    }

    /// - Parameter initial: holds the initial values when this is called.
    init(_ network: Network, initial: ParameterStore) throws {
        self.network = network
        programs = ProgramCache()
        let built = try network.build(rows: 1)
        let graph = built.graph
        guard
            graph.blocks.elementsEqual(
                initial.blocks, by: { ($0.name, $0.shape, $0.role) == ($1.name, $1.shape, $1.role) })
        else {
            throw GraphError(
                "the model declares other parameters in an evaluation than in training: "
                    + "\(graph.blocks.map(\.name)) against \(initial.blocks.map(\.name))")
        }
        store = ParameterStore(blocks: graph.blocks, precision: .f64)
        weights = try LayerWeights(built, parameters: store)
        shapes = try graph.layers.map { layer in
            let matrices = try graph.matrices(of: layer), size = graph.shape(of: matrices.weight)
            return LayerShape(
                name: layer.name, input: size[1], output: size[0],
                positions: graph.shape(of: matrices.output)[0], isProduct: graph.isProduct(layer))
        }
        nodes = graph.layers.map { ($0.weight, $0.bias) }
        let output = graph.shape(of: built.output).dropFirst()
        (outputWidth, outputPositions) = (output.last ?? 1, output.dropLast().reduce(1, *))
        targetPositions = network.target?.positions(ofOutputs: outputPositions) ?? 1
        do {
            _ = try built.sampleLoss()
            coupled = nil
        } catch let undefined as Undefined {
            coupled = undefined
        }
        derivatives = NetworkDerivatives(network, built: built, isSeparable: coupled == nil, current: store)
        self.initial = initial.clone(blocks: graph.blocks)
    }

    /// Another copy of the network, which shares programs and memory with this one: they take turns.
    init(sharing other: ObservedNetwork, initial: ParameterStore) {
        (network, store, shapes, nodes) = (other.network, other.store, other.shapes, other.nodes)
        (outputWidth, outputPositions, targetPositions) =
            (other.outputWidth, other.outputPositions, other.targetPositions)
        (coupled, programs, derivatives, weights) =
            (other.coupled, other.programs, other.derivatives, other.weights)
        self.initial = initial.clone(blocks: other.store.blocks)
    }

    /// Before anything is measured at the values in a store.
    func move(to values: ParameterStore) {
        if let initial {
            store.copyValues(from: initial)
            weights.update()
            initialWeights = Dictionary(nodes.map { ($0.weight, weights.values($0.weight)) }) { first, _ in first }
            self.initial = nil
        }
        store.copyValues(from: values)
        weights.update()
    }

    var targetWidth: Int? { network.target.map { $0.classes ?? $0.elements / targetPositions } }
    var jacobianOutputs: Int { outputWidth * outputPositions }
    var parameters: [String] { store.blocks.map(\.name) }
    var gradient: ParameterStore? { store }

    func has(_ basic: QuantityExpression.Basic, of layer: Int?, parameter: String, split: String) -> Bool { true }

    func program(_ key: CaptureProgram.Key) throws -> any RowProgram {
        let program = try programs.programs[key] ?? CaptureProgram(network, key, parameters: store)
        programs.programs[key] = program
        return program
    }

    func derivatives(on tables: [String: DataTable], split: String, rows: Int) -> (any Derivatives)? {
        bound(to: tables, split: split, rows: rows)
    }

    func bound(to tables: [String: DataTable], split: String, rows: Int) -> any Derivatives {
        derivatives.bound(to: tables, split: split, rows: rows)
    }

    func weight(of layer: Int) -> [Double]? { weights.values(nodes[layer].weight) }

    func constant(
        _ basic: QuantityExpression.Basic, of layer: Int?, parameter: String
    ) throws(Undefined) -> (values: [Double], shape: [Int])? {
        if basic == .parameters {
            let values = store.trainedBlocks.flatMap(store.copy(block:))
            return (values, [values.count])
        }
        if basic == .parameterValue {
            guard let block = store.blocks.firstIndex(where: { $0.name == parameter }) else { return nil }
            return (store.copy(block: block), [store.blocks[block].count])
        }
        guard let layer else { return nil }
        let (weight, bias) = nodes[layer], outputs = shapes[layer].output
        let shape = [outputs, shapes[layer].input]
        switch basic {
        case .layerBias: return bias.map { (weights.values($0), [outputs]) }
        case .layerBiasPlace: return try bias.map { node throws(Undefined) in (try places(of: node), [outputs]) }
        case .layerWeightPlace: return (try places(of: weight), shape)
        case .layerWeight: return (weights.values(weight), shape)
        case .layerWeightInitial: return (initialWeights[weight] ?? [], shape)
        case .layerWeightChange:
            return (zip(weights.values(weight), initialWeights[weight] ?? []).map { $0 - $1 }, shape)
        default: return nil
        }
    }

    /// Indices of a layer's numbers among the trained parameters.
    private func places(of node: Node) throws(Undefined) -> [Double] {
        guard let block = weights.block(node), store.blocks[block].isTrained else {
            throw Undefined("not_a_parameter")
        }
        let first = store.blocks[..<block].reduce(0) { $0 + ($1.isTrained ? $1.count : 0) }
        return (0..<store.blocks[block].count).map { Double(first + $0) }
    }
}
