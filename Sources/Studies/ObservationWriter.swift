import Foundation
import Protocols

/// Appends to `observations.csv`: `step,probe,output,layer,index,value,reason`, one line per observation.
///
/// `flush` hands the collected lines to the system in one write, so a killed run loses at most the step it was measuring.
package final class ObservationWriter {
    package static let header = "step,probe,output,layer,index,value,reason"

    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []

    /// Starts the file anew, or behind the observations of a step: later ones, which a run made before it was killed, are dropped.
    package init(path: String, resumingAt step: Int? = nil) throws(StudyError) {
        self.path = path
        let kept = step.flatMap { Self.lines(of: path, through: $0) }
        descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw StudyError("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        buffer.append(contentsOf: kept ?? Data("\(Self.header)\n".utf8))
    }

    /// The header and the whole lines up to a step; nil if there is no such file.
    private static func lines(of path: String, through step: Int) -> Data? {
        guard let data = FileManager.default.contents(atPath: path), data.starts(with: header.utf8) else {
            return nil
        }
        var kept = Data()
        var start = data.startIndex
        while let end = data[start...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = data[start...end]
            let number = Int(String(decoding: line.prefix { $0 != UInt8(ascii: ",") }, as: UTF8.self))
            if number.map({ $0 <= step }) ?? kept.isEmpty { kept.append(line) }
            start = data.index(after: end)
        }
        return kept
    }

    deinit { close(descriptor) }

    package var hasUnwritten: Bool { !buffer.isEmpty }

    package func append(_ observation: Observation) {
        append("\(observation.step),")
        append(field: observation.probe)
        append(field: observation.output)
        append(field: observation.layer)
        if let index = observation.index { append("\(index)") }
        append(",")
        switch observation.value {
        case .number(let value) where value.isFinite: append("\(CSV.number(value)),\n")
        case .number(let value): append(",\(value.isNaN ? "nan_result" : "infinite_result")\n")
        case .missing(let reason): append(",\(CSV.field(reason))\n")
        }
    }

    package func flush() throws(StudyError) {
        var offset = 0
        while offset < buffer.count {
            let written = buffer.withUnsafeBytes { bytes in
                write(descriptor, bytes.baseAddress.map { $0 + offset }, bytes.count - offset)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else {
                throw StudyError("\(path): cannot be written: \(String(cString: strerror(errno)))")
            }
            offset += written
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private func append(_ text: String) { buffer.append(contentsOf: text.utf8) }

    private func append(field: String) { append(CSV.field(field) + ",") }
}
