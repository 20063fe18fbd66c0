import Engine
import Foundation
import Manifests

/// The recurrences of `Tests/References/recurrences.py`.
struct RecurrenceReference {
    static let steps = 7, rows = 2, inputs = 3, hidden = 5

    enum Cell: String, CaseIterable { case rnn, lstm }
    let cell: Cell
    let truncate: Int?
    let graph = Graph()
    var inputs: [String: [Double]] = [:]
    let loss: Node
    /// With respect to all parameters, the inputs and the first carries.
    let gradients: [Node]
    /// Gradient of Σ gradient · cos(1.1 i) with respect to the parameters and the inputs.
    let seconds: [Node]

    init(_ cell: Cell, truncate: Int?) throws {
        (self.cell, self.truncate) = (cell, truncate)
        let graph = graph
        var inputs: [String: [Double]] = [:]
        func input(_ name: String, _ shape: [Int], from begin: Int = 0, _ formula: (Double) -> Double) -> Node {
            inputs[name] = (begin..<begin + elements(shape)).map { formula(Double($0)) }
            return graph.input(name, shape: shape)
        }
        func call(_ name: String, _ nodes: Node...) throws -> Node { try graph.apply(named: name, nodes) }
        let (steps, rows, hidden) = (Self.steps, Self.rows, Self.hidden)
        let gates = cell == .rnn ? hidden : 4 * hidden
        let shapes = [[gates, Self.inputs], [gates, hidden], [gates]]
        var begin = 0
        let parameters = shapes.enumerated().map { index, shape in
            defer { begin += elements(shape) }
            return input("p\(index)", shape, from: begin) { 0.5 * sin(0.7 * $0 + 1) + 0.1 * cos($0 * $0) }
        }
        let x = input("x", [steps, rows, Self.inputs]) { sin(1.3 * $0 + 0.2) }
        var initial = [input("h", [rows, hidden]) { 0.3 * cos($0) }]
        if cell == .lstm { initial.append(input("c", [rows, hidden]) { 0.3 * sin(2 * $0 + 1) }) }
        let u = input("u", [steps, rows, hidden]) { cos(0.9 * $0 + 0.4) }

        let result = try graph.scan(over: [x], initial: initial, truncate: truncate) { carries, elements in
            func product(_ x: Node, _ w: Node) throws -> Node { try graph.apply(.matmul(transposeB: true), [x, w]) }
            let input = try call("add", try product(elements[0], parameters[0]), parameters[2])
            let z = try call("add", input, try product(carries[0], parameters[1]))
            if cell == .rnn {
                let h = try call("tanh", z)
                return ([h], [h])
            }
            func gate(_ i: Int, _ name: String) throws -> Node {
                try call(name, try graph.slice(z, axis: 1, begin: i * hidden, end: (i + 1) * hidden))
            }
            let kept = try call("mul", try gate(1, "sigmoid"), carries[1])
            let c = try call("add", kept, try call("mul", try gate(0, "sigmoid"), try gate(2, "tanh")))
            let h = try call("mul", try gate(3, "sigmoid"), try call("tanh", c))
            return ([h, c], [h])
        }
        var loss = try call("sum", try call("mul", u, result.outputs[0]))
        for carry in result.last { loss = try call("add", loss, try call("sum", try call("square", carry))) }
        self.loss = loss
        gradients = try graph.gradient(of: loss, withRespectTo: parameters + [x] + initial)
        var directional = graph.constant(0)
        begin = 0
        for (index, shape) in shapes.enumerated() {
            let v = input("v\(index)", shape, from: begin) { cos(1.1 * $0) }
            begin += elements(shape)
            directional = try call("add", directional, try call("sum", try call("mul", v, gradients[index])))
        }
        seconds = try graph.gradient(of: directional, withRespectTo: parameters + [x])
        self.inputs = inputs
    }

    var name: String { cell.rawValue + (truncate == nil ? "" : " truncated") }

    /// Values of PyTorch by name.
    static let values: [String: [Double]] = {
        guard let root = try? Installation.root,
            let document = try? StrictJSON.read(root + "/Tests/References/recurrences.json")
        else { return [:] }
        let values = document.root["values"]?.object ?? [:]
        return Dictionary(uniqueKeysWithValues: values.map { ($0, $1.array?.compactMap(\.double) ?? []) })
    }()
}
