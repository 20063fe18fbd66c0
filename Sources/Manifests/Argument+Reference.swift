extension Argument {
    /// A number that the function gets by reference, as routines of Fortran do: `i32*` where others have `i32`. Functions that
    /// are called on parts have their counts by value, which differ from part to part.
    package func isByReference(in component: Component) -> Bool {
        guard case .pointer = type else { return false }
        switch source {
        case .constant, .field: return true
        case .dimension, .count: return !component.isElementwise
        case .parameter(let id): return [.bool, .int, .float].contains(component.parameter(id)?.type)
        default: return false
        }
    }

    /// The type of the value itself: `i32` for a number by reference of type `i32*`.
    package func passedType(in component: Component) -> ArgumentType {
        if case .pointer(let scalar) = type, isByReference(in: component) { .scalar(scalar) } else { type }
    }
}
