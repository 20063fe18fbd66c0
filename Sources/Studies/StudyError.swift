/// What is wrong with a study, its overrides or its run folder: one line per problem, each with its place.
package struct StudyError: Error, Hashable, CustomStringConvertible {
    package var lines: [String]

    package init(_ line: String) { lines = [line] }
    package init(lines: [String]) { self.lines = lines }

    package var description: String { lines.joined(separator: "\n") }
}
