import Manifests
import PluginTesting
import Protocols
import Testing

private let logits = [0.3, -1.2, 0.8, 2.1, 0.4, -0.7, -0.1, 0.9, 1.5, -2.2, 0.6, 0.25]
private let labels = [2.0, 0, 1, 1]

private func loss(
    _ z: [Double], smoothing: Double = 0, targets: [Double] = labels, shape: [Int] = [], classes: Int? = 3
) throws -> (loss: [Double], gradient: [Double]) {
    try evaluateLoss(
        Choice(component: "cross_entropy", options: ["label_smoothing": .double(smoothing)]), output: ([4, 3], z),
        targets: ["y": (Field(name: "y", shape: shape, classes: classes), targets)])
}

@Suite struct CrossEntropyTests {
    @Test(arguments: [0, 0.2]) func gradientAgainstCentralDifferences(smoothing: Double) throws {
        let gradient = try loss(logits, smoothing: smoothing).gradient
        let step = 1e-5  // error of the difference about step² = 1e-10
        for i in logits.indices {
            var (up, down) = (logits, logits)
            up[i] += step
            down[i] -= step
            let sums = try (
                loss(up, smoothing: smoothing).loss.reduce(0, +), loss(down, smoothing: smoothing).loss.reduce(0, +)
            )
            #expect(abs(gradient[i] - (sums.0 - sums.1) / (2 * step)) < 1e-9)
        }
    }

    @Test func aConstantAddedToALogitRowChangesNothing() throws {
        let shifted = logits.enumerated().map { $1 + [50, -30, 0, 700][$0 / 3] }
        for (a, b) in zip(try loss(logits).loss, try loss(shifted).loss) { #expect(abs(a - b) < 1e-12) }
    }

    @Test func labelsAndOneHotTargetsAgree() throws {
        let oneHot = labels.flatMap { label in (0..<3).map { Double($0) == label ? 1.0 : 0 } }
        let (a, b) = (
            try loss(logits, smoothing: 0.1),
            try loss(logits, smoothing: 0.1, targets: oneHot, shape: [3], classes: nil)
        )
        #expect(a.loss == b.loss)
        #expect(a.gradient == b.gradient)
    }

    /// A regression with one target would have loss 0 whatever the network does.
    @Test func oneClassIsRefused() throws {
        let error = #expect(throws: (any Error).self) {
            try evaluateLoss(
                Choice(component: "cross_entropy", options: ["label_smoothing": .double(0)]),
                output: ([3, 1], [0.5, -2, 7]),
                targets: ["y": (Field(name: "y", shape: [1], classes: nil), [0.25, 1, -3])])
        }
        #expect(
            error.map { "\($0)" }?.contains("needs at least 2 classes, got 1") ?? false,
            "\(String(describing: error))")
    }

    @Test func widthsThatDoNotFitAreNamed() throws {
        let error = #expect(throws: (any Error).self) { try loss(logits, classes: 5) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("logits [rows, 5]") && text.contains("[4, 3]"), "\(text)")
    }

    /// Outputs [2, 2, 3]: two positions for each of two samples, with labels or distributions for each.
    @Test(arguments: [true, false]) func positionsAreAveraged(oneHot: Bool) throws {
        let field = Field(name: "y", shape: oneHot ? [2, 3] : [2], classes: oneHot ? nil : 3)
        let targets = oneHot ? labels.flatMap { label in (0..<3).map { Double($0) == label ? 1.0 : 0 } } : labels
        let each = try loss(logits, smoothing: 0.1)
        let together = try evaluateLoss(
            Choice(component: "cross_entropy", options: ["label_smoothing": .double(0.1)]),
            output: ([2, 2, 3], logits),
            targets: ["y": (field, targets)])
        for i in 0..<2 {
            #expect(abs(together.loss[i] - (each.loss[2 * i] + each.loss[2 * i + 1]) / 2) < 1e-14)
        }
        for (a, b) in zip(together.gradient, each.gradient) { #expect(abs(a - b / 2) < 1e-14) }
    }

    /// Five labels for each sample against two positions.
    @Test func positionsThatDoNotFitAreNamed() throws {
        let error = #expect(throws: (any Error).self) {
            try evaluateLoss(
                Choice(component: "cross_entropy", options: ["label_smoothing": .double(0)]),
                output: ([2, 2, 3], logits),
                targets: ["y": (Field(name: "y", shape: [5], classes: 3), Array(repeating: 1, count: 10))])
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("logits [rows, 5, 3]") && text.contains("[2, 2, 3]"), "\(text)")
    }
}
