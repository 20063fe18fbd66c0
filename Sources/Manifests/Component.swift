import Engine
import Protocols

/// What a plugin contributes: one function with its options, outputs and state.
package struct Component: Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case dataset, sampler, model, initializer, parametrization, activation, operation, loss, regularizer,
            optimizer, schedule, probe
        case quantity
        case rule
        case procedure

        /// Its `call` builds a part of a graph, so outputs are nodes.
        package var buildsGraphs: Bool { [.model, .parametrization, .loss, .rule].contains(self) }

        /// Its `call` is a node of graphs.
        package var isOperation: Bool { self == .activation || self == .operation }

        /// Its functions take quantities of an observation.
        package var measures: Bool { self == .probe || self == .quantity }

        /// `a probe`, `an optimizer`.
        package var withArticle: String {
            ([.initializer, .activation, .operation, .optimizer].contains(self) ? "an " : "a ") + rawValue
        }
    }

    package var plugin: String
    package var kind: Kind
    package var id: String
    package var name: String
    package var summary: String
    package var references: [Reference]
    package var parameters: [ParameterDeclaration]
    /// Of a streaming probe: `finish`.
    package var call: Function
    /// Of a streaming probe: called for each pass of rows.
    package var add: Function?
    /// Of a streaming probe: called before the first pass.
    package var begin: Function?
    /// Called once per parameter before the first step; a parametrization's writes first values.
    package var start: Function?
    /// Of a dataset: called once, before anything else, to say the sizes that only its files know.
    package var describe: Function?
    /// What one call is about: of probes, optimizers (`parameter` or `run`) and regularizers (`parameter`); nil for the others.
    package var scope: ProbeScope?
    /// Of a probe of pairs of layers: those that follow one another only.
    package var isConsecutive: Bool
    /// Of an optimizer, regularizer or operation: what it does to an element depends on that element's numbers only, so it may be
    /// called on any contiguous part, or on several parameters that lie together. Activations are.
    package var isElementwise: Bool
    package var outputs: [OutputDeclaration]
    package var dimensions: [Dimension]
    package var state: [StateDeclaration]
    /// Of a streaming probe: what it collects over the passes, zeros at first.
    package var accumulators: [AccumulatorDeclaration]
    /// Of an operation: what gives its derivatives.
    package var derivatives: [DerivativeDeclaration]
    /// Of what builds graphs: activations and operations of plugins that it applies by name.
    package var uses: [(name: String, pointer: String)]
    /// Of a parametrization: what is trained in a parameter's place.
    package var variables: [VariableDeclaration]
    package var splits: [Split]
    /// Templates as written; see `expandedBindings`.
    package var bindings: [Binding]
    package var properties: [Property]
    package var examples: [Example]
    /// Of a probe or procedure: how its outputs are best seen.
    package var figures: [(value: JSON, pointer: String)] = []
    package var pointer: String

    /// The plugin's id and the component's: `syzygy.sgd/sgd`.
    package var fullID: String { "\(plugin)/\(id)" }

    /// Keys of the component's section in a study that are not params.
    package var studyKeys: [String] {
        switch kind {
        case .probe:
            ["plugin", "at", "samples", "split", "layers"] + (state.isEmpty ? [] : ["update"])
                + (scope == .runPair ? ["pairs"] : ["cotangents"])
                + (scope == .runPair || needsNetwork || !state.isEmpty ? [] : ["bootstrap"])
        case .initializer, .parametrization: ["plugin", "parameters"]
        case .regularizer: ["plugin", "parameters", "schedules"]
        case .optimizer: ["plugin", "schedules"]
        case .rule: ["plugin", "layers"]
        case .procedure: ["plugin", "threads"]
        case .dataset: isWrapper ? ["plugin", "of"] : ["plugin"]
        default: ["plugin"]
        }
    }

    /// Names that no param may have. The params of an optimizer are also keys of `groups`.
    package var reservedKeys: [String] { studyKeys + (kind == .optimizer ? Component.groupKeys : []) }

    /// Keys of a group of parameters in a study that are not params of its optimizer.
    package static let groupKeys = ["parameters", "frozen", "optimizer", "schedules"]

    package var functions: [Function] { [begin, add, call, start, describe].compactMap(\.self) }

    /// Those whose arguments may be quantities, of a probe.
    package var measuringFunctions: [Function] { [add, call].compactMap(\.self) }

    /// Of a quantity: what expressions give in parentheses, in this order.
    package var openArguments: [Argument] {
        guard kind == .quantity else { return [] }
        var names: Set<String> = []
        return measuringFunctions.flatMap(\.arguments).filter { $0.form != nil && names.insert($0.name).inserted }
    }

    /// Evaluates the network.
    package var needsNetwork: Bool {
        call.arguments.contains { argument in
            if case .service(let service) = argument.source { service.needsNetwork } else { false }
        }
    }

    /// The argument of this name of whichever function that measures.
    package func measuredArgument(_ name: String) -> Argument? {
        measuringFunctions.lazy.compactMap { $0.argument(name) }.first
    }

    /// Exchanging `first` and `second` changes nothing.
    package var isSymmetricInPairs: Bool {
        properties.contains { $0.kind == .symmetric && Set($0.names) == ["first", "second"] }
    }

    /// Draws from the run's seed.
    package var isSeeded: Bool {
        let arguments = functions.flatMap(\.arguments)
        let isRandom = state.contains { declaration in
            switch declaration.initializer {
            case .normal, .uniform: true
            default: false
            }
        }
        return isRandom || arguments.contains { $0.source == .seed || $0.source == .service(.random) }
    }

    /// Names of the inputs, in the order of the arguments of `call`.
    package var inputs: [String] {
        call.arguments.compactMap { if case .input(let name) = $0.source { name } else { nil } }
    }

    /// Of a dataset: made of the rows of another one.
    package var isWrapper: Bool { kind == .dataset && splits.contains { $0.source != nil } }

    /// Fields of the dataset that a procedure reads, or a dataset that is made of it.
    package var data: [(field: String, split: String)] {
        call.arguments.compactMap {
            if case .data(let field, let split) = $0.source { (field, split) } else { nil }
        }
    }

    /// The text that a choice stands for under these options.
    package func text(of choice: Argument.Choice, options: [String: JSON]) -> String {
        switch choice {
        case .named(let name): name
        case .parameter(let id): (options[id] ?? parameter(id)?.defaultValue)?.string ?? ""
        }
    }

    package func parameter(_ id: String) -> ParameterDeclaration? { parameters.first { $0.id == id } }
    package func output(_ id: String) -> OutputDeclaration? { outputs.first { $0.id == id } }

    /// The precisions the component can run in. Functions with one symbol work on f64 parameters only, where they see
    /// parameters at all.
    package var precisions: Set<Precision> {
        if call.isPerPrecision { return Set(call.symbols.keys) }
        return kind == .optimizer || kind == .regularizer || kind.isOperation ? [.f64] : [.f32, .f64]
    }

    /// The values of all params, in their declared types: those given, else the defaults.
    package func options(_ given: [String: JSON] = [:]) -> [String: JSON] {
        var options = given
        for parameter in parameters where options[parameter.id] == nil {
            options[parameter.id] = parameter.defaultValue
        }
        return options
    }
}

/// A size known before the function is called.
package enum Size: Hashable, Sendable {
    case constant(Int)
    /// The value of an int param.
    case parameter(String)
    /// An axis of another argument, and so many more.
    case axis(of: String, Axis, plus: Int = 0)
    /// Written by `describe`.
    case described
    /// Of a split: as many as the split has that its rows come from.
    case source
}

package enum Axis: Hashable, Sendable, CustomStringConvertible {
    case index(Int)
    /// Of a target: the columns that a one-hot or real target has.
    case classes
    /// Of class indices: the number of classes; 0 of real values.
    case labels

    package var description: String {
        switch self {
        case .index(let index): "\(index)"
        case .classes: "classes"
        case .labels: "labels"
        }
    }
}

/// A named size of `dims`.
package struct Dimension: Hashable, Sendable {
    package var name: String
    package var size: Size
    package var pointer: String
}

/// The number of rows of a dataset's split.
package struct Split: Hashable, Sendable {
    package var name: String
    package var rows: Size
    /// The split of another dataset that its rows come from.
    package var source: String?
    package var pointer: String
}

/// A result of a function.
package struct OutputDeclaration: Hashable, Sendable {
    package enum Extent: Hashable, Sendable {
        case rows
        case constant(Int)
        case dimension(String)
        /// The axes that `describe` writes, last.
        case described
    }

    package var id: String
    /// Nodes have the precision of the run; this is then f64.
    package var type: Scalar
    /// nil for a model's output that leaves its shape to the graph, and for one that is like another.
    package var shape: [Extent]?
    /// Of a dataset made of another one: the field of that one whose shape and classes it has.
    package var like: String?
    package var unit: String?
    package var help: String?
    package var lowest: Double?
    package var highest: Double?
    /// The output may have no value; the function then leaves NaN.
    package var mayBeUndefined: Bool
    /// Marks integer labels 0 ..< classes; described ones may be 0, which makes the output real.
    package var classes: Size?
    /// Of a quantity.
    package var form: QuantityExpression.Form?
    /// What the values 0, 1, … stand for, if they are codes.
    package var labels: [String] = []
    package var pointer: String

    /// Whether the number of axes is known from the manifest.
    package var rank: Int? { shape.flatMap { $0.contains(.described) ? nil : $0.count } }
}

/// A tensor the host creates, keeps and saves, for each parameter or whatever a probe is about.
package struct StateDeclaration: Hashable, Sendable {
    /// (param · multiplier + offset), divided by √fan_in if asked for; a plain number has no param.
    package struct Value: Hashable, Sendable {
        package var parameter: String?
        package var multiplier: Double
        package var offset: Double
        package var overRootOfFanIn: Bool
        package var pointer: String

        /// - Parameter options: the component's options by id.
        package func value(options: [String: JSON], fanIn: Int) -> Double {
            let value = (parameter.flatMap { options[$0]?.double } ?? 0) * multiplier + offset
            return overRootOfFanIn ? value / Double(fanIn).squareRoot() : value
        }
    }

    package enum Initializer: Hashable, Sendable {
        case constant(Value)
        case normal(mean: Value, deviation: Value)
        case uniform(low: Value, high: Value)
        case copyOfParameter
    }

    package var id: String
    /// nil: that of the parameter.
    package var shape: [OutputDeclaration.Extent]?
    /// Of a probe: f64 or i64; of updates the precision of the run.
    package var type: Scalar
    package var initializer: Initializer
    package var isMutable: Bool
    package var help: String?
    package var pointer: String
}

/// A tensor of f64 or i64 that lives from the first pass of an observation to its end.
package struct AccumulatorDeclaration: Hashable, Sendable {
    package var id: String
    package var type: Scalar
    package var shape: [OutputDeclaration.Extent]
    package var help: String?
    package var pointer: String
}

/// What gives the derivative of an operation by one of its inputs.
package struct DerivativeDeclaration: Hashable, Sendable {
    package enum Operation: Hashable, Sendable {
        case zero
        /// A component of the same plugin.
        case component(String)
    }

    package var input: String
    package var operation: Operation
    package var pointer: String
}

/// A parameter that a parametrization trains in place of another.
package struct VariableDeclaration: Hashable, Sendable {
    package var id: String
    /// nil: that of the parameter it stands for.
    package var shape: [OutputDeclaration.Extent]?
    /// nil: likewise.
    package var role: ParameterRole?
    package var help: String?
    package var pointer: String
}

/// What must hold on any input; tested by the validation battery.
package struct Property: Hashable, Sendable {
    package enum Kind: String, CaseIterable, Sendable {
        case symmetric
        case scaleInvariant = "scale_invariant"
        case scaleEquivariant = "scale_equivariant"
        case orthogonalInvariant = "orthogonal_invariant"
        case translationInvariant = "translation_invariant"
        case samplePermutationInvariant = "sample_permutation_invariant"
        case neuronPermutationInvariant = "neuron_permutation_invariant"
        case seedSensitive = "seed_sensitive"
        case zeroGradientFixedPoint = "zero_gradient_fixed_point"
        case chunkInvariant = "chunk_invariant"
        case gradientMatchesFiniteDifference = "gradient_matches_finite_difference"
        case reducesTo = "reduces_to"
    }

    package var kind: Kind
    /// `of`, or the two names of `swap`.
    package var names: [String]
    /// The power of the scale in `scale_equivariant`.
    package var degree: Double?
    /// The component of `reduces_to`, and the params under which the two agree.
    package var component: String?
    package var with: [String: JSON]
    package var rtol: Double?
    package var pointer: String
}
