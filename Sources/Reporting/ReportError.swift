/// What is wrong with a study folder, where, and what to do.
package struct ReportError: Error, Hashable, CustomStringConvertible {
    package var message: String
    /// `runs/3f1c…/observations.csv:17`, `study.json: claims[1].that`.
    package var location: String

    package init(_ message: String, at location: String) {
        self.message = message
        self.location = location
    }

    package var description: String { "\(location): \(message)" }
}
