import Manifests
import Protocols

/// What one pass must form for those that ask, each quantity once: all that is equal goes by one key.
struct Demand {
    private let observer: Observer
    private let pass: Measurement
    /// Quantities of the catalogue.
    private(set) var wanted: [Measurement.Key: QuantityExpression] = [:]
    /// Those that take rows as they come, by the pass over all rows in which they do: the first one, or the next after all that
    /// they take beside rows has its value.
    private(set) var passes: [[Observer.Visit]] = []
    private(set) var wantsGradient = false
    /// What is asked of other splits, by their names; it is there before the first pass.
    private(set) var others: [String: [Observer.Visit]] = [:]
    /// After how many passes a quantity has its value.
    private var known: [Measurement.Key: Int] = [:]

    init(_ observer: Observer, _ pass: Measurement) { (self.observer, self.pass) = (observer, pass) }

    mutating func add(_ visit: Observer.Visit) throws { _ = try passes(before: visit) }

    private mutating func passes(before visit: Observer.Visit) throws -> Int {
        var count = 0
        if !visit.taker.streamed.isEmpty {
            for need in visit.taker.streamed where try !QuantityExpression(need.expression).isOfSamples {
                count = max(count, try passes(before: need.expression, visit.subject))
            }
            while passes.count <= count { passes.append([]) }
            passes[count].append(visit)
            count += 1
        }
        for need in visit.taker.needs { count = max(count, try passes(before: need.expression, visit.subject)) }
        return count
    }

    private mutating func passes(before text: String, _ subject: String) throws -> Int {
        let asked = Measurement.Key(expression: text, layer: subject)
        if let count = known[asked] { return count }
        let (own, key) = try observer.home(of: asked)
        if key != asked { pass.name(key, also: asked) }
        let count = try known[key] ?? passes(beforeNew: own, key)
        (known[asked], known[key]) = (count, count)
        return count
    }

    private mutating func passes(beforeNew own: QuantityExpression, _ key: Measurement.Key) throws -> Int {
        if let split = own.split {
            others[split, default: []].append(Observer.Visit(asking: own.ofOwnSplit.description, of: key.layer))
            return 0
        }
        if own.definition != nil {
            let memory = ProbeMemory(), quantity = try observer.definition(of: own)
            pass.define(key, as: quantity, memory)
            return try passes(before: Observer.Visit(taker: quantity, subject: key.layer, memory: memory))
        }
        wanted[key] = own
        let isGradient = own.arguments == [.parameterGrad]
        wantsGradient = wantsGradient || observer.observed.coupled == nil && isGradient
        let isOfSamples = own.arguments.first?.form == .jacobian || observer.captures(own, layer: key.layer) != nil
        return isGradient || isOfSamples ? 1 : 0
    }

    /// Those of one pass.
    func visits(_ pass: Int) -> [Observer.Visit] { passes.indices.contains(pass) ? passes[pass] : [] }
}

extension Observer {
    func definition(of expression: QuantityExpression) throws -> any DefinedQuantity {
        let expression = expression.ofOwnSplit
        guard let definitions else {
            throw UnknownQuantity(sentence: "'\(expression)' is of a plugin, and there are no plugins here")
        }
        return try definitions.definition(of: expression.description)
    }

    /// The quantities of the network that one is made of, those included that plugins take by themselves.
    func basics(of expression: QuantityExpression) throws -> Set<QuantityExpression.Basic> {
        guard expression.definition != nil else { return Set(expression.arguments) }
        let quantity = try definition(of: expression)
        return try (quantity.needs + quantity.streamed).reduce(into: []) { basics, need in
            basics.formUnion(try self.basics(of: QuantityExpression(need.expression)))
        }
    }

    /// What a recorded array is of.
    func scope(of text: String) throws -> ProbeScope {
        let scopes = try basics(of: QuantityExpression(text)).map(\.scopes)
        return [.run, .layer, .parameter].first { scope in scopes.allSatisfy { $0.contains(scope) } } ?? .run
    }

    /// The same quantity where all find it: of a pair of layers that of the layer which it is about, of the head that of the last
    /// layer, and of no layer if it is about none.
    func home(of asked: Measurement.Key) throws -> (QuantityExpression, Measurement.Key) {
        if let known = homes[asked] { return known }
        let expression = try QuantityExpression(asked.expression)
        let (own, layer) = try home(of: expression, asked.layer)
        let text = own == expression ? asked.expression : own.description
        homes[asked] = (own, Measurement.Key(expression: text, layer: layer))
        return (own, Measurement.Key(expression: text, layer: layer))
    }

    private func home(
        of expression: QuantityExpression, _ subject: String
    ) throws -> (QuantityExpression, layer: String) {
        let basics = try basics(of: expression)
        guard basics.contains(where: { !$0.scopes.contains(.run) }) else {
            let own = expression.ofLayer
            // A plugin that names the head itself is about the run.
            guard own != expression, let head = layers.last,
                try self.basics(of: own).allSatisfy({ $0.ofLayer == nil })
            else { return (expression, "") }
            return (own, head)
        }
        guard !subject.isEmpty else { return (expression, subject) }
        guard let pair = pairs[subject] else { return (expression, subject) }
        let layers = Set(basics.compactMap { $0.member.map { pair[$0.index] } })
        let own = expression.ofOneLayer
        // A plugin that names the first or the second itself is about pairs.
        guard layers.count == 1, let layer = layers.first, try self.basics(of: own).allSatisfy({ $0.member == nil })
        else { return (expression, subject) }
        return (own, layer)
    }
}

extension QuantityExpression {
    /// `layer.input` for `head.input`.
    fileprivate var ofLayer: QuantityExpression {
        mapped(\.ofLayer) { QuantityExpression(function, arguments.map { $0.ofLayer ?? $0 }) }
    }

    /// `layer.output` for `first.output`, and a moment for the cross moment of a quantity with itself.
    fileprivate var ofOneLayer: QuantityExpression { mapped(\.ofOneLayer) { squareOfOneLayer } }

    /// Of the same split, and with what a plugin is given mapped.
    private func mapped(
        _ each: (QuantityExpression) -> QuantityExpression, basic: () -> QuantityExpression
    ) -> QuantityExpression {
        if let split {
            var own = each(ofOwnSplit)
            own.split = split
            return own
        }
        if var definition {
            definition.arguments = definition.arguments.map(each)
            return QuantityExpression(definition)
        }
        return basic()
    }

    private var squareOfOneLayer: QuantityExpression {
        let own = arguments.map { $0.member?.of ?? $0 }
        let isSquare = own.count == 2 && own[0] == own[1]
        switch function {
        case .rawCross where isSquare: return QuantityExpression(.rawMoment, [own[0]])
        case .centredCross where isSquare: return QuantityExpression(.centredMoment, [own[0]])
        default: return QuantityExpression(function, own)
        }
    }
}
