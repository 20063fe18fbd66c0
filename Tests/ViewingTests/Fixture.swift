import Foundation
import Manifests
import PluginTesting
import Studies
import Testing

/// A folder of a study that runs: two settings of a learning rate, three seeds each, one finished, two begun.
final class LiveFolder {
    let path = NSTemporaryDirectory() + "syzygy-viewing-\(UUID().uuidString)"
    var folder: StudyFolder { StudyFolder(path) }
    let rates = ["0.1", "0.3"]
    static let seeds = 3

    static func name(_ rate: Int, _ seed: Int) -> String { "r\(rate)-s\(seed)" }

    init(title: String = "Two rates") throws {
        try StudyFolder.create(path + "/runs")
        let names = rates.indices.flatMap { rate in (0..<Self.seeds).map { JSON.string(Self.name(rate, $0)) } }
        let settings = [0.1, 0.3].map { JSON.object(["optimizer.lr": .double($0)]) }
        let study: JSON = .object([
            "study": .string("rates"), "title": .string(title),
            "sweep": .object(["optimizer.lr": .array([.double(0.1), .double(0.3)])]), "settings": .array(settings),
            "seeds": .array((0..<Self.seeds).map(JSON.int)), "runs": .array(names),
        ])
        try Data(study.text(pretty: true).utf8).write(to: URL(fileURLWithPath: folder.studyFile))
        try write(0, 0, .finished, step: 40, values: [1, 0.5, 0.25])
        try write(0, 1, .interrupted, step: 20, values: [0.9, 0.6])
        try write(1, 0, .interrupted, step: 20, values: [0.8, 0.4])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Values of `test.loss` at steps 0, 20, 40, and of two layers.
    func write(
        _ rate: Int, _ seed: Int, _ status: RunRecord.Status, step: Int, values: [Double] = [], message: String = ""
    ) throws {
        let name = Self.name(rate, seed)
        let json: JSON = .object([
            "name": .string(name), "identity": .string(name), "study": .string("rates"), "title": .string(""),
            "status": .string(status.rawValue), "message": .string(message), "step": .int(step),
            "swept": .object(["optimizer.lr": .double([0.1, 0.3][rate])]), "seed": .int(seed),
            "configuration": .object(["train": .object(["steps": .int(40)])]), "seconds": .double(2),
        ])
        var record = try #require(RunRecord(json))
        if status == .failed { record.failure = .init(end: "signal 11 (SIGSEGV)", log: ["last words <of> it"]) }
        try StudyFolder.create(folder.runFolder(name))
        try record.write(folder: folder.runFolder(name))
        var text = ObservationWriter.header + "\n"
        for (index, value) in values.enumerated() {
            text += "\(20 * index),test,loss,,,\(value),\n"
            for (layer, factor) in [("fc1", 2.0), ("head", 3.0)] {
                text += "\(20 * index),crh,alpha,\(layer),,\(value * factor),\n"
            }
        }
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.observationsFile(name)))
    }
}
