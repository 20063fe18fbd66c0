/// Duties of activations and operations.
extension ManifestChecks {
    mutating func checkResult(of component: Component) {
        for output in component.outputs {
            if component.isElementwise, output.shape != nil {
                add(
                    "\(output.pointer)/shape",
                    "output '\(output.id)' has the shape of the inputs, since '\(component.id)' is elementwise; leave it out"
                )
            } else if !component.isElementwise, output.shape == nil {
                add(output.pointer, "output '\(output.id)' needs a shape, since '\(component.id)' is not elementwise")
            }
        }
    }

    mutating func checkInputs(of component: Component) {
        let inputs = component.inputs, here = "\(component.pointer)/call"
        if component.kind == .activation, inputs.count != 1 {
            add("\(here)/args", "an activation has one argument from input, got \(inputs.count)")
        } else if inputs.isEmpty {
            add("\(here)/args", "an operation needs an argument from input")
        }
        if Set(inputs).count < inputs.count { add("\(here)/args", "two arguments take the same input") }
        if component.call.returns != .nothing {
            add("\(here)/returns", "the function of \(component.kind.withArticle) returns \"void\"")
        }
        for argument in component.call.arguments {
            switch argument.source {
            case .input, .output, .parameter, .constant: continue
            case .count where argument.type != .scalar(.f64): continue
            case .dimension where !component.isElementwise: continue
            case .dimension:
                add(
                    argument.pointer,
                    "'\(component.id)' is elementwise: its function sees any part of the elements, and no axes")
            default:
                add(
                    argument.pointer,
                    "'\(Self.name(of: argument.source))' is not for \(component.kind.rawValue)s: their value depends on "
                        + "inputs and params only")
            }
        }
    }

    /// Derivatives name components of the plugin that fit.
    mutating func checkDerivatives(of component: Component, among operations: [Component]) {
        for derivative in component.derivatives {
            guard
                checkKnown(
                    derivative.input, "input", among: component.inputs, at: derivative.pointer),
                case .component(let id) = derivative.operation,
                checkKnown(id, "operation", among: operations.map(\.id), at: derivative.pointer),
                let other = operations.first(where: { $0.id == id })
            else { continue }
            let expected = component.inputs.count + (component.isElementwise ? 0 : 1)
            if other.inputs.count != expected {
                let what = component.isElementwise ? "the same inputs" : "the inputs and the cotangent"
                add(
                    derivative.pointer,
                    "'\(id)' has \(other.inputs.count) inputs; a derivative of '\(component.id)' takes \(what), \(expected)"
                )
            } else if component.isElementwise, !other.isElementwise {
                add(derivative.pointer, "'\(id)' is not elementwise, but '\(component.id)' is")
            }
        }
    }
}
