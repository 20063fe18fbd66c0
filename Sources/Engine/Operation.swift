/// An operation of a graph with its attributes: a value around the rule that knows all about it.
package struct Operation: Hashable, Sendable {
    let rule: any OperationRule

    init(_ rule: any OperationRule) { self.rule = rule }

    /// What the operation is, with its attributes: a `Unary`, a `MatMul`, ….
    package var description: any Hashable & Sendable { rule }

    package static func == (a: Operation, b: Operation) -> Bool { a.rule.equals(b.rule) }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(type(of: rule)))
        rule.hash(into: &hasher)
    }
}

/// What the engine knows about an operation: one type for each family, in one file of `Operations/`.
protocol OperationRule: Hashable, Sendable {
    /// As errors, the C service and the documentation call it.
    var name: String { get }
    var inputCount: Int { get }

    /// The shape of the result; throws a sentence if the inputs do not fit.
    func shape(of inputs: [Operand]) throws -> [Int]

    /// What each input receives from the cotangent of the output (of the output's shape), nil for nothing.
    /// Made of graph operations, so that derivatives have derivatives. Throws a sentence if there is none.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) throws -> [Term?]

    /// The same where only `wanted` inputs receive anything: derivatives by others need not exist. A rule has one of the two.
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term, wanted: [Bool]) throws -> [Term?]

    /// An equal node made of simpler operations, if this one is only a convenience or can be simplified away.
    func simplified(_ inputs: [Term]) throws -> Term?

    /// The results of `copies` independent applications, with a new first axis that counts them. Inputs that differ
    /// between the copies carry that axis already; at least one does. The shape of the results has been checked.
    func batched(_ inputs: [BatchedTerm], copies: Int) throws -> Term

    /// How the planner computes it.
    var work: Work { get }

    /// The function of rows of the first input that it is, if so: with others it runs in one pass over the rows.
    func rowFunction(of shapes: [[Int]]) -> RowFunction?

    /// Whether its value changes from run to run though its inputs do not.
    var isDrawn: Bool { get }

    /// Whether a loop keeps its values of all steps for derivatives, since they cost more to compute than to keep.
    var isCostly: Bool { get }

    /// The kernel call of an operation whose work is `kernel`.
    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall
}

/// How an operation gets its value.
enum Work: Hashable {
    /// The value of its first input, seen with another shape.
    case alias
    /// Its only input, repeated; elementwise passes repeat operands as they read them.
    case broadcast
    /// The named map applied to every element, in one pass with others (`sz_find_map`).
    case map(String)
    /// A kernel of its own.
    case kernel
}

extension OperationRule {
    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term, wanted: [Bool]) throws -> [Term?] {
        try vjp(inputs, output, cotangent)
    }

    func vjp(_ inputs: [Term], _ output: Term, _ cotangent: Term) throws -> [Term?] {
        try vjp(inputs, output, cotangent, wanted: inputs.map { _ in true })
    }

    func simplified(_ inputs: [Term]) throws -> Term? { nil }

    func rowFunction(of shapes: [[Int]]) -> RowFunction? { nil }

    var isDrawn: Bool { false }

    var isCostly: Bool { false }

    func call(_ inputs: [Buffer], _ output: Buffer, _ precision: Precision) throws -> KernelCall {
        preconditionFailure("\(name) is no kernel of its own")
    }

    func equals(_ other: any OperationRule) -> Bool { (other as? Self) == self }
}

/// An input of an operation that is applied to several copies at once.
struct BatchedTerm {
    let term: Term
    /// Has a first axis that counts the copies.
    let isBatched: Bool

    /// The shape of one copy.
    var shape: [Int] { isBatched ? Array(term.shape.dropFirst()) : term.shape }

    /// The value of every copy, repeated if they share it.
    func all(_ copies: Int) -> Term { isBatched ? term : term.broadcast(to: [copies] + term.shape) }

    /// For elementwise use in a result of `rank` axes per copy: axes of size 1 after the first, so that the copies' axis is
    /// not taken for one of theirs.
    func aligned(rank: Int) -> Term {
        guard isBatched, shape.count < rank else { return term }
        let ones = [Int](repeating: 1, count: rank - shape.count)
        return term.reshaped(to: [term.shape[0]] + ones + shape)
    }
}
