import Manifests

/// The factor of an option as a function of the step.
package final class PluginSchedule {
    let place: String
    private let frame: CallFrame

    init(_ loaded: LoadedComponent) throws(PluginError) {
        place = loaded.context.place
        frame = try loaded.frame()
        try frame.bind([:])
    }

    /// The factor for the update that `step` updates came before.
    package func factor(step: Int) throws(PluginError) -> Double {
        frame.set(step: step)
        guard frame.call() != CallFrame.changedFloatMode else {
            throw PluginError(place, "changed the floating-point mode; it must leave it as it finds it")
        }
        return frame.returned
    }
}

/// A float option of an attached update whose value is its base value times a factor.
struct ScheduledOption {
    private let base: Double
    /// What the option's declaration allows.
    private let lowest, highest: Double
    private let declaration: ParameterDeclaration
    private let schedule: PluginSchedule
    /// Where calls find the value.
    private let slots: ContiguousArray<UnsafeMutablePointer<UInt64>>

    var name: String { declaration.id }

    /// - Parameter frames: of the calls that `set` changes; none where another process makes them.
    init(
        _ name: String, _ schedule: PluginSchedule, of component: Component, _ options: [String: JSON],
        _ frames: ContiguousArray<CallFrame> = []
    ) throws(PluginError) {
        guard let declaration = component.parameter(name), declaration.type == .float,
            let base = options[name]?.double
        else {
            throw PluginError(
                "plugin \(component.fullID)", "has no float option '\(name)' that a schedule could change")
        }
        (self.declaration, self.base, self.schedule) = (declaration, base, schedule)
        let (minimum, maximum) = (declaration.minimum?.double ?? -.infinity, declaration.maximum?.double ?? .infinity)
        lowest = declaration.excludesMinimum ? minimum.nextUp : minimum
        highest = declaration.excludesMaximum ? maximum.nextDown : maximum
        slots = ContiguousArray(frames.flatMap { $0.slots(of: name) })
    }

    func set(step: Int) throws(PluginError) {
        let value = try value(step: step)
        for slot in slots { slot.pointee = value.bitPattern }
    }

    func value(step: Int) throws(PluginError) -> Double {
        let factor = try schedule.factor(step: step)
        let value = base * factor
        guard value.isFinite, value >= lowest, value <= highest else {
            throw PluginError(
                schedule.place,
                "gives the factor \(factor) at step \(step): \(declaration.id) = \(value) is not "
                    + (value.isFinite ? declaration.bounds : "finite"))
        }
        return value
    }
}
