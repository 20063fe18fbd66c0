import Engine
import Foundation
import Manifests
import Observing
import PluginHost
import Protocols

/// A component under test: makes inputs for it and calls it.
struct Subject {
    let manifest: Manifest
    let component: Component
    let registry: Registry

    func loader(seed: UInt64 = 0, steps: Int = 10) -> ComponentLoader {
        // Examples of a plugin name files of its folder.
        ComponentLoader(registry: registry, seed: seed, steps: steps, dataFolder: manifest.folder)
    }

    func choice(_ options: [String: JSON]) -> Choice { Choice(component: component.fullID, options: options) }

    func trial(_ input: TrialInput, _ plan: MemoryPlan = MemoryPlan()) throws -> Trial {
        try Trial(component, input, loader(seed: input.seed, steps: input.steps), plan)
    }

    /// Calls the component once: with its memory as planned if it works on memory, else by building and evaluating a graph.
    func run(_ input: TrialInput, _ plan: MemoryPlan = MemoryPlan()) throws -> TrialResult {
        guard var example = input.example else { return try trial(input, plan).run() }
        if component.add != nil {
            for (name, tensor) in input.tensors {
                example.given[name] = .array(shape: tensor.shape, data: tensor.data)
            }
        }
        do {
            let values = try ExampleRun(component, example, registry, options: input.options).results()
            var result = TrialResult()
            for (name, numbers) in values.sorted(by: { $0.key < $1.key }) {
                result.values[name] = numbers.map(\.number)
            }
            return result
        } catch {
            return TrialResult(status: 2, words: "\(error)")
        }
    }

    // MARK: Inputs of examples

    /// The inputs of the golden examples.
    func examples() throws -> [TrialInput] { try component.examples.map(input) }

    func input(of example: Example) throws -> TrialInput {
        var input = TrialInput(
            label: "example '\(example.name)'", options: try example.options(of: component),
            precision: example.precision)
        guard component.isPlain else {
            input.example = example
            return input
        }
        input.seed = UInt64(clamping: example.integer("seed") ?? 0)
        input.step = example.integer("step") ?? 0
        input.steps = example.integer("steps") ?? 0
        input.fields = [
            .role: example.integer("role") ?? 0, .fanIn: example.integer("fan_in") ?? 1,
            .fanOut: example.integer("fan_out") ?? 1, .epoch: example.integer("epoch") ?? 0,
            .batchSize: example.integer("batch_size") ?? 1,
        ]
        if component.kind == .dataset {
            let dataset = try dataset(input.options, seed: input.seed, example)
            let split = example.split ?? dataset.splits.first ?? "train"
            input.split = dataset.splits.firstIndex(of: split) ?? 0
            let rows = try dataset.rows(in: split)
            let begin = example.integer("begin") ?? 0
            input.rows = begin..<max(begin, example.integer("end") ?? rows)
        }
        if component.needsNetwork, let x = example.array("x"), let y = example.array("y"),
            let parameters = example.array(component.parametersName), x.shape.count == 2
        {
            input.problem = (Tensor(x.shape, x.data), y.data, parameters.data)
        }
        for argument in component.plainFunction.arguments where argument.isTensorInput {
            let name: String =
                switch argument.source {
                case .input(let id), .state(let id): id
                default: argument.name
                }
            if let given = example.array(name) { input.tensors[argument.name] = Tensor(given.shape, given.data) }
        }
        let columns = component.call.arguments.filter(\.isColumn)
        let column = columns.compactMap { input.tensors[$0.name] }.first
        input.fields[.rowCount] = example.integer("row_count") ?? column?.shape.first ?? 0
        input.classes = example.integer("classes") ?? Int((column?.data.max() ?? 0) + 1)
        addStates(to: &input)
        return input
    }

    /// First values of states that the input does not have, as a run would make them, random ones apart.
    func addStates(to input: inout TrialInput) {
        let value = component.plainFunction.arguments.first {
            if case .quantity("parameter.value", _, _) = $0.source { true } else { false }
        }
        let parameter = value.flatMap { input.tensors[$0.name] }
        var draw = Draw(seed: input.seed, name: "state")
        for argument in component.plainFunction.arguments where input.tensors[argument.name] == nil {
            guard case .state(let id) = argument.source, let state = component.state.first(where: { $0.id == id })
            else { continue }
            func number(_ value: StateDeclaration.Value) -> Double {
                value.value(options: input.options, fanIn: input.fields[.fanIn] ?? 1)
            }
            guard let shape = parameter?.shape ?? stateShape(state, input) else { continue }
            let count = shape.reduce(1, *)
            let data: [Double]
            switch state.initializer {
            case .constant(let value): data = Array(repeating: number(value), count: count)
            case .normal(let mean, let deviation):
                data = draw.normal(count).map { number(mean) + number(deviation) * $0 }
            case .uniform(let low, let high):
                data = (0..<count).map { _ in number(low) + (number(high) - number(low)) * draw.uniform() }
            case .copyOfParameter: data = parameter?.data ?? []
            }
            input.tensors[argument.name] = Tensor(shape, data)
        }
    }

    /// Of a state of a probe, whose sizes are those of its quantities.
    private func stateShape(_ state: StateDeclaration, _ input: TrialInput) -> [Int]? {
        state.shape?.reduce([Int]?([])) { shape, extent in
            let size: Int? =
                switch extent {
                case .constant(let size): size
                case .dimension(let name):
                    switch component.dimensions.first(where: { $0.name == name })?.size {
                    case .constant(let size): size
                    case .parameter(let id): input.options[id]?.int
                    case .axis(let of, .index(let axis), let plus):
                        input.tensors[of].flatMap { $0.shape.dropFirst(axis).first }.map { $0 + plus }
                    default: nil
                    }
                case .rows, .described: nil
                }
            return size.flatMap { size in shape.map { $0 + [size] } }
        }
    }

    /// Options that all required params have: those of the first example, with defaults where they exist.
    func usualOptions() throws -> [String: JSON] {
        let given = try component.examples.first?.options(of: component) ?? [:]
        let defaults = component.options()
        return given.merging(defaults) { $1 }
    }
}
