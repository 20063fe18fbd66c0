import Engine
import Manifests
import PluginHost

/// P3: what optimizers declare.
enum UpdateProperties {
    static func run(_ examination: Examination, _ subject: Subject) throws {
        for property in subject.component.properties {
            switch property.kind {
            case .zeroGradientFixedPoint: try zeroGradient(examination, subject, property)
            case .reducesTo: try reduction(examination, subject, property)
            default: continue
            }
        }
    }

    private static func precision(_ component: Component) -> Precision {
        component.precisions.contains(.f64) ? .f64 : .f32
    }

    private static func zeroGradient(_ examination: Examination, _ subject: Subject, _ property: Property) throws {
        var draw = examination.draw("zero")
        let options = try subject.usualOptions().merging(property.with) { $1 }
        let x = draw.normal(37)
        examination.begin("37 random numbers and no gradient")
        let bench = try UpdateBench(
            subject.choice(options), kind: .optimizer, values: [("p", [37], x)],
            precision: precision(subject.component), loader: subject.loader(seed: examination.seed))
        bench.store.set(block: 0, x)
        let before = bench.values()
        for _ in 0..<3 { try bench.update([Array(repeating: 0, count: 37)]) }
        let after = bench.values()
        guard let i = before.indices.first(where: { before[$0] != after[$0] }) else { return }
        examination.report(
            .error, at: property.pointer,
            "moves without a gradient: element \(i) goes from \(before[i]) to \(after[i]) in 3 steps",
            advice: "correct the function, or leave out the property")
    }

    private static func reduction(_ examination: Examination, _ subject: Subject, _ property: Property) throws {
        var draw = examination.draw("reduction")
        guard let name = property.component else { return }
        let (_, other) = try subject.registry.component(name, kind: .optimizer)
        let options = try subject.usualOptions().merging(property.with) { $1 }
        // The other gets the options that both have.
        let shared = other.options(options.filter { other.parameter($0.key) != nil })
        let x = draw.normal(23), gradients = (0..<5).map { _ in draw.normal(23) }
        let problem = subject.component.needsNetwork ? draw.problem(parameters: 23) : nil
        examination.begin("5 steps with 23 numbers")
        func trajectory(_ choice: Choice) throws -> [Double] {
            let bench = try UpdateBench(
                choice, kind: .optimizer, values: [("p", [23], x)], precision: precision(subject.component),
                problem: problem, loader: subject.loader(seed: examination.seed))
            for gradient in gradients { try bench.update([bench.problemGradient ?? gradient]) }
            return bench.values()
        }
        let own = try trajectory(subject.choice(options))
        let expected = try trajectory(Choice(component: other.fullID, options: shared))
        let usual = precision(subject.component) == .f64 ? 1e-12 : 1e-5
        let closeness = Closeness(input: TrialInput(label: "", options: [:]), rtol: property.rtol ?? usual)
        guard let i = closeness.difference(own, expected) else { return }
        examination.report(
            .error, at: property.pointer,
            "does not reduce to '\(name)': element \(i) is \(own[i]) after 5 steps, that of '\(name)' \(expected[i])",
            advice: "correct the function, or the options under \"with\"")
    }
}
