/// Floating-point type of a compiled graph.
package enum Precision: String, Sendable, CaseIterable {
    case f32, f64
    package var bytes: Int { self == .f32 ? 4 : 8 }
}

/// A value in a `Graph`; meaningful only together with the graph that made it.
package struct Node: Hashable, Sendable {
    package let id: Int
    package init(id: Int) { self.id = id }
}

/// A computation with static shapes, built once and compiled into a `Program`.
package final class Graph {
    package init() {}
}
