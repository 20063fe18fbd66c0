/// Figures of a component name its own outputs; labels are of codes 0, 1, ….
extension ManifestChecks {
    mutating func checkFigures(of component: Component) {
        for output in component.outputs where !output.labels.isEmpty {
            let highest = Double(output.labels.count - 1)
            if output.shape != [] {
                add(
                    "\(output.pointer)/labels", key: true,
                    "output '\(output.id)' is an array; labels are of single numbers")
            } else if output.lowest != 0 || output.highest != highest {
                add(
                    "\(output.pointer)/labels",
                    "\(output.labels.count) labels stand for 0 to \(output.labels.count - 1), so the range of output "
                        + "'\(output.id)' must be [0, \(output.labels.count - 1)]")
            }
        }
        checkUnique(component.figures, "figure", { $0.value["title"]?.string ?? "" }) { "\($0.pointer)/title" }
        let isOfLayers = component.kind == .probe && component.scope != .run
        let outputs = bindings.flatMap { binding in
            component.outputs.map {
                MeasuredOutput(
                    name: binding.recordedName($0), declaration: $0, isOfLayers: isOfLayers)
            }
        }
        let names = outputs.map(\.name)
        for figure in component.figures {
            let mistakes = Figure.mistakes(in: figure.value, outputs: outputs) { pattern in
                let known =
                    names.count > 12
                    ? Nearest.question(for: pattern.text, among: names)
                    : Nearest.hint(for: pattern.text, among: names)
                return "no output is called '\(pattern.text)'\(known)"
            }
            for mistake in mistakes {
                let pointer = mistake.path.reduce(figure.pointer) { Pointer.child($0, $1) }
                add(pointer, key: mistake.isOfKey, mistake.sentence)
            }
        }
    }
}
