import Manifests

/// Numbers on which careless functions fail.
struct SpecialValues {
    var name: String
    var isFinite = true
    var values: TrialValues

    private static func all(_ value: Double) -> TrialValues {
        { shape, _ in Array(repeating: value, count: shape.reduce(1, *)) }
    }

    private static func scaled(_ factor: Double) -> TrialValues {
        { shape, draw in draw.normal(shape.reduce(1, *)).map { $0 * factor } }
    }

    /// Normal numbers, some of them this one.
    private static func some(_ value: Double) -> TrialValues {
        { shape, draw in draw.normal(shape.reduce(1, *)).enumerated().map { $0 % 5 == 2 ? value : $1 } }
    }

    static let all = [
        SpecialValues(name: "zeros", values: all(0)), SpecialValues(name: "negative zeros", values: all(-0.0)),
        SpecialValues(name: "ones", values: all(1)), SpecialValues(name: "equal numbers", values: all(-2.5)),
        SpecialValues(name: "subnormal numbers", values: scaled(Double.leastNormalMagnitude / 4)),
        SpecialValues(name: "numbers of 1e-30", values: scaled(1e-30)),
        SpecialValues(name: "numbers of 1e30", values: scaled(1e30)),
        SpecialValues(name: "some zeros", values: some(0)),
        SpecialValues(name: "some large numbers", values: some(1e12)),
        SpecialValues(
            name: "equal rows",
            values: { shape, draw in
                let width = max(shape.last ?? 1, 1), row = draw.normal(width)
                return (0..<shape.reduce(1, *)).map { row[$0 % width] }
            }),
        SpecialValues(
            name: "matrices of rank 1",
            values: { shape, draw in
                let width = max(shape.last ?? 1, 1), count = shape.reduce(1, *)
                let row = draw.normal(width), column = draw.normal(count / width + 1)
                return (0..<count).map { row[$0 % width] * column[$0 / width] }
            }),
        SpecialValues(name: "some infinities", isFinite: false, values: some(.infinity)),
        SpecialValues(name: "some NaN", isFinite: false, values: some(.nan)),
    ]
}

/// Values that an option may have.
struct OptionValues {
    private let parameter: ParameterDeclaration
    private let most: Double

    init(_ parameter: ParameterDeclaration, _ component: Component) {
        self.parameter = parameter
        // Sizes cost memory and time; a bound that is far away is not tried.
        let usual = parameter.defaultValue?.double ?? 1
        let size = component.isPlain ? max(4 * abs(usual) + 3, 64) : max(abs(usual) + 1, 3)
        most = parameter.type == .int ? size : 1e30
    }

    private func allowed(_ values: [JSON]) -> [JSON] {
        values.filter { value in
            if case .success = parameter.check(value) { abs(value.double ?? 0) <= most } else { false }
        }
    }

    /// At the bounds and just inside; all values of enums.
    var bounds: [JSON] {
        switch parameter.type {
        case .bool: return [.bool(false), .bool(true)]
        case .enum: return parameter.values.map { .string($0) }
        case .enumList:
            return parameter.values.map { .array([.string($0)]) } + [.array(parameter.values.map { .string($0) })]
        case .int:
            return allowed(
                [parameter.minimum?.int, parameter.maximum?.int].compactMap(\.self).flatMap { bound in
                    [bound - 1, bound, bound + 1].map { .int($0) }
                })
        case .float:
            return allowed(
                [parameter.minimum?.double, parameter.maximum?.double].compactMap(\.self).flatMap { bound in
                    [bound.nextDown, bound, bound.nextUp].map { .double($0) }
                })
        default: return []
        }
    }

    func random(_ draw: inout Draw) -> JSON? {
        switch parameter.type {
        case .bool: return .bool(draw.uniform() < 0.5)
        case .enum:
            return parameter.values.isEmpty
                ? nil : .string(parameter.values[draw.integer(0...parameter.values.count - 1)])
        case .int:
            let low = max(parameter.minimum?.int ?? -Int(most), -Int(most))
            let high = min(parameter.maximum?.int ?? Int(most), Int(most))
            return low <= high ? allowed([.int(draw.integer(low...high))]).first : nil
        case .float:
            let low = parameter.minimum?.double ?? -10, high = parameter.maximum?.double ?? max(10, low + 10)
            return allowed([.double(low + (high - low) * draw.uniform())]).first
        default: return nil
        }
    }
}
