import Engine
import Manifests
import Observing
import Testing

@Suite struct ParameterPatternTests {
    private static let blocks: [ParameterBlock] = {
        let graph = Graph()
        let roles: [(String, ParameterRole)] = [
            ("fc1.weight", .weight), ("fc1.bias", .bias), ("fc10.weight", .weight), ("norm.scale", .scale),
        ]
        for (name, role) in roles {
            _ = try? graph.parameter(name, role: role, shape: [3], initializer: Initializer(scheme: .constant))
        }
        return graph.blocks
    }()

    @Test(arguments: [
        (#""fc1.*""#, [0, 1]), (#""*""#, [0, 1, 2, 3]), (#""fc1?.weight""#, [2]), (#""*.[bs]*""#, [1, 3]),
        (#"["norm.scale", "fc1.weight"]"#, [0, 3]), (#"{"role": "weight"}"#, [0, 2]),
        (#"{"role": ["bias", "scale"]}"#, [1, 3]), (#"{"names": "fc1.*", "role": "bias"}"#, [1]),
        (#"{"names": ["fc10.*", "norm.*"], "role": ["weight", "scale"]}"#, [2, 3]),
    ])
    func selects(text: String, expected: [Int]) throws {
        let json = try #require(StrictJSON.parse("{\"p\": \(text)}", file: "t").root["p"])
        let pattern = try #require(ParameterPattern(json))
        #expect(try pattern.select(from: Self.blocks, for: "groups.a.parameters") == expected)
        #expect(ParameterPattern(pattern.json) == pattern)
    }

    @Test(arguments: [
        (
            ParameterPattern(names: ["fc1.wieght"]),
            "the network has no parameter 'fc1.wieght'; did you mean 'fc1.weight'? "
                + "(it has: fc1.weight, fc1.bias, fc10.weight, norm.scale)"
        ),
        (
            ParameterPattern(names: ["fc1.*", "conv*"]),
            "the network has no parameter 'conv*' (it has: fc1.weight, fc1.bias, fc10.weight, norm.scale)"
        ),
        (
            ParameterPattern(names: ["norm.*"], roles: [.bias, .weight]),
            "the network has no bias or weight parameter 'norm.*' (it has: fc1.weight, fc1.bias, fc10.weight)"
        ),
        (
            ParameterPattern(roles: [.other]),
            "the network has no other parameter "
                + "(it has: fc1.weight (weight), fc1.bias (bias), fc10.weight (weight), norm.scale (scale))"
        ),
    ])
    func saysWhatDoesNotMatch(pattern: ParameterPattern, sentence: String) {
        #expect(throws: UnmatchedPattern("groups.a.parameters: \(sentence)")) {
            try pattern.select(from: Self.blocks, for: "groups.a.parameters")
        }
    }

    @Test func nothingIsNoPattern() {
        #expect(ParameterPattern(nil) == nil && ParameterPattern(.array([])) == nil)
        #expect(ParameterPattern(.object(["role": .string("bais")])) == nil)
    }
}
