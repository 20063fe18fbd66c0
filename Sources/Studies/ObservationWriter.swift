import Foundation
import LinearAlgebra
import Protocols

/// Appends to `observations.csv`: `step,probe,output,layer,index,value,reason`, one line per observation.
///
/// `flush` hands the collected lines to the system in one write, so a killed run loses at most the step it was measuring.
package final class ObservationWriter {
    package static let header = "step,probe,output,layer,index,value,reason"

    /// How far the file is, and what is in it: what a checkpoint says of the observations that belong to it.
    package struct Position: Hashable, Sendable {
        package var bytes: Int
        package var sha256: String

        package init(bytes: Int, sha256: String) { (self.bytes, self.sha256) = (bytes, sha256) }

        /// Whether a file begins with the same.
        package func isBeginning(of path: String) -> Bool {
            guard let data = FileManager.default.contents(atPath: path), data.count >= bytes else { return false }
            return SHA256.hex(of: data.prefix(bytes)) == sha256
        }
    }

    private let descriptor: Int32
    private let path: String
    private var buffer: [UInt8] = []
    private var written = 0
    private var digest = SHA256.Running()

    /// Starts the file anew, or behind a position that it has: what a run wrote later, before it was killed, is dropped.
    package init(path: String, resumingAt position: Position? = nil) throws(StudyError) {
        self.path = path
        let kept = position.flatMap { FileManager.default.contents(atPath: path)?.prefix($0.bytes) }
        descriptor = open(path, O_WRONLY | O_CREAT | (kept == nil ? O_TRUNC : 0) | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0, kept == nil || ftruncate(descriptor, off_t(kept?.count ?? 0)) == 0 else {
            throw StudyError("\(path): cannot be written: \(String(cString: strerror(errno)))")
        }
        if let kept {
            kept.withUnsafeBytes { digest.add($0) }
            written = kept.count
        } else {
            append("\(Self.header)\n")
        }
    }

    /// Of what `flush` has written.
    package var position: Position { Position(bytes: written, sha256: digest.hex) }

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
        buffer.withUnsafeBytes { digest.add($0) }
        written += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private func append(_ text: String) { buffer.append(contentsOf: text.utf8) }

    private func append(field: String) { append(CSV.field(field) + ",") }
}
