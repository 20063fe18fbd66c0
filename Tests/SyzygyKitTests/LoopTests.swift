import Engine
import PluginHost
import SyzygyKit
import Testing

/// Recurrences and equations built through the service.
@Suite struct LoopTests {
    /// The values of what `body` builds from an input `x` of the given shape.
    private func values(
        _ shape: [Int], _ x: [Double], _ body: (SyzygyKit.Graph, SyzygyKit.Node) -> [SyzygyKit.Node]
    ) throws -> [[Double]] {
        let graph = Engine.Graph()
        let service = GraphService(graph)
        let input = service.number(graph.input("x", shape: shape))
        let numbers = withUnsafePointer(to: service.table) { table in
            let kit = SyzygyKit.Graph(table)
            return body(kit, kit.node(input)).map(\.id)
        }
        try #require(service.failure == nil, "\(service.failure ?? "")")
        let nodes = try numbers.map(service.node)
        let program = try Program(graph, outputs: nodes, precision: .f64, parameters: nil)
        program.setInput("x", x)
        program.run()
        return nodes.map(program.copy)
    }

    /// h_t = 2 h_{t-1} + x_t from 1, with h_{t-1} x_t as output.
    @Test func scans() throws {
        func step(_ carries: [SyzygyKit.Node], _ elements: [SyzygyKit.Node]) -> (
            next: [SyzygyKit.Node], outputs: [SyzygyKit.Node]
        ) {
            ([2 * carries[0] + elements[0]], [carries[0] * elements[0]])
        }
        let found = try values([3], [3, 5, 7]) { graph, x in
            let forward = graph.scan(over: [x], initial: [graph.constant(1)], step)
            let back = graph.scan(over: [x], initial: [graph.constant(1)], truncate: 2, isReverse: true, step)
            let steps = graph.scan(initial: [graph.constant(1)], length: 4) { carries, _ in ([2 * carries[0]], []) }
            return forward.last + forward.outputs + back.last + back.outputs + steps.last
        }
        #expect(found == [[37], [3, 25, 105], [49], [69, 45, 7], [16]])
    }

    /// z = z / 4 + x.
    @Test func fixedPoints() throws {
        let found = try values([2], [3, -6]) { graph, x in
            let result = graph.fixedPoint(from: x, tolerance: 1e-15) { 0.25 * $0 + x }
            return [result.solution, result.applications, result.residual]
        }
        #expect(zip(found[0], [4, -8]).allSatisfy { abs($0 - $1) < 1e-14 })
        #expect(found[1][0] > 20 && found[1][0] < 40 && found[2][0] <= 1e-15)
    }
}
