import Engine
import Manifests
import PluginHost
import Protocols

/// P2: (f(x + h) − f(x − h)) / 2h in f64 against the gradient a component gives, with h = 1e-5 · max(1, |x|). The difference may be
/// 1e-5 of the largest gradient: central differences err by h²/6 · f''' and 1e-16 · f / h.
enum GradientTest {
    private static let tolerance = 1e-5

    static func run(_ examination: Examination, _ subject: Subject) throws {
        switch subject.component.kind {
        case .regularizer: try regularizer(examination, subject)
        case .loss: try loss(examination, subject)
        default: try operation(examination, subject)
        }
    }

    /// Reports the first of some coordinates where the two disagree.
    private static func compare(
        _ examination: Examination, at pointer: String, _ name: String, _ gradient: [Double], _ x: [Double],
        coordinates: [Int], label: String, f: ([Double]) throws -> Double
    ) throws {
        let scale = max(gradient.reduce(0) { max($0, abs($1)) }, 1e-6)
        for i in coordinates {
            let h = 1e-5 * max(1, abs(x[i]))
            var above = x, below = x
            above[i] += h
            below[i] -= h
            let slope = (try f(above) - f(below)) / (above[i] - below[i])
            guard slope.isFinite, !(abs(slope - gradient[i]) <= tolerance * scale) else { continue }
            return examination.report(
                .error, at: pointer,
                "the derivative by \(name)[\(i)] is \(gradient[i]), central differences give \(slope), with \(label)",
                advice: "derive it again; a factor of 2 or n is the usual mistake")
        }
    }

    private static func coordinates(_ count: Int, _ draw: inout Draw) -> [Int] {
        Array(draw.permutation(count).prefix(12))
    }

    /// Random points, away from zero, where many functions have a kink.
    private static func points(_ count: Int, _ draw: inout Draw) -> [Double] {
        draw.normal(count).map { $0 + ($0 < 0 ? -0.05 : 0.05) }
    }

    private static func regularizer(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        for example in subject.component.examples {
            let options = try example.options(of: subject.component)
            for count in [1, 7, 53] {
                let x = points(count, &draw), label = "the options of example '\(example.name)', \(count) elements"
                examination.begin(label)
                let bench = try UpdateBench(
                    subject.choice(options), kind: .regularizer, values: [("p", [count], x)],
                    loader: subject.loader(seed: examination.seed))
                bench.store.set(block: 0, x)
                bench.setGradient(Array(repeating: 0, count: count))
                _ = try bench.penalty()
                let gradient = bench.gradient()
                try compare(
                    examination, at: subject.component.call.pointer, "the parameter", gradient, x,
                    coordinates: coordinates(count, &draw), label: label
                ) { point in
                    bench.store.set(block: 0, point)
                    return try bench.penalty()
                }
            }
        }
    }

    private static func loss(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        for example in subject.component.examples {
            let options = try example.options(of: subject.component)
            for input in try subject.random(TrialSizes(rows: 4), options: options, draw: &draw) {
                for name in subject.component.differentiable {
                    guard let example = input.example, let array = example.array(name) else { continue }
                    let label = "the options of example '\(example.name)', \(name) \(array.shape)"
                    examination.begin(label)
                    func sum(_ values: [Double]) throws -> (loss: Double, gradient: [Double]) {
                        var moved = example
                        moved.precision = .f64
                        moved.given[name] = .array(shape: array.shape, data: values)
                        let results = try ExampleRun(subject.component, moved, subject.registry).results()
                        return (
                            (results["sample_loss"] ?? []).reduce(0) { $0 + $1.number },
                            (results["\(name)_grad"] ?? []).map(\.number)
                        )
                    }
                    try compare(
                        examination, at: subject.component.call.pointer, name, try sum(array.data).gradient,
                        array.data, coordinates: coordinates(array.data.count, &draw), label: label
                    ) { try sum($0).loss }
                }
            }
        }
    }

    /// The derivatives that an activation or operation names.
    private static func operation(_ examination: Examination, _ subject: Subject) throws {
        var draw = examination.draw()
        let component = subject.component, loader = subject.loader(seed: examination.seed)
        func evaluate(_ id: String, _ options: [String: JSON], _ tensors: [Tensor]) throws -> [Double] {
            let other = subject.manifest.components.first { $0.id == id }
            let own = options.filter { other?.parameter($0.key) != nil }
            return try evaluateOperation(
                Choice(component: "\(component.plugin)/\(id)", options: own),
                inputs: tensors.map { ($0.shape, $0.data) }, loader: loader)
        }
        let arguments = component.call.arguments.filter(\.isTensorInput).map(\.name)
        for example in component.examples {
            let options = try example.options(of: component)
            let values: TrialValues = { shape, draw in points(shape.reduce(1, *), &draw) }
            for input in try subject.random(
                TrialSizes(rows: 6, inputs: 4, outputs: 3, classes: 2), options: options, draw: &draw, values: values)
            {
                let tensors = arguments.compactMap { input.tensors[$0] }
                guard tensors.count == component.inputs.count,
                    let result = try? evaluate(component.id, options, tensors)
                else { continue }
                for derivative in component.derivatives {
                    guard let k = component.inputs.firstIndex(of: derivative.input) else { continue }
                    examination.begin("the derivative by '\(derivative.input)', \(input.label)")
                    let weights =
                        component.isElementwise ? Array(repeating: 1, count: result.count) : draw.normal(result.count)
                    let gradient: [Double] =
                        switch derivative.operation {
                        case .zero: Array(repeating: 0, count: tensors[k].data.count)
                        case .component(let id):
                            try evaluate(
                                id, options,
                                component.isElementwise
                                    ? tensors
                                    : tensors + [Tensor(try shape(of: component, tensors, loader, options), weights)])
                        }
                    try compare(
                        examination, at: derivative.pointer, derivative.input, gradient, tensors[k].data,
                        coordinates: coordinates(tensors[k].data.count, &draw), label: input.label
                    ) { point in
                        var moved = tensors
                        moved[k].data = point
                        return zip(try evaluate(component.id, options, moved), weights).reduce(0) { $0 + $1.0 * $1.1 }
                    }
                }
            }
        }
    }

    private static func shape(
        of component: Component, _ tensors: [Tensor], _ loader: ComponentLoader, _ options: [String: JSON]
    ) throws -> [Int] {
        let operation = try loader.operation(Choice(component: component.fullID, options: options))
        return try operation.shape(of: tensors.map(\.shape))
    }
}

extension Component {
    /// Of a loss: the arrays of an example by which it has a derivative.
    fileprivate var differentiable: [String] {
        call.arguments.compactMap { argument in
            switch argument.source {
            case .input("output"): "output"
            case .activation: argument.name
            default: nil
            }
        }
    }
}
