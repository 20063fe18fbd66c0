import ArrayFiles
import Engine
import Manifests
import PluginHost
import PluginTesting
import Protocols
import Testing

private func values(
    _ folder: String, _ options: [String: JSON], shape: [Int], name: String = "fc1.weight"
) throws -> [Double] {
    let graph = Graph()
    _ = try graph.parameter(name, role: .weight, shape: shape, initializer: Initializer(scheme: .constant, scale: 0))
    let initializer = try ShippedPlugins.loader(dataFolder: folder).initializer(
        Choice(component: "from_file", options: options))
    return try initializer.values(of: graph.blocks[0], initial: Array(repeating: 1, count: shape.reduce(1, *)))
}

@Suite struct FromFileTests {
    private static let arrays = [
        NamedArray("parameter/fc1.weight", shape: [2, 3], .f32([1, 2.5, -3, 0, 0.125, 7])),
        NamedArray("fc1.weight", shape: [2, 3], .f64([6, 5, 4, 3, 2, 1])),
        NamedArray("bad", shape: [2, 3], .f64([1, 2, .nan, 4, 5, 6])),
    ]

    /// By the parameter's name, with a prefix, by a name of its own.
    @Test(arguments: ["npz", "safetensors"]) func readsTheArrayOfItsName(format: String) throws {
        try withTemporaryFolder { folder in
            let path = "\(folder)/a"
            if format == "npz" {
                try NPZ.write(Self.arrays, to: path)
            } else {
                try Safetensors.write(Self.arrays, to: path)
            }
            #expect(try values(folder, ["path": "a"], shape: [2, 3]) == [6, 5, 4, 3, 2, 1])
            #expect(
                try values(folder, ["path": "a", "prefix": "parameter/"], shape: [2, 3]) == [1, 2.5, -3, 0, 0.125, 7])
            #expect(
                try values(folder, ["path": "a", "array": "fc1.weight"], shape: [2, 1, 3], name: "head")
                    == [6, 5, 4, 3, 2, 1])
            #expect(
                sentence { _ = try values(folder, ["path": "a"], shape: [2, 3], name: "fc2.weight") }
                    == "fc2.weight: failed (input/output error): a: no array 'fc2.weight' (it has: bad, fc1.weight, "
                    + "parameter/fc1.weight)")
            #expect(
                sentence { _ = try values(folder, ["path": "a"], shape: [3, 2]) }
                    == "fc1.weight: failed (input/output error): a: array 'fc1.weight' has the shape [2, 3]; the parameter "
                    + "has 6 numbers, 3 in its first axis")
            #expect(
                sentence { _ = try values(folder, ["path": "a", "array": "bad"], shape: [2, 3]) }
                    == "fc1.weight: failed (input/output error): a: array 'bad' is infinite or NaN at element 2")
        }
    }
}
