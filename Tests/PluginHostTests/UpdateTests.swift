import Engine
import Foundation
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

/// What the host promises of optimizers and regularizers beside their arithmetic.
@Suite struct UpdateTests {
    private static let components = ShippedPlugins.registry.manifests.flatMap(\.components)
        .filter { $0.kind == .optimizer || $0.kind == .regularizer }
    private static let elementwise = components.filter(\.isElementwise).map(\.fullID)

    @Test func allThatShipPerParameterAreElementwise() {
        #expect(Self.elementwise.count == 6 && Self.components.count == 7)
    }

    /// A component that says it is elementwise gives the same bits on parts of a parameter as on the whole.
    @Test(arguments: elementwise, [Precision.f64, .f32])
    func partsAreTheWhole(_ name: String, _ precision: Precision) throws {
        let component = try #require(Self.components.first { $0.fullID == name })
        var options: [String: JSON] = [:]
        for parameter in component.parameters where parameter.type == .float {
            options[parameter.id] = .double(
                ["momentum": 0.8, "sigma_d": 0.4, "weight_decay": 0.2][parameter.id] ?? 0.03)
        }
        #expect(try difference(component, options, parts: [1, 2, 3, 5, 8, 13, 16, 31], precision) == 0)
    }

    /// The largest difference between values, states and (relative) penalties after 5 steps on parts and on the whole.
    private func difference(
        _ component: Component, _ options: [String: JSON], parts: [Int], _ precision: Precision,
        loader: ComponentLoader = ShippedPlugins.loader()
    ) throws -> Double {
        func wave(_ phase: Double) -> [Double] { (0..<parts.reduce(0, +)).map { sin(Double($0) * 1.3 + phase) } }
        func cut(_ values: [Double]) -> [[Double]] {
            var rest = values[...]
            return parts.map { size in
                defer { rest = rest.dropFirst(size) }
                return Array(rest.prefix(size))
            }
        }
        func bench(_ blocks: [[Double]]) throws -> UpdateBench {
            let bench = try UpdateBench(
                Choice(component: component.fullID, options: options), kind: component.kind,
                values: blocks.enumerated().map { ("w\($0)", [$1.count], $1) }, precision: precision, fanIn: 7,
                loader: loader)
            // Random states go by the names of parameters.
            for (k, state) in component.state.enumerated() {
                let values = cut(wave(Double(k))).map { $0.map { 0.5 + abs($0) } }
                let own = blocks.count == 1 ? [values.flatMap(\.self)] : values
                for (i, part) in own.enumerated() { bench.setState("\(state.id)/w\(i)", part) }
            }
            for (i, block) in blocks.enumerated() { bench.store.set(block: i, block) }
            return bench
        }
        func all(_ bench: UpdateBench, _ blocks: Int) -> [Double] {
            (0..<blocks).flatMap(bench.values) + (0..<blocks).flatMap(bench.gradient)
                + component.state.flatMap { state in (0..<blocks).flatMap { bench.state("\(state.id)/w\($0)") ?? [] }
                }
        }
        let (whole, split) = (try bench([wave(0.1)]), try bench(cut(wave(0.1))))
        let before = all(whole, 1)
        var penalties = [0.0, 0.0]
        for step in 0..<5 {
            let gradient = wave(2 + Double(step))
            if component.kind == .optimizer {
                try whole.update([gradient])
                try split.update(cut(gradient))
            } else {
                whole.setGradient(gradient)
                for (i, part) in cut(gradient).enumerated() { split.setGradient(part, block: i) }
                penalties = [try whole.penalty(), try split.penalty()]
            }
        }
        let (a, b) = (all(whole, 1), all(split, parts.count))
        #expect(a.count == b.count && a != before)
        #expect(abs(penalties[0] - penalties[1]) <= 1e-14 * abs(penalties[0]))
        return zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    /// A step along g/|g| is not elementwise, and the comparison sees it.
    @Test func aWrongClaimIsSeen() throws {
        let plugin = try TemporaryPlugin(
            source: """
                #include <math.h>
                #include <stdint.h>
                void unit(double *w, const double *g, int64_t n) {
                    double s = 0;
                    for (int64_t i = 0; i < n; i++) s += g[i] * g[i];
                    for (int64_t i = 0; i < n; i++) w[i] -= 0.1 * g[i] / sqrt(s);
                }
                """,
            manifest: TemporaryPlugin.manifest(
                """
                {"kind": "optimizer", "id": "unit", "elementwise": true,
                 "call": {"symbol": "unit", "returns": "void", "args": [
                   {"name": "w", "type": "f64*", "from": "quantity", "quantity": "parameter.value", "access": "readwrite"},
                   {"name": "g", "type": "f64*", "from": "quantity", "quantity": "parameter.grad"},
                   {"name": "n", "type": "i64", "from": "count", "of": "w"}]},
                 "examples": [{"name": "one", "given": {"w": {"shape": [1], "data": [1]}, "g": {"shape": [1], "data": [2]}},
                   "expect": {"w": {"shape": [1], "data": [0.9]}}}]}
                """))
        let component = try #require(plugin.registry.manifests.first?.components.first)
        #expect(try difference(component, [:], parts: [3, 4], .f64, loader: plugin.loader) > 0.01)
    }

    /// Two regularizers of one component have random states of their own, by their keys in the study.
    @Test func streamsGoByTheKeyInTheStudy() throws {
        let graph = Graph()
        _ = try graph.parameter(
            "w", role: .weight, shape: [3, 5], initializer: Initializer(scheme: .constant, scale: 0))
        func anchor(_ key: String?) throws -> [Double] {
            let store = ParameterStore(blocks: graph.blocks, precision: .f64)
            let choice = Choice(component: "anchored_l2", options: ["sigma0": .double(1)])
            let term = try ShippedPlugins.loader(seed: 3).regularizer(choice, key: key).attach(to: store)
            let state = try #require(term.state.first { $0.name == "anchor/w" })
            return (0..<15).map { state.buffer.load(fromByteOffset: 8 * $0, as: Double.self) }
        }
        #expect(try anchor("regularizers.a") == anchor("regularizers.a"))
        #expect(try anchor("regularizers.a") != anchor("regularizers.b"))
        #expect(try anchor(nil) != anchor("regularizers.a"))
    }
}
